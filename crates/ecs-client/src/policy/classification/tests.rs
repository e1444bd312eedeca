//! The table of `docs/decisions/0001-what-an-answer-proves.md` as data.

mod properties;

use ecs_model::{ErrorInfo, Executed, Idempotency, ResponseError};
use ecs_transport::{Delivery, TransportError, TransportErrorKind};
use http::{HeaderMap, StatusCode};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::policy::{RequestClass, RetryDecision, RetryPolicy, RetryState};

const ACTION: Idempotency = Idempotency::NotIdempotent;
const READ: Idempotency = Idempotency::Idempotent;

fn answer(status: u16, body: &str) -> ResponseError {
    let status = StatusCode::from_u16(status).unwrap();
    ResponseError::parse(status, &HeaderMap::new(), body.as_bytes())
}

fn action(status: u16, body: &str) -> Classification {
    classify(ACTION, AttemptOutcome::Answered(&answer(status, body)))
}

/// Returns a code in every form in which the service and its gateways write errors.
fn families(code: &str) -> [String; 6] {
    [
        format!(r#"{{"error":{{"code":"{code}","message":"words"}}}}"#),
        format!(
            r#"{{"error":{{"message":"words","details":[{{"code":"{code}","message":"more"}}]}}}}"#
        ),
        format!(r#"{{"error_code":"{code}","error_msg":"words","request_id":"r"}}"#),
        format!(r#"{{"errorCode":"{code}","errorMsg":"words"}}"#),
        format!(r#"{{"code":"{code}","message":"words"}}"#),
        format!(r#"{{"badRequest":{{"code":"{code}","message":"words"}}}}"#),
    ]
}

/// Bodies that do not prove that the service made them.
const UNPROVEN: &[&str] = &[
    "",
    "{}",
    "null",
    "Forbidden",
    "<html><head><title>oops</title></head></html>",
    r#"{"error":{"code":"Ecs.01"#,
    r#"{"message":"no Route matched with those values"}"#,
    r#"{"status":404,"error":"Not Found","path":"/"}"#,
    r#"{"itemNotFound":{"code":498,"message":"gone"}}"#,
    r#"{"error":{"message":"words, but no request id"}}"#,
];

/// An answer that is not proven to be the service's proves nothing about an action, whatever its
/// status.
#[test]
fn statuses_alone_prove_nothing() {
    for status in (200..600).chain([600, 999]).filter(|status| *status != 498) {
        for body in UNPROVEN {
            assert_eq!(
                action(status, body),
                Classification::Unknown,
                "{status} {body}"
            );
        }
    }
}

/// The pages of `gateways.md`, byte for byte except for their length. Each was also sent after the
/// service had acted.
#[test]
fn gateway_pages_prove_nothing() {
    type Sent = (u16, &'static [(&'static str, &'static str)], &'static str);
    let pages: &[Sent] = &[
        // HAProxy 2.6.12, `http-response deny deny_status 429`, and `http-request deny` alike.
        (
            429,
            &[("cache-control", "no-cache"), ("content-type", "text/html")],
            "<html><body><h1>429 Too Many Requests</h1>\nYou have sent too many requests in a given amount of time.\n</body></html>\n",
        ),
        (
            403,
            &[("cache-control", "no-cache"), ("content-type", "text/html")],
            "<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n",
        ),
        // HAProxy, `http-response return status 404`.
        (404, &[("content-length", "0")], ""),
        // HAProxy, tarpit.
        (
            500,
            &[("content-type", "text/html")],
            "<html><body><h1>500 Internal Server Error</h1></body></html>",
        ),
        // Squid 5.7, `http_reply_access deny` and `deny_info 429:ERR_ACCESS_DENIED`.
        (
            403,
            &[
                ("server", "squid/5.7"),
                ("x-squid-error", "ERR_ACCESS_DENIED 0"),
                ("x-cache", "MISS from vm"),
                ("via", "1.1 vm (squid/5.7)"),
            ],
            "<html><head><title>ERROR: The requested URL could not be retrieved</title></head><body>Access Denied.</body></html>",
        ),
        (
            429,
            &[("server", "squid/5.7"), ("via", "1.1 vm (squid/5.7)")],
            "<html><head><title>ERROR: The requested URL could not be retrieved</title></head></html>",
        ),
        // nginx 1.22.1: `error_page 502 =404`, a 401, `limit_req`, `client_max_body_size`,
        // ModSecurity phase 3.
        (
            404,
            &[("server", "nginx/1.22.1")],
            "<html>\r\n<head><title>404 Not Found</title></head></html>",
        ),
        (
            401,
            &[("server", "nginx/1.22.1")],
            "<html>\r\n<head><title>401 Authorization Required</title></head></html>",
        ),
        (
            503,
            &[("server", "nginx/1.22.1")],
            "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head></html>",
        ),
        (
            413,
            &[("server", "nginx/1.22.1")],
            "<html>\r\n<head><title>413 Request Entity Too Large</title></head></html>",
        ),
        (
            429,
            &[("server", "nginx/1.22.1")],
            "<html>\r\n<head><title>429 Too Many Requests</title></head></html>",
        ),
        // A request id that a gateway passes on does not make its page the service's.
        (403, &[("x-request-id", "8c6e")], "<html>"),
        (429, &[("x-request-id", "8c6e"), ("retry-after", "1")], ""),
    ];
    for (status, headers, body) in pages {
        let error = answer_with(*status, headers, body);
        let outcome = AttemptOutcome::Answered(&error);
        assert_eq!(
            classify(ACTION, outcome),
            Classification::Unknown,
            "{status} {headers:?} {body}"
        );
    }
}

fn answer_with(status: u16, given: &[(&str, &str)], body: &str) -> ResponseError {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let name: http::HeaderName = name.parse().unwrap();
        headers.append(name, value.parse().unwrap());
    }
    ResponseError::parse(
        StatusCode::from_u16(status).unwrap(),
        &headers,
        body.as_bytes(),
    )
}

/// The documented refusals, in each error family.
#[test]
fn documented_codes_are_classified_in_every_family() {
    use Classification::{Refused, RefusedCredentials, Throttled, Unknown};
    let table = [
        (202, "Common.0024", Throttled),
        (429, "Common.1503", Throttled),
        (429, "APIGW.0308", Throttled),
        // Throttling with an unlisted code, and with one that does not mean throttling.
        (429, "APIGW.9999", Throttled),
        (429, "Ecs.0005", Throttled),
        (501, "Ecs.0603", Throttled),
        (400, "Ecs.0118", Refused),
        (404, "Ecs.0114", Refused),
        (404, "Ecs.0614", Refused),
        (400, "Ecs.0605", Refused),
        (400, "Ecs.0100", Refused),
        (400, "Ecs.0005", Refused),
        (400, "Ecs.9999", Refused),
        (404, "APIGW.0101", Refused),
        (400, "Common.0002", Refused),
        (401, "Common.0013", RefusedCredentials),
        (400, "Common.0018", RefusedCredentials),
        (400, "Ecs.0023", RefusedCredentials),
        (401, "APIGW.0301", RefusedCredentials),
        (403, "Pdp.0001", RefusedCredentials),
        (403, "Pdp.9999", RefusedCredentials),
        (403, "Ecs.0003", RefusedCredentials),
        // A 400 that reports failed work proves nothing.
        (400, "Ecs.0002", Unknown),
        (400, "Ecs.0227", Unknown),
        (400, "Ecs.0611", Unknown),
        (400, "Ecs.1000", Unknown),
        (400, "Ecs.1002", Unknown),
        (429, "Ecs.0002", Unknown),
        (500, "Common.0001", Unknown),
        // Nor does a code that would be proof, with a status of a server error or of a success.
        (500, "Ecs.0114", Unknown),
        (502, "Ecs.0005", Unknown),
        (503, "Common.0024", Unknown),
        (504, "APIGW.0308", Unknown),
        (408, "Ecs.0005", Unknown),
        (499, "APIGW.0308", Unknown),
        (200, "Ecs.0114", Unknown),
        (200, "Common.0024", Unknown),
        (202, "Ecs.0603", Unknown),
        (202, "Common.1503", Unknown),
        (501, "Common.0024", Unknown),
        (501, "APIGW.0308", Unknown),
        (307, "Ecs.0005", Unknown),
    ];
    for (status, code, expected) in table {
        for body in families(code) {
            assert_eq!(action(status, &body), expected, "{status} {body}");
        }
    }
}

/// The forms of OpenStack's services, which have no codes of the vendor's.
#[test]
fn openstack_faults_are_classified() {
    use Classification::{Refused, RefusedCredentials, Throttled, Unknown};
    let fault = |name: &str, code: u16| format!(r#"{{"{name}":{{"code":{code},"message":"m"}}}}"#);
    let table = [
        (404, fault("itemNotFound", 404), Refused),
        (409, fault("conflictingRequest", 409), Refused),
        (400, fault("badRequest", 400), Refused),
        (403, fault("forbidden", 403), RefusedCredentials),
        (401, fault("unauthorized", 401), RefusedCredentials),
        (413, fault("overLimit", 413), Throttled),
        (429, fault("overLimit", 429), Throttled),
        (500, fault("computeFault", 500), Unknown),
        (503, fault("serviceUnavailable", 503), Unknown),
        (
            401,
            r#"{"error":{"code":401,"title":"Unauthorized","message":"m"}}"#.to_owned(),
            RefusedCredentials,
        ),
    ];
    for (status, body, expected) in table {
        assert_eq!(action(status, &body), expected, "{status} {body}");
    }
}

/// The envelope without a code is a refusal if a request id is in the headers, and proves nothing
/// otherwise.
#[test]
fn envelope_without_a_code_is_a_refusal_only_with_a_request_id() {
    use Classification::{Refused, Unknown};
    let body = r#"{"error":{"message":"Server x is locked."}}"#;
    let table = [
        (400, Refused),
        (404, Refused),
        (409, Refused),
        (401, Unknown),
        (403, Unknown),
        (407, Unknown),
        (408, Unknown),
        (429, Unknown),
        (500, Unknown),
        (200, Unknown),
    ];
    for (status, expected) in table {
        let error = answer_with(status, &[("x-request-id", "8c6e")], body);
        let classification = classify(ACTION, AttemptOutcome::Answered(&error));
        assert_eq!(classification, expected, "{status}");
    }
}

/// A redirect of the whole site and a proxy that wants credentials are the two proofs that do not
/// come from the service.
#[test]
fn unforwarded_requests_are_classified() {
    for idempotency in [ACTION, READ] {
        let redirected = classify(idempotency, AttemptOutcome::Redirected);
        assert_eq!(redirected, Classification::NotForwarded);
        let challenge = [("proxy-authenticate", "Basic realm=\"squid\"")];
        let proxy = answer_with(407, &challenge, "<html>");
        let classification = classify(idempotency, AttemptOutcome::Answered(&proxy));
        assert_eq!(classification, Classification::NotForwarded);
    }
    let other_status = answer_with(401, &[("proxy-authenticate", "Basic")], "<html>");
    let classification = classify(ACTION, AttemptOutcome::Answered(&other_status));
    assert_eq!(classification, Classification::Unknown);
}

/// Only proof causes a second sending of an action: all codes × all statuses × all families.
#[test]
fn actions_are_sent_again_only_after_proof() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let policy = RetryPolicy::default();
    for info in ErrorInfo::all() {
        for status in 200..600 {
            let [body, ..] = families(info.code);
            let classification = action(status, &body);
            let state = RetryState::default();
            let next = policy.decide(classification, RequestClass::Action, &state, None, &mut rng);
            if classification.proves_not_executed() {
                let documented = [(202, "Common.0024"), (501, "Ecs.0603")];
                let at_fault = (400..499).contains(&status) && status != 408;
                let throttling = info.disposition.throttling && [202, 501].contains(&status);
                assert!(
                    at_fault || throttling || documented.contains(&(status, info.code)),
                    "{status} {}",
                    info.code
                );
            }
            if let RetryDecision::RetryAfter(_) = next {
                let proof = status == 429 || info.disposition.throttling;
                assert!(proof, "{status} {}", info.code);
                assert!(
                    ![500, 502, 503, 504].contains(&status),
                    "{status} {}",
                    info.code
                );
            }
            if info.disposition.executed == Executed::Maybe {
                assert_eq!(
                    classification,
                    Classification::Unknown,
                    "{status} {}",
                    info.code
                );
            }
        }
    }
}

#[test]
fn every_delivery_is_classified() {
    use Delivery::{MaybeSent, NotSent};
    use TransportErrorKind::{Closed, Connect, Request};
    let table = [
        (ACTION, Connect, NotSent, Classification::NotDelivered),
        (READ, Connect, NotSent, Classification::NotDelivered),
        (ACTION, Closed, MaybeSent, Classification::Unknown),
        (READ, Closed, MaybeSent, Classification::Transient),
        // A request that cannot be sent now cannot be sent later, unless the transport is not sure
        // that it was not sent.
        (ACTION, Request, NotSent, Classification::Refused),
        (READ, Request, NotSent, Classification::Refused),
        (ACTION, Request, MaybeSent, Classification::Unknown),
    ];
    for (idempotency, kind, delivery, expected) in table {
        let error = TransportError::new(kind, delivery);
        let classification = classify(idempotency, AttemptOutcome::Failed(&error));
        assert_eq!(classification, expected, "{kind:?} {delivery:?}");
    }
}

/// Throttling and errors of the service never end the reading of a job.
#[test]
fn only_final_answers_end_a_read() {
    let read = |status, body: &str| classify(READ, AttemptOutcome::Answered(&answer(status, body)));
    for body in UNPROVEN {
        for status in [408, 500, 501, 502, 503, 504] {
            assert_eq!(
                read(status, body),
                Classification::Transient,
                "{status} {body}"
            );
        }
        assert_eq!(read(429, body), Classification::Throttled);
        assert_eq!(read(401, body), Classification::RefusedCredentials);
        assert_eq!(read(404, body), Classification::Refused);
    }
    // Errors about credentials in a 5xx answer prove nothing either.
    for body in families("Common.0013") {
        for status in [408, 499, 500, 501, 502, 503, 504] {
            assert_eq!(
                read(status, &body),
                Classification::Transient,
                "{status} {body}"
            );
        }
        assert_eq!(
            read(400, &body),
            Classification::RefusedCredentials,
            "{body}"
        );
    }
    for body in families("Common.0011") {
        assert_eq!(read(400, &body), Classification::Refused, "{body}");
    }
    for body in families("Common.0025") {
        assert_eq!(read(400, &body), Classification::Transient, "{body}");
    }
    for body in families("Common.0024") {
        assert_eq!(read(202, &body), Classification::Throttled, "{body}");
    }
}
