use ecs_model::Job;
use serde_json::json;

use super::*;

fn job(status: &str) -> Job {
    serde_json::from_value(json!({"status": status})).unwrap()
}

fn look(watched: &mut Watched, answer: Result<Job, Failure>) -> Look {
    watched.read(answer, &Polling::default())
}

fn refused(status: u16, code: Option<&str>) -> Result<Job, Failure> {
    let problem = Problem::new("words").with_code(code);
    Err(Failure {
        status: Some(StatusCode::from_u16(status).unwrap()),
        authentic: true,
        ..Failure::new(Judgement::Refused, problem)
    })
}

const MINUTE: Duration = Duration::from_secs(60);

fn watched() -> Watched {
    Watched::new("j".parse().unwrap(), Duration::ZERO, MINUTE)
}

#[tokio::test(start_paused = true)]
async fn what_a_look_means() {
    for status in ["SUCCESS", "FAIL"] {
        assert!(matches!(
            look(&mut watched(), Ok(job(status))),
            Look::Ended(_)
        ));
    }
    for status in ["INIT", "RUNNING", "PENDING_PAYMENT", "success"] {
        let looked = look(&mut watched(), Ok(job(status)));
        assert!(matches!(looked, Look::Goes(_)), "{status}");
    }
    let denied = |authentic| {
        Err(Failure {
            authentic,
            ..Failure::new(Judgement::RefusedCredentials, Problem::new("words"))
        })
    };
    let by_the_service = look(&mut watched(), denied(true));
    assert!(matches!(by_the_service, Look::Denied(_)));
    // A page that something on the way put in its place is doubted twice.
    let mut doubted = watched();
    for _ in 0..2 {
        let looked = look(&mut doubted, denied(false));
        assert!(matches!(looked, Look::Trouble(..)));
    }
    let looked = look(&mut doubted, denied(false));
    assert!(matches!(looked, Look::Denied(_)));
    let trouble = Failure {
        look_again: Some(Duration::from_secs(7)),
        ..Failure::new(Judgement::Transient, Problem::new("words"))
    };
    let mut watched = watched();
    assert!(matches!(
        look(&mut watched, Err(trouble)),
        Look::Trouble(..)
    ));
    assert_eq!(watched.next, Instant::now() + Duration::from_secs(7));
}

/// A new job may be unknown for a moment; later an unknown job is gone.
#[tokio::test(start_paused = true)]
async fn a_job_that_is_not_known() {
    for (status, code) in [
        (404, None),
        (400, Some("Common.0011")),
        (404, Some("Ecs.9999")),
    ] {
        let mut watched = watched();
        assert!(matches!(
            look(&mut watched, refused(status, code)),
            Look::NotYet
        ));
        tokio::time::advance(MINUTE - Duration::from_millis(1)).await;
        assert!(matches!(
            look(&mut watched, refused(status, code)),
            Look::NotYet
        ));
        tokio::time::advance(Duration::from_millis(1)).await;
        let Look::Lost(problem) = look(&mut watched, refused(status, code)) else {
            panic!("lost");
        };
        assert!(
            problem.message.contains("does not know the job: words"),
            "{problem}"
        );
        assert_eq!(problem.code.as_deref(), code);
    }
}

/// Any other refusal may be a mistake on the way: it is doubted twice.
#[tokio::test(start_paused = true)]
async fn a_refusal_that_does_not_speak_of_the_job() {
    let mut watched = watched();
    let refusal = || refused(400, Some("Ecs.0005"));
    for _ in 0..2 {
        assert!(matches!(look(&mut watched, refusal()), Look::Trouble(..)));
    }
    assert!(matches!(
        look(&mut watched, Ok(job("RUNNING"))),
        Look::Goes(_)
    ));
    for _ in 0..2 {
        assert!(matches!(look(&mut watched, refusal()), Look::Trouble(..)));
    }
    let Look::Lost(problem) = look(&mut watched, refusal()) else {
        panic!("lost");
    };
    assert!(
        problem
            .message
            .starts_with("the job could not be looked at"),
        "{problem}"
    );
}

#[test]
fn looks_come_further_apart() {
    let polling = Polling::default();
    let pauses: Vec<_> = (0..200).map(|looks| polling.pause(looks)).collect();
    assert!(pauses[1..].is_sorted());
    assert_eq!(pauses.last(), Some(&Duration::from_secs(15)));
    assert_eq!(polling.scaled(10.0).pause(0), Duration::from_secs(1));
}

/// One page of a proxy does not make a job unknown.
#[tokio::test(start_paused = true)]
async fn an_unknown_job_in_the_words_of_something_on_the_way() {
    let proxy = || {
        refused(404, None).map_err(|failure| Failure {
            authentic: false,
            ..failure
        })
    };
    let mut watched = watched();
    assert!(matches!(look(&mut watched, proxy()), Look::NotYet));
    tokio::time::advance(MINUTE).await;
    for _ in 0..2 {
        assert!(matches!(look(&mut watched, proxy()), Look::Trouble(..)));
    }
    assert!(matches!(look(&mut watched, proxy()), Look::Lost(_)));
}
