use ecs_ops::{Outcome, Problem, ServerReport};

use super::*;

fn planned(servers: usize) -> Event {
    Event::Planned {
        run_id: "r".to_owned(),
        servers,
        requests: 2,
    }
}

fn accepted(servers: usize) -> Event {
    Event::Accepted {
        request: 1,
        servers,
        job_id: "j".parse().unwrap(),
        ticket: None,
    }
}

pub(crate) fn done(outcome: &str) -> Event {
    let error = Problem::new("x");
    let job_id = "j".parse().unwrap();
    let outcome = match outcome {
        "failed" => Outcome::Failed {
            job_id: Some(job_id),
            error,
        },
        "unknown" => Outcome::Unknown {
            job_id: None,
            error,
        },
        "not_attempted" => Outcome::NotAttempted { error },
        _ => Outcome::Succeeded {
            job_id: Some(job_id),
            evidence: Default::default(),
        },
    };
    let id = "616fb98f-46ca-475e-917e-2563e5a8cd19".parse().unwrap();
    Event::ServerDone(ServerReport::new(id, outcome))
}

fn after(seconds: u64, begin: Instant) -> Instant {
    begin + Duration::from_secs(seconds)
}

#[test]
fn not_attempted_servers_are_not_counted_as_done() {
    let begin = Instant::now();
    let mut tally = Tally::new(begin);
    for event in [
        planned(4),
        accepted(2),
        done("succeeded"),
        done("failed"),
        done("not_attempted"),
        done("unknown"),
    ] {
        tally.count(&event, begin);
    }
    let counts = (
        tally.done,
        tally.succeeded,
        tally.failed,
        tally.unknown,
        tally.not_attempted,
    );
    assert_eq!(counts, (3, 1, 1, 1, 1));
    assert_eq!((tally.running, tally.left(after(60, begin))), (0, None));
    assert_eq!(
        (tally.request(2), tally.request(3)),
        ("request 2 of 2".to_owned(), "request 3".to_owned())
    );
}

#[test]
fn a_resumed_run_continues_its_counts_and_measures_its_own_rate() {
    let begin = Instant::now();
    let mut tally = Tally::new(begin);
    tally.count(&planned(40), begin);
    let resumed = Event::Resumed {
        done: 20,
        watched: 5,
        unknown: 0,
        unsent: 15,
    };
    tally.count(&resumed, begin);
    (0..20).for_each(|_| tally.count(&done("succeeded"), begin));
    assert_eq!((tally.done, tally.running), (20, 5));
    assert_eq!(tally.per_minute(after(30, begin)), None);
    (0..5).for_each(|_| tally.count(&done("succeeded"), begin));
    assert_eq!((tally.done, tally.running), (25, 0));
    assert_eq!(tally.per_minute(after(30, begin)), Some(10.0));
    assert_eq!(tally.left(after(30, begin)), Some(Duration::from_secs(90)));
}

#[test]
fn waits_count_down() {
    let begin = Instant::now();
    let mut tally = Tally::new(begin);
    let status = |tally: &Tally, seconds| tally.status(after(seconds, begin)).unwrap_or_default();
    let throttled = Event::Throttled {
        request: 1,
        error: Problem::new("slow down"),
        retry_after: Duration::from_secs(60),
    };
    tally.count(&throttled, begin);
    assert_eq!(status(&tally, 0), "throttled, retry in 60 s");
    assert_eq!(status(&tally, 48), "throttled, retry in 12 s");
    tally.count(&accepted(1), begin);
    assert_eq!(status(&tally, 48), "");
    let pausing = Event::Pausing {
        wave: 1,
        pause: Duration::from_secs(300),
    };
    tally.count(&pausing, begin);
    assert_eq!(status(&tally, 10), "pausing 4 min 50 s");
    let began = Event::WaveBegan {
        wave: 2,
        waves: 3,
        servers: 5,
    };
    tally.count(&began, begin);
    let held = Event::WaitingForQuota {
        request: 2,
        servers: 5,
        retry_after: Some(Duration::from_secs(40)),
    };
    tally.count(&held, after(20, begin));
    assert_eq!(status(&tally, 32), "waiting for quota, 28 s left");
    // The wait took longer than expected.
    assert_eq!(status(&tally, 61), "waiting for quota 41 s");
    let submitting = Event::Submitting {
        request: 2,
        servers: 5,
    };
    tally.count(&submitting, begin);
    assert_eq!(status(&tally, 40), "");
    tally.count(&Event::Asking { wave: 2 }, begin);
    assert_eq!(
        (status(&tally, 40).as_str(), tally.asking),
        ("asking", true)
    );
    let stopping = Event::Stopping {
        reason: "asked".to_owned(),
        cause: None,
    };
    tally.count(&stopping, begin);
    assert_eq!(
        (status(&tally, 40).as_str(), tally.asking),
        ("stopping", false)
    );
}

#[test]
fn a_wave_counts_its_own_servers() {
    let begin = Instant::now();
    let mut tally = Tally::new(begin);
    for wave in 1..3 {
        let began = Event::WaveBegan {
            wave,
            waves: 3,
            servers: 5,
        };
        tally.count(&began, begin);
        (0..5).for_each(|_| tally.count(&done("succeeded"), begin));
    }
    assert_eq!(
        (tally.wave, tally.wave_done, tally.wave_servers, tally.done),
        (Some((2, 3)), 5, 5, 10)
    );
}
