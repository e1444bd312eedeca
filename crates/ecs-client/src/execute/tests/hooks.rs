//! Tests of the order in which hooks are called around the attempts of an action.

use super::*;

fn entries(log: &RunJournal) -> Vec<String> {
    log.lock().unwrap().clone()
}

/// Each attempt is recorded before the transport has the request. Certain facts are reported before
/// the pause.
#[tokio::test(start_paused = true)]
async fn hooks_are_called_in_order() {
    let log = RunJournal::default();
    let script = vec![OUT_OF_REACH, THROTTLED, Script::Answer(200, JOB)];
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

/// After an attempt that may have been executed no hook is called and nothing is sent.
#[tokio::test(start_paused = true)]
async fn attempts_that_may_have_been_executed_are_not_repeated() {
    let log = RunJournal::default();
    let lost = Script::Fail(TransportErrorKind::Closed, Delivery::MaybeSent);
    let (client, _) = client_of(vec![lost, Script::Answer(200, JOB)], &log);
    let mut hooks = Recorder::new(&log);
    let error = send(&client, &mut hooks, &SendState::default()).await;
    let error = error.unwrap_err();
    assert_eq!(error.classification(), Classification::Unknown);
    assert_eq!(error.stop_cause(), StopCause::GaveUp);
    let expected = ["before_send 1", "notify sending", "attempt_started", "sent"];
    assert_eq!(entries(&log), expected);
}

/// A request that cannot be recorded is not sent.
#[tokio::test(start_paused = true)]
async fn unrecorded_attempts_are_not_sent() {
    let log = RunJournal::default();
    let (client, seen) = client_of(vec![Script::Answer(200, JOB)], &log);
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

/// A stop during recording keeps the attempt from being sent, and that is recorded too.
#[tokio::test(start_paused = true)]
async fn stop_during_recording_prevents_sending() {
    let log = RunJournal::default();
    let (client, seen) = client_of(vec![Script::Answer(200, JOB)], &log);
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

/// A stop ends the pause before another attempt at once and reports how the last one ended.
#[tokio::test(start_paused = true)]
async fn stop_ends_the_pause() {
    let log = RunJournal::default();
    let slow =
        Script::AnswerWithHeaders(429, FLOW_CONTROL.to_owned(), vec![("retry-after", "1000")]);
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

/// A request that is stopped before its turn is not sent.
#[tokio::test(start_paused = true)]
async fn stop_before_the_first_attempt_sends_nothing() {
    let log = RunJournal::default();
    let (client, seen) = client_of(vec![Script::Answer(200, JOB)], &log);
    let mut hooks = Recorder::new(&log);
    hooks.stop.send_replace(true);
    let error = send(&client, &mut hooks, &SendState::default()).await;
    assert_eq!(error.unwrap_err().stop_cause(), StopCause::NeverSent);
    assert_eq!(seen.posts(), 0);
}

/// A dropped future leaves behind whether the request may have been sent.
#[tokio::test(start_paused = true)]
async fn dropped_future_leaves_its_outcome() {
    let hang = |armed, sent| Script::Hang { armed, sent };
    let later =
        Script::AnswerWithHeaders(429, FLOW_CONTROL.to_owned(), vec![("retry-after", "10")]);
    let cases = [
        // A transport that does not arm the mark proves nothing.
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

/// An attempt whose admission expired is admitted and made again.
#[tokio::test(start_paused = true)]
async fn expired_admissions_are_renewed_before_sending() {
    let log = RunJournal::default();
    let (client, seen) = client_of(vec![Script::Answer(200, JOB)], &log);
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
