//! Shows that the sweep finds mistakes of runs that go in waves, keep journals, die and are
//! resumed: one mistake each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ecs_ops::Event;
use ecs_ops::journal::Record;
use ecs_ops::rolling::{Rules, Waves};
use ecs_ops::transport::{Attempt, BoxFuture, Transport, TransportError};
use ecs_sim::FaultyTransport;
use ecs_tests::sweep::{ManyLives, Subject, simulate_with};
use http::{Request, Response};

/// The number of seeds within which each mistake must be found.
const WITHIN: u64 = 1000;

#[track_caller]
fn is_found(subject: &impl Subject, violation: &str) {
    let shows = |seed| {
        let violations = simulate_with(seed, subject).violations;
        violations
            .iter()
            .any(|expected| expected.contains(violation))
    };
    assert!((0..WITHIN).any(shows), "the mistake was not found");
}

/// A journal that replaces each record by the result of this function.
struct Forgetful(fn(Record) -> Option<Record>);

impl Subject for Forgetful {
    fn extras(&self) -> f64 {
        1.0
    }
    fn kept(&self) -> fn(Record) -> Option<Record> {
        self.0
    }
}

/// Sent requests are not recorded: the next process sends them again.
#[test]
fn a_journal_without_the_requests() {
    let subject = Forgetful(|record| match record {
        Record::Intent { .. }
        | Record::Sending { .. }
        | Record::Accepted { .. }
        | Record::NotExecuted { .. }
        | Record::AnswerLost { .. }
        | Record::JobFinished { .. }
        | Record::Escalating { .. }
        | Record::Outcomes { .. } => None,
        record => Some(record),
    });
    is_found(&subject, "accepted 2 times");
}

#[test]
fn a_journal_without_intents() {
    let subject = Forgetful(|record| match record {
        Record::Intent { .. } => None,
        record => Some(record),
    });
    is_found(&subject, "cannot be read back");
}

/// Acceptances are recorded too late to be read: their servers are unknown to the next process.
#[test]
fn a_journal_without_acceptances() {
    let subject = Forgetful(|record| match record {
        Record::Accepted { .. } => None,
        record => Some(record),
    });
    is_found(&subject, "and the journal does not say so");
}

/// Lost answers count as not executed.
#[test]
fn a_journal_of_lost_answers_as_not_executed() {
    let subject = Forgetful(|record| match record {
        Record::AnswerLost { request, error } => Some(Record::NotExecuted {
            request,
            throttled: false,
            retry_after_ms: None,
            error,
        }),
        // An unknown outcome would contradict it.
        Record::Outcomes { .. } => None,
        record => Some(record),
    });
    is_found(&subject, "was sent again");
}

/// A job counts as failed while it is running: hard restarts overlap with soft ones.
#[test]
fn restarting_hard_too_early() {
    struct Hasty;
    impl Subject for Hasty {
        fn extras(&self) -> f64 {
            1.0
        }
        fn transport(&self, faulty: FaultyTransport, _: usize) -> Arc<dyn Transport> {
            Arc::new(Misreading(faulty))
        }
    }
    #[derive(Debug)]
    struct Misreading(FaultyTransport);
    impl Transport for Misreading {
        fn send<'a>(
            &'a self,
            request: Request<Bytes>,
            attempt: &'a Attempt,
        ) -> BoxFuture<'a, Result<Response<Bytes>, TransportError>> {
            let sent = self.0.send(request, attempt);
            Box::pin(async move {
                let (head, body) = sent.await?.into_parts();
                let body = String::from_utf8_lossy(&body).replace("\"RUNNING\"", "\"FAIL\"");
                Ok(Response::from_parts(head, Bytes::from(body)))
            })
        }
    }
    is_found(&Hasty, "its restart had not ended badly");
}

/// A rolling run with other waves or rules than requested.
struct Rolling(fn(Waves, Rules) -> (Waves, Rules));

impl Subject for Rolling {
    fn extras(&self) -> f64 {
        1.0
    }
    fn rolling(&self, waves: Waves, rules: Rules) -> (Waves, Rules) {
        (self.0)(waves, rules)
    }
}

#[test]
fn all_waves_at_once() {
    let subject = Rolling(|mut waves, rules| {
        waves.waves = vec![waves.waves.concat()];
        (waves, rules)
    });
    is_found(&subject, "requests of others went on");
}

#[test]
fn one_failure_too_many() {
    let subject = Rolling(|waves, rules| {
        let max_failures = None;
        let rules = Rules {
            max_failures,
            ..rules
        };
        (waves, rules)
    });
    is_found(&subject, "was announced");
}

#[test]
fn no_pause_between_waves() {
    let subject = Rolling(|waves, rules| {
        let pause = Duration::ZERO;
        (waves, Rules { pause, ..rules })
    });
    is_found(&subject, "without the pause");
}

#[test]
fn no_confirmation_after_the_canary() {
    let subject = Rolling(|waves, rules| {
        let canary = None;
        // Like waves that were planned without one: otherwise the library refuses them.
        (Waves::of(waves.waves), Rules { canary, ..rules })
    });
    is_found(&subject, "without a yes after the canary");
}

#[test]
fn ignoring_health_checks() {
    struct Careless;
    impl Subject for Careless {
        fn extras(&self) -> f64 {
            1.0
        }
        fn heeds_health(&self) -> bool {
            false
        }
    }
    is_found(&Careless, "without a health check");
}

/// An event that never occurs tests nothing: each of these occurs within a few seeds.
#[test]
fn every_event_occurs_in_many_lives() {
    let mut seen: BTreeMap<&str, u32> = KINDS.iter().map(|kind| (*kind, 0)).collect();
    for seed in 0..400 {
        let lived = simulate_with(seed, &ManyLives).lived;
        for life in lived.iter().flat_map(|lived| &lived.lives) {
            if life.played.died {
                *seen.entry("died").or_default() += 1;
            }
            for kind in life.events.iter().filter_map(|(_, event)| kind(event)) {
                *seen.entry(kind).or_default() += 1;
            }
        }
        if seen.values().all(|count| *count >= 2) {
            return;
        }
    }
    panic!("{seen:#?}");
}

const KINDS: [&str; 12] = [
    "died",
    "gone on with",
    "resumed with an unknown outcome",
    "a wave",
    "healthy",
    "ill",
    "yes",
    "no",
    "a pause",
    "a hard restart",
    "sent again",
    "looked at again",
];

fn kind(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::Resumed { unknown: 0, .. } => "gone on with",
        Event::Resumed { .. } => "resumed with an unknown outcome",
        Event::WaveBegan { .. } => "a wave",
        Event::HealthChecked { healthy: true, .. } => "healthy",
        Event::HealthChecked { .. } => "ill",
        Event::Answered { proceed: true } => "yes",
        Event::Answered { .. } => "no",
        Event::Pausing { .. } => "a pause",
        Event::Escalating { .. } => "a hard restart",
        Event::Resubmitting { .. } => "sent again",
        Event::Verifying { .. } => "looked at again",
        _ => return None,
    })
}
