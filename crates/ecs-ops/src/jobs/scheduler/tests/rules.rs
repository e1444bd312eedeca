//! The rules, one at a time.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A book, and what it needs.
struct Desk {
    scheduler: PollScheduler,
    durations: DurationStats,
    rng: ChaCha8Rng,
}

impl Desk {
    fn new() -> Self {
        Self {
            scheduler: PollScheduler::new(Polling::default()),
            durations: DurationStats::default(),
            rng: ChaCha8Rng::seed_from_u64(1),
        }
    }

    fn watch(&mut self, now: u32, subscriber_id: usize, options: ScheduleOptions) {
        let (durations, rng) = (&self.durations, &mut self.rng);
        self.scheduler.watch(
            now * SECOND,
            job(1),
            (0, subscriber_id),
            options,
            durations,
            rng,
        );
    }

    /// Polls the job that is due.
    fn result(&mut self, now: u32, result: PollResult) -> PollDecision {
        let (key, ..) = self.scheduler.take_due(now * SECOND).unwrap();
        let (durations, rng) = (&mut self.durations, &mut self.rng);
        self.scheduler
            .polled(now * SECOND, key, result, durations, rng)
    }

    fn due(&self) -> Option<f64> {
        self.scheduler.next_due().map(|due| due.as_secs_f64())
    }
}

fn until(deadline: u32) -> ScheduleOptions {
    ScheduleOptions {
        deadline: Some(deadline * SECOND),
        ..options()
    }
}

fn new(began: u32) -> ScheduleOptions {
    ScheduleOptions {
        began: Some(began * SECOND),
        ..options()
    }
}

fn over(kind: &str, took: Option<Duration>) -> PollResult {
    PollResult {
        outcome: PollOutcome::Found {
            over: Completion::Finished,
            age: None,
        },
        snapshot: Some(JobSnapshot {
            progress: 3,
            kind: Some(kind.to_owned()),
            took,
        }),
        history: RetryState::default(),
    }
}

/// A past deadline hides no later one; and as long as there is a subscriber, the job is
/// polled.
#[test]
fn each_subscriber_has_a_last_poll() {
    let mut desk = Desk::new();
    desk.watch(0, 1, until(5));
    desk.watch(0, 2, until(12));
    desk.result(0, is_still_running(1));
    // Half a shortest pause before the first of them, then before the second.
    assert_eq!(desk.due(), Some(4.0));
    desk.result(4, is_still_running(1));
    assert!(desk.due().is_some_and(|due| due > 4.0 && due <= 11.0));
    // The first is still in the books.
    let mut last = 4;
    while let Some(due) = desk.due() {
        last = due.ceil() as u32;
        desk.result(last, is_still_running(1));
    }
    assert!((9..=11).contains(&last), "{last}");
    assert!(!desk.scheduler.is_empty());
}

#[test]
fn a_later_subscriber_with_less_time_advances_the_poll() {
    let mut desk = Desk::new();
    desk.watch(0, 1, new(0));
    assert!(desk.due().is_some_and(|due| (9.0..=11.0).contains(&due)));
    let hurried = ScheduleOptions {
        began: Some(Duration::ZERO),
        ..until(6)
    };
    desk.watch(1, 2, hurried);
    assert_eq!(desk.due(), Some(5.0));
}

/// The age of a job counts from its beginning, not from the first subscriber.
#[test]
fn the_first_poll_of_a_job_that_began_earlier() {
    let mut desk = Desk::new();
    desk.watch(6, 1, new(0));
    assert!(desk.due().is_some_and(|due| (9.0..=11.0).contains(&due)));
}

/// Failures are counted until a poll shows the job.
#[test]
fn a_poll_that_shows_the_job_resets_the_failures() {
    let mut desk = Desk::new();
    desk.watch(0, 1, options());
    let history = RetryState {
        failures: 3,
        ..RetryState::default()
    };
    let failed = PollResult {
        outcome: PollOutcome::Inconclusive(7 * SECOND),
        snapshot: None,
        history,
    };
    let decision = desk.result(0, failed);
    assert_eq!((decision.next_in, desk.due()), (7 * SECOND, Some(7.0)));
    let (key, _, before) = desk.scheduler.take_due(7 * SECOND).unwrap();
    assert_eq!(before, history);
    let seen = PollResult {
        history,
        ..is_still_running(1)
    };
    let (durations, rng) = (&mut desk.durations, &mut desk.rng);
    desk.scheduler.polled(7 * SECOND, key, seen, durations, rng);
    let later = desk.scheduler.next_due().unwrap();
    assert_eq!(
        desk.scheduler.take_due(later).unwrap().2,
        RetryState::default()
    );
}

/// Falling back is none, and does not make what was there before new again.
#[test]
fn progress_only_grows() {
    let mut desk = Desk::new();
    let short_limit = ScheduleOptions {
        stall_limit: Some(60 * SECOND),
        ..options()
    };
    desk.watch(0, 1, short_limit);
    desk.result(0, is_still_running(2));
    let mut stalled = None;
    for turn in 0..100 {
        let now = desk.due().unwrap().ceil() as u32;
        let decision = desk.result(now, is_still_running(1 + turn % 2));
        if !decision.stalled.is_empty() {
            stalled = Some(now);
            break;
        }
    }
    assert!(
        stalled.is_some_and(|now| (60..80).contains(&now)),
        "{stalled:?}"
    );
}

/// By the service's times or ours, whatever is less: both may count more than the job itself.
#[test]
fn a_finished_job_teaches_its_duration() {
    let learned = |took: Option<Duration>, options: ScheduleOptions, ended: u32| {
        let mut desk = Desk::new();
        for _ in 0..32 {
            // It was seen running before, because our own clock says nothing about a job that had ended when it
            // was first seen.
            let at_once = ScheduleOptions {
                at_once: true,
                ..options.clone()
            };
            desk.watch(0, 1, at_once);
            desk.result(0, is_still_running(1));
            let (key, ..) = desk.scheduler.take_due(100 * SECOND).unwrap();
            let (durations, rng) = (&mut desk.durations, &mut desk.rng);
            let result = over("kind", took);
            let decision = desk
                .scheduler
                .polled(ended * SECOND, key, result, durations, rng);
            assert_eq!(decision.end, Some(WatchEnd::Finished));
        }
        let expected = desk.durations.expected("kind", &Polling::default());
        (expected.begin().as_secs_f64() * 36.0 - 40.0) / 32.0
    };
    let near = |learned: f64, seconds: f64| (learned - seconds).abs() < 0.01;
    assert!(near(learned(Some(20 * SECOND), new(0), 30), 20.0));
    assert!(near(learned(Some(50 * SECOND), new(0), 30), 30.0));
    assert!(near(learned(None, new(0), 30), 30.0));
    assert!(near(learned(Some(20 * SECOND), options(), 30), 20.0));
    // The beginning is unknown: nothing is learned, and the assumption stays.
    assert!(near(learned(None, options(), 30), 10.0));
}

/// Of a job that was found the kind is known with the first sight, and with it when such jobs end.
#[test]
fn the_kind_that_is_seen_counts() {
    let next = |learned: &str| {
        let mut desk = Desk::new();
        for _ in 0..32 {
            desk.durations.learn(learned, 100 * SECOND);
        }
        desk.watch(0, 1, options());
        let mut result = is_still_running(1);
        result.snapshot.as_mut().unwrap().kind = Some("slow".to_owned());
        desk.result(0, result);
        desk.due().unwrap()
    };
    assert!(next("slow") > 60.0);
    assert!(next("other") < 12.0);
}
