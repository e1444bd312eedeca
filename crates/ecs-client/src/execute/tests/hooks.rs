//! What happens around the attempts of an action, and in which order.

use super::*;

fn entries(log: &RunJournal) -> Vec<String> {
    log.lock().unwrap().clone()
}

/// The record is there before the transport has the request, for each attempt; what is certain is
/// told before the pause.
#[tokio::test(start_paused = true)]
async fn the_order_of_the_hooks() {
    let log = RunJournal::default();
    let script = vec![OUT_OF_REACH, THROTTLED, Does::Answer(200, JOB)];
    let (client, _) = client_of(script, &log);
    let mut hooks = Recorder::new(&log);
    let sent = send(&client, &mut hooks, &SendState::default()).await;
    assert!(sent.is_ok());
    assert_eq!(
        entries(&log),
        [
            "before_send 1",
            "notify sending",
            "attempt_started",
            "sent",
            "attempt_not_executed",
            "not_executed NotDelivered again",
            "notify retrying",
            "before_send 2",
            "attempt_started",
            "sent",
            "attempt_not_executed",
            "not_executed Throttled again",
            "notify throttled",
            "before_send 3",
            "attempt_started",
            "sent",
        ]
    );
    assert_eq!(hooks.marks.len(), 3);
}

/// After an attempt that may have been executed nothing is called, and nothing is sent.
#[tokio::test(start_paused = true)]
async fn an_attempt_that_may_have_been_executed_is_the_last() {
    let log = RunJournal::default();
    let lost = Does::Fail(TransportErrorKind::Closed, Delivery::MaybeSent);
    let (client, _) = client_of(vec![lost, Does::Answer(200, JOB)], &log);
    let mut hooks = Recorder::new(&log);
    let error = send(&client, &mut hooks, &SendState::default()).await;
    let error = error.unwrap_err();
    assert_eq!(error.classification(), Classification::Unknown);
    assert_eq!(error.stop_cause(), StopCause::GaveUp);
    let expected = ["before_send 1", "notify sending", "attempt_started", "sent"];
    assert_eq!(entries(&log), expected);
}

/// What cannot be recorded is not sent.
#[tokio::test(start_paused = true)]
async fn without_a_record_nothing_is_sent() {
    let log = RunJournal::default();
    let (client, seen) = client_of(vec![Does::Answer(200, JOB)], &log);
    let mut hooks = Recorder::new(&log);
    hooks.broken = Some("the disk is full");
    let send_state = SendState::default();
    let error = send(&client, &mut hooks, &send_state).await.unwrap_err();
    assert_eq!(error.to_string(), "not sent: the disk is full");
    assert_eq!(error.stop_cause(), StopCause::Withdrawn);
    assert_eq!(seen.posts(), 0);
    assert!(entries(&log).is_empty());
    let outcome = send_state.outcome();
    assert!(
        matches!(outcome, SubmissionOutcome::NotExecuted(_)),
        "{outcome:?}"
    );
}

/// A stop while the record is written keeps the attempt from being sent, and that is recorded too.
#[tokio::test(start_paused = true)]
async fn a_stop_during_the_record() {
    let log = RunJournal::default();
    let (client, seen) = client_of(vec![Does::Answer(200, JOB)], &log);
    let mut hooks = Recorder::new(&log);
    hooks.slow = Duration::from_secs(10);
    let stop = hooks.stop.clone();
    let send_state = SendState::default();
    let stopping = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        stop.send_replace(true);
    };
    let sending = send(&client, &mut hooks, &send_state);
    let (sent, ()) = futures_util::future::join(sending, stopping).await;
    let error = sent.unwrap_err();
    assert_eq!(error.stop_cause(), StopCause::Withdrawn);
    assert_eq!(seen.posts(), 0);
    let expected = ["before_send 1", "not_executed NotDelivered no more"];
    assert_eq!(entries(&log), expected);
}

/// A stop ends the pause before another attempt at once, and says how the last one ended.
#[tokio::test(start_paused = true)]
async fn a_stop_during_a_pause() {
    let log = RunJournal::default();
    let slow = Does::Says(429, FLOW_CONTROL.to_owned(), vec![("retry-after", "1000")]);
    let (client, seen) = client_of(vec![slow], &log);
    let mut hooks = Recorder::new(&log);
    let stop = hooks.stop.clone();
    let began = tokio::time::Instant::now();
    let stopping = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        stop.send_replace(true);
    };
    let send_state = SendState::default();
    let sending = send(&client, &mut hooks, &send_state);
    let (sent, ()) = futures_util::future::join(sending, stopping).await;
    let error = sent.unwrap_err();
    assert_eq!(error.stop_cause(), StopCause::Withdrawn);
    assert_eq!(error.classification(), Classification::Throttled);
    assert_eq!((seen.posts(), began.elapsed().as_secs()), (1, 5));
}

/// Stopped before its turn, it was never sent.
#[tokio::test(start_paused = true)]
async fn a_stop_before_the_first_attempt() {
    let log = RunJournal::default();
    let (client, seen) = client_of(vec![Does::Answer(200, JOB)], &log);
    let mut hooks = Recorder::new(&log);
    hooks.stop.send_replace(true);
    let error = send(&client, &mut hooks, &SendState::default()).await;
    assert_eq!(error.unwrap_err().stop_cause(), StopCause::NeverSent);
    assert_eq!(seen.posts(), 0);
}

/// Whoever drops the future still learns whether something may have been sent.
#[tokio::test(start_paused = true)]
async fn a_dropped_future_leaves_its_outcome() {
    let hang = |tells, sent| Does::Hang { tells, sent };
    let later = Does::Says(429, FLOW_CONTROL.to_owned(), vec![("retry-after", "10")]);
    let cases = [
        // A transport that is silent about it proves nothing.
        (hang(false, false), true),
        (hang(true, true), true),
        (hang(true, false), false),
        (later, false),
    ];
    for (does, unknown) in cases {
        let log = RunJournal::default();
        let (client, seen) = client_of(vec![does.clone()], &log);
        let mut hooks = Recorder::new(&log);
        let send_state = SendState::default();
        let sending = send(&client, &mut hooks, &send_state);
        let dropped = tokio::time::timeout(Duration::from_secs(1), sending).await;
        assert!(dropped.is_err());
        assert_eq!(seen.posts(), 1);
        let outcome = send_state.outcome();
        match &outcome {
            SubmissionOutcome::Unknown(problem) => {
                assert!(unknown, "{does:?}");
                assert!(problem.sent_at().is_some());
            }
            SubmissionOutcome::NotExecuted(_) => assert!(!unknown, "{does:?}"),
        }
    }
    let never = SendState::default().outcome();
    let SubmissionOutcome::NotExecuted(problem) = never else {
        panic!("{never:?}")
    };
    assert_eq!(problem.message, crate::NEVER_SENT);
}

/// An attempt whose permission is too old is made again, with a new one.
#[tokio::test(start_paused = true)]
async fn what_was_permitted_too_long_ago_is_not_sent() {
    let log = RunJournal::default();
    let (client, seen) = client_of(vec![Does::Answer(200, JOB)], &log);
    let mut hooks = Recorder::new(&log);
    hooks.slow = Duration::from_secs(2);
    hooks.lifetime = Some(Duration::from_secs(1));
    let error = send(&client, &mut hooks, &SendState::default()).await;
    let error = error.unwrap_err();
    assert_eq!(error.classification(), Classification::NotDelivered);
    assert_eq!(seen.posts(), 0);
    assert_eq!(
        entries(&log)[..6],
        [
            "before_send 1",
            "notify sending",
            "attempt_started",
            "attempt_not_executed",
            "not_executed NotDelivered again",
            "notify retrying",
        ]
    );
    hooks.lifetime = Some(Duration::from_secs(2));
    assert!(
        send(&client, &mut hooks, &SendState::default())
            .await
            .is_ok()
    );
}
