use ecs_model::Job;
use serde_json::json;

use super::*;

fn job(status: &str) -> Job {
    serde_json::from_value(json!({"status": status})).unwrap()
}

#[test]
fn what_a_look_means() {
    let ended = |status| matches!(read(Ok(job(status)), false), Look::Ended(_));
    assert!(ended("SUCCESS") && ended("FAIL"));
    for status in ["INIT", "RUNNING", "PENDING_PAYMENT", "success"] {
        assert!(
            matches!(read(Ok(job(status)), false), Look::Goes(_)),
            "{status}"
        );
    }
    let failure = |judgement| Err(Failure::new(judgement, Problem::new("words")));
    assert!(matches!(
        read(failure(Judgement::Refused), true),
        Look::NotYet
    ));
    assert!(matches!(
        read(failure(Judgement::Refused), false),
        Look::Lost(_)
    ));
    assert!(matches!(
        read(failure(Judgement::RefusedCredentials), true),
        Look::Denied(_)
    ));
}

#[test]
fn looks_come_further_apart() {
    let polling = Polling::default();
    let pauses: Vec<_> = (0..200).map(|looks| polling.pause(looks)).collect();
    assert!(pauses[1..].is_sorted());
    assert_eq!(pauses.last(), Some(&Duration::from_secs(15)));
    assert_eq!(polling.scaled(10.0).pause(0), Duration::from_secs(1));
}
