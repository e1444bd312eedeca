//! No input causes a panic.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::config;
use crate::{
    AnyOperation, BatchRebootServers, BatchStartServers, BatchStopServers, ErrorInfo, Job, JobId,
    JobStatus, ListServersDetails, Operation, ProjectId, RebootType, ResponseError, ServerId,
    ShowJob, ShowServer, arbitrary, operation, request_id,
};

/// Generates bodies: random bytes, random JSON, valid answers with changed bytes or a missing end.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let good = prop_oneof![
        arbitrary::job().prop_map(|json| json.to_string().into_bytes()),
        arbitrary::servers_page().prop_map(|json| json.to_string().into_bytes()),
        arbitrary::almost_valid_request().prop_map(|json| json.to_string().into_bytes()),
        arbitrary::error_body().prop_map(|body| body.bytes),
    ];
    let damaged = (
        good,
        vec((any::<Index>(), any::<u8>()), 0..4),
        any::<Index>(),
    )
        .prop_map(|(mut bytes, changes, end)| {
            for (at, byte) in changes {
                let at = at.index(bytes.len() + 1);
                match bytes.get_mut(at) {
                    Some(place) => *place = byte,
                    None => bytes.truncate(end.index(at + 1)),
                }
            }
            bytes
        });
    prop_oneof![
        vec(any::<u8>(), 0..100),
        r#"[\\ud8c0F{}\[\]":,<html> \r\n]{0,60}"#.prop_map(String::into_bytes),
        arbitrary::json().prop_map(|json| json.to_string().into_bytes()),
        damaged,
    ]
}

fn headers() -> impl Strategy<Value = HeaderMap> {
    let value = vec(prop_oneof![32_u8..127, 128_u8..=255], 0..12)
        .prop_filter_map("not a value", |bytes| HeaderValue::from_bytes(&bytes).ok());
    vec((0_usize..4, value), 0..4).prop_map(|given| {
        const NAMES: [&str; 4] = [
            "x-request-id",
            "x-openstack-request-id",
            "retry-after",
            "location",
        ];
        given
            .into_iter()
            .map(|(name, value)| (http::HeaderName::from_static(NAMES[name]), value))
            .collect()
    })
}

fn status() -> impl Strategy<Value = StatusCode> {
    prop_oneof![Just(200), Just(202), Just(204), 100_u16..1000]
        .prop_map(|status| StatusCode::from_u16(status).expect("three digits"))
}

proptest! {
    #![proptest_config(config(5_000))]

    #[test]
    fn answers_never_panic(status in status(), headers in headers(), body in body()) {
        let error = ResponseError::parse(status, &headers, &body);
        prop_assert_eq!(error.status(), status);
        let _ = (error.to_string(), error.is_throttling(), error.is_credentials(), error.info());
        if let Some(id) = request_id(&headers) {
            prop_assert_eq!(error.request_id(), Some(id.as_str()));
        }
        let accepted = BatchRebootServers::decode(status, &headers, &body);
        prop_assert!(accepted.is_err() || status.is_success());
        let job = ShowJob::decode(status, &headers, &body);
        if let Ok(job) = &job {
            // A parsed value can be written and parsed again.
            let text = serde_json::to_string(job).expect("JSON");
            prop_assert_eq!(&serde_json::from_str::<Job>(&text).expect("a job"), job);
        }
        let page = ListServersDetails::decode(status, &headers, &body);
        let server = ShowServer::decode(status, &headers, &body);
        for error in [accepted.err(), job.err(), page.err(), server.err()].into_iter().flatten() {
            prop_assert_eq!(error.status(), status);
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn requests_never_panic(
        body in body(),
        method in prop_oneof![Just(Method::GET), Just(Method::POST), Just(Method::PUT)],
        path in prop_oneof![
            Just("/v1/p/cloudservers/action".to_owned()),
            "/v1/[a-z%]{1,3}/(cloudservers|jobs)/[ -~]{0,12}",
            "/(v1/)?[ -~]{0,20}",
        ],
    ) {
        let _ = BatchRebootServers::from_json(&body);
        let _ = BatchStartServers::from_json(&body);
        let _ = BatchStopServers::from_json(&body);
        let request = http::Request::builder().method(method).uri(path).body(Bytes::from(body));
        if let Ok(request) = request
            && let Err(error) = AnyOperation::from_request(&request)
        {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn texts_never_panic(text in prop_oneof![any::<String>(), "[%0-9a-fA-F+&=/~]{0,20}", "[a-z]{3,6}=[ -~]{0,30}"]) {
        if let Err(error) = ListServersDetails::from_query(&text) {
            prop_assert!(!error.violations().is_empty());
        }
        let _ = operation::percent_decode(&text);
        let _ = (text.parse::<ServerId>(), text.parse::<ProjectId>(), text.parse::<JobId>());
        let _ = (ErrorInfo::of(&text), RebootType::from_wire(&text));
        let status = JobStatus::from(text.as_str());
        prop_assert_eq!(status.as_str(), text);
    }

    /// Each violation has a pointer, which leads into the body or to a child of one of its values.
    #[test]
    fn pointers_lead_into_the_body(body in arbitrary::almost_valid_request()) {
        let Err(error) = BatchRebootServers::from_json(body.to_string().as_bytes()) else { return Ok(()) };
        prop_assert!(!error.violations().is_empty());
        for violation in error.violations() {
            let pointer = violation.pointer();
            let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
            let found = body.pointer(pointer).or_else(|| body.pointer(parent));
            prop_assert!(found.is_some(), "{violation} in {body}");
        }
    }
}

/// Nesting of any depth does not overflow the stack.
#[test]
fn deep_nesting_does_not_overflow() {
    const DEPTH: usize = 100_000;
    for (open, close) in [("[", "]"), (r#"{"entities":"#, "}"), (r#"{"error":"#, "}")] {
        let body = format!("{}1{}", open.repeat(DEPTH), close.repeat(DEPTH));
        for body in [body.clone(), format!(r#"{{"status":"INIT","x":{body}}}"#)] {
            let headers = HeaderMap::new();
            let _ = ResponseError::parse(StatusCode::BAD_REQUEST, &headers, body.as_bytes());
            let _ = ShowJob::decode(StatusCode::OK, &headers, body.as_bytes());
            let _ = BatchRebootServers::from_json(body.as_bytes());
        }
    }
}

/// Long lists take linear time: comparing a million elements with each other would never end.
#[test]
fn long_lists_take_linear_time() {
    let servers = vec![ServerId::from_bytes([7; 16]); 200_000];
    let error = BatchRebootServers::new(RebootType::Soft, servers).expect_err("too many");
    assert_eq!(error.violations().len(), 200_000);
    let list = r#"{"id":"616fb98f-46ca-475e-917e-2563e5a8cd19"},"#.repeat(50_000);
    let body = format!(
        r#"{{"os-start":{{"servers":[{}]}}}}"#,
        list.trim_end_matches(',')
    );
    let error = BatchStartServers::from_json(body.as_bytes()).expect_err("too many");
    assert_eq!(error.violations().len(), 50_000);
}
