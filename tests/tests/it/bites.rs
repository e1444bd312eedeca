//! Shows that the sweep finds mistakes: clients with one deliberate mistake each, all of which are
//! found.
//!
//! The mistakes are made at the client's interfaces, by a transport that behaves as a mistaken
//! client would.

mod reports;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ecs_ops::transport::{
    Attempt, BoxFuture, Delivery, Transport, TransportError, TransportErrorKind,
};
use ecs_ops::{ClientBuilder, Outcome, Report, RunBuilder};
use ecs_sim::FaultyTransport;
use ecs_tests::sweep::{GatewayKind, Subject, simulate_with};
use http::{Method, Request, Response, StatusCode};
use tokio::time::Instant;

type Answer = Result<Response<Bytes>, TransportError>;

/// The number of seeds within which each mistake must be found.
const WITHIN: u64 = 2000;

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

/// A client whose transport is a function of the real one.
struct Mistaken(fn(FaultyTransport, Request<Bytes>, Attempt) -> BoxFuture<'static, Answer>);

impl Subject for Mistaken {
    fn transport(&self, faulty: FaultyTransport, _: usize) -> Arc<dyn Transport> {
        Arc::new(MistakenTransport(faulty, self.0))
    }
}

#[derive(Debug)]
struct MistakenTransport(
    FaultyTransport,
    fn(FaultyTransport, Request<Bytes>, Attempt) -> BoxFuture<'static, Answer>,
);

impl Transport for MistakenTransport {
    fn send<'a>(&'a self, request: Request<Bytes>, attempt: &'a Attempt) -> BoxFuture<'a, Answer> {
        (self.1)(self.0.clone(), request, attempt.clone())
    }
}

/// The body of the service's throttling.
const SLOWER: &str = r#"{"error":{"code":"Common.1503","message":"flow control"}}"#;

fn is_action(request: &Request<Bytes>) -> bool {
    request.method() == Method::POST
}

fn response(status: u16, body: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// "It failed, so it was not done": the policy of every general-purpose retry library.
#[test]
fn retrying_requests_that_may_have_been_sent() {
    let subject = Mistaken(|faulty, request, attempt| {
        Box::pin(async move {
            // The mark of the attempt stays silent: a mark that is set takes precedence over the
            // error.
            let inner = Attempt::new(attempt.number());
            let answer = faulty.send(request, &inner).await;
            answer.map_err(|error| TransportError::new(error.kind(), Delivery::NotSent))
        })
    });
    is_found(&subject, "accepted 2 times");
}

/// "The next request may succeed": it continues sending into an outage.
#[test]
fn sending_into_an_outage() {
    let subject = Mistaken(|faulty, request, attempt| {
        Box::pin(async move {
            let acts = is_action(&request);
            let answer = faulty.send(request, &attempt).await;
            let lost = match &answer {
                Ok(response) => response.status().is_server_error(),
                Err(error) => error.delivery() == Delivery::MaybeSent,
            };
            let refused = r#"{"error":{"code":"Ecs.0005","message":"invalid"}}"#;
            if acts && lost {
                Ok(response(400, refused))
            } else {
                answer
            }
        })
    });
    is_found(&subject, "requests were sent into an outage");
}

/// "502, 503 and 504 come from the gateway, so the service has not received it".
#[test]
fn retrying_gateway_errors() {
    let subject = Mistaken(|faulty, request, attempt| {
        Box::pin(async move {
            let answer = faulty.send(request, &attempt).await?;
            Ok(match answer.status().as_u16() {
                502..=504 => response(429, SLOWER),
                _ => answer,
            })
        })
    });
    is_found(&subject, "accepted 2 times");
}

/// Status 200 with an error's code in the body, or none at all: "a success without a job id did
/// nothing".
#[test]
fn retrying_an_empty_success() {
    let subject = Mistaken(|faulty, request, attempt| {
        Box::pin(async move {
            let action = is_action(&request);
            let answer = faulty.send(request, &attempt).await?;
            let nothing = !String::from_utf8_lossy(answer.body()).contains("job_id\":\"");
            Ok(if answer.status().is_success() && action && nothing {
                response(429, SLOWER)
            } else {
                answer
            })
        })
    });
    is_found(&subject, "accepted 2 times");
}

/// The mark is armed and never set: a request that timed out counts as never sent.
#[test]
fn treating_a_timeout_as_not_sent() {
    let subject = Mistaken(|faulty, request, attempt| {
        attempt.mark().hold();
        Box::pin(async move { faulty.send(request, &Attempt::new(attempt.number())).await })
    });
    is_found(&subject, "accepted 2 times");
}

/// A layer between client and transport that sends again by itself: a pool, a proxy, a middleware.
#[test]
fn a_layer_that_retries() {
    let subject = Mistaken(|faulty, request, attempt| {
        Box::pin(async move {
            match faulty.send(request.clone(), &attempt).await {
                Err(error) if error.kind() == TransportErrorKind::Closed => {
                    faulty.send(request, &attempt).await
                }
                answer => answer,
            }
        })
    });
    is_found(&subject, "accepted 2 times");
}

/// A hedging client: when the answer is slow, the same request is sent a second time.
#[test]
fn hedging() {
    let subject = Mistaken(|faulty, request, attempt| {
        Box::pin(async move {
            let first = faulty.send(request.clone(), &attempt);
            match tokio::time::timeout(Duration::from_secs(3), first).await {
                Ok(answer) => answer,
                Err(_) => faulty.send(request, &attempt).await,
            }
        })
    });
    is_found(&subject, "accepted 2 times");
}

/// A request that is recorded as accepted and was never sent: lost between a queue and the wire.
#[test]
fn dropping_a_request() {
    let subject = Mistaken(|faulty, request, attempt| {
        Box::pin(async move {
            if is_action(&request) && request.body().len() % 7 == 3 {
                attempt.mark().set();
                return Ok(response(
                    200,
                    r#"{"job_id":"00000000000000000000000000000001"}"#,
                ));
            }
            faulty.send(request, &attempt).await
        })
    });
    is_found(&subject, "its job is None");
}

/// A job that ended counts as succeeded, whatever its sub-jobs say.
#[test]
fn treating_an_ended_job_as_succeeded() {
    let subject = Mistaken(|faulty, request, attempt| {
        Box::pin(async move {
            let answer = faulty.send(request, &attempt).await?;
            let (head, body) = answer.into_parts();
            let body = String::from_utf8_lossy(&body).replace("\"FAIL\"", "\"SUCCESS\"");
            Ok(Response::from_parts(head, Bytes::from(body)))
        })
    });
    is_found(&subject, "is said to be Succeeded");
}

/// A job that succeeded is trusted even if one of its sub-jobs is not over.
#[test]
fn treating_an_unfinished_sub_job_as_succeeded() {
    let subject = Mistaken(|faulty, request, attempt| {
        Box::pin(async move {
            let answer = faulty.send(request, &attempt).await?;
            let (head, body) = answer.into_parts();
            let body = match String::from_utf8_lossy(&body) {
                body if body.contains("\"end_time\":\"\"") && body.contains("\"SUCCESS\"") => body
                    .replace("\"RUNNING\"", "\"SUCCESS\"")
                    .replace("\"INIT\"", "\"SUCCESS\""),
                body => body.into_owned(),
            };
            Ok(Response::from_parts(head, Bytes::from(body)))
        })
    });
    is_found(&subject, "and its job said");
}

/// A failed job counts as the failure of each of its servers: some of them may have been restarted.
#[test]
fn treating_a_failed_job_as_the_failure_of_all_its_servers() {
    struct Sweeping;
    impl Subject for Sweeping {
        fn report(&self, report: &mut Report) {
            for server in &mut report.servers {
                if let Outcome::Unknown {
                    job_id: Some(job_id),
                    error,
                } = &server.outcome
                {
                    server.outcome = Outcome::Failed {
                        job_id: Some(job_id.clone()),
                        error: error.clone(),
                    };
                }
            }
        }
    }
    is_found(&Sweeping, "and its job said");
}

/// Ids are compared as texts, so that one in upper case is another server's.
#[test]
fn comparing_ids_by_case() {
    let subject = Mistaken(|faulty, request, attempt| {
        Box::pin(async move {
            let answer = faulty.send(request, &attempt).await?;
            let (head, body) = answer.into_parts();
            let body = String::from_utf8_lossy(&body).into_owned();
            let mut parts = body.split("\"server_id\":\"");
            let mut misread = parts.next().unwrap().to_owned();
            for part in parts {
                let (id, rest) = part.split_at(36);
                let same = id == id.to_lowercase();
                let id = if same { id } else { "not-this-server" };
                misread.push_str(&format!("\"server_id\":\"{id}{rest}"));
            }
            Ok(Response::from_parts(head, Bytes::from(misread)))
        })
    });
    is_found(&subject, "is said to be Unknown");
}

/// The reason is read where it is documented, and not in the entities.
#[test]
fn ignoring_the_hidden_reason() {
    let subject = Mistaken(|faulty, request, attempt| {
        Box::pin(async move {
            let answer = faulty.send(request, &attempt).await?;
            let (head, body) = answer.into_parts();
            let body = String::from_utf8_lossy(&body).replace("errorcode_message", "overlooked");
            Ok(Response::from_parts(head, Bytes::from(body)))
        })
    });
    is_found(&subject, "and its job said");
}

/// A throttled or failed query counts as "there is no such job", and the wait ends.
#[test]
fn giving_up_a_job_at_the_first_error() {
    let subject = Mistaken(|faulty, request, attempt| {
        Box::pin(async move {
            let action = is_action(&request);
            let answer = faulty.send(request, &attempt).await;
            match answer {
                Ok(answer) if answer.status().is_success() || action => Ok(answer),
                _ if action => answer,
                _ => Ok(response(
                    400,
                    r#"{"code":"Common.0011","message":"no such job"}"#,
                )),
            }
        })
    });
    is_found(&subject, "is said to be Unknown");
}

/// A client behind a gateway in each seed, with a mistake.
struct BehindAGateway(GatewayKind);

impl Subject for BehindAGateway {
    fn extras(&self) -> f64 {
        0.0
    }

    fn gateway(&self) -> (f64, GatewayKind) {
        (1.0, self.0)
    }
}

/// A gateway's page in place of the answer counts as the service's answer.
#[test]
fn trusting_the_pages_of_a_gateway() {
    let throttling = BehindAGateway(GatewayKind::BelievesThrottlingPages);
    is_found(&throttling, "accepted 2 times");
    let refusals = BehindAGateway(GatewayKind::BelievesRefusalPages);
    is_found(&refusals, "behind a gateway");
}

/// A list from a gateway's cache counts as current.
#[test]
fn trusting_a_cached_list() {
    is_found(
        &BehindAGateway(GatewayKind::BelievesCaches),
        "behind a gateway",
    );
}

/// Records of others count as the run's own.
#[test]
fn treating_the_records_of_others_as_its_own() {
    struct Selfish;
    impl Subject for Selfish {
        fn others_act(&self) -> bool {
            true
        }

        fn extras(&self) -> f64 {
            0.0
        }

        fn client(&self, client: ClientBuilder, _: usize) -> ClientBuilder {
            client.user_id("me")
        }

        fn transport(&self, faulty: FaultyTransport, _: usize) -> Arc<dyn Transport> {
            Arc::new(MistakenTransport(faulty, |faulty, request, attempt| {
                Box::pin(async move {
                    let are_records = request.uri().path().ends_with("/os-instance-actions");
                    let mut answer = faulty.send(request, &attempt).await?;
                    if are_records {
                        let mut records: serde_json::Value =
                            serde_json::from_slice(answer.body()).unwrap_or_default();
                        let actions = records["instanceActions"].as_array_mut();
                        for action in actions.into_iter().flatten() {
                            action["user_id"] = "me".into();
                        }
                        *answer.body_mut() = Bytes::from(records.to_string());
                    }
                    Ok(answer)
                })
            }))
        }
    }
    is_found(&Selfish, "is said to be Succeeded");
}

/// A run without a deadline that waits for a job without progress forever.
#[test]
fn waiting_forever_by_default() {
    struct Slow;
    impl Subject for Slow {
        fn run(&self, run: RunBuilder) -> RunBuilder {
            run.stalled_after(RunBuilder::NEVER)
        }
    }
    is_found(&Slow, "a run did not end");
}
