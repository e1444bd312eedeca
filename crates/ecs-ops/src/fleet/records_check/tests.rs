//! The rights that follow from each answer.

use super::*;
use crate::scripted::{Script, ids, service};

const DENIED: &str = r#"{"error":{"code":"Pdp.0001","message":"no"}}"#;

/// The access to actions and to traces of a service that does this with them.
async fn check(actions: (u16, &'static str), traces: (u16, &'static str)) -> RecordsCheck {
    let (builder, _) = service(move |request, _| match request.uri().path() {
        path if path.ends_with("/traces") => Script::Answer(traces.0, traces.1),
        path if path.ends_with("/os-instance-actions") => Script::Answer(actions.0, actions.1),
        _ => {
            let body = format!(r#"{{"count":1,"servers":[{{"id":"{}"}}]}}"#, ids(1)[0]);
            Script::AnswerWithHeaders(200, body, Vec::new())
        }
    });
    let client = builder.build().unwrap();
    client.check_records(Some(&client)).await
}

#[tokio::test(start_paused = true)]
async fn missing_permissions_and_services_are_reported() {
    let readable = (200, r#"{"instanceActions":[],"traces":[{"trace_id":"1"}]}"#);
    let found = check(readable, readable).await;
    assert_eq!(found.actions, Some(RecordAccess::Readable));
    assert_eq!(found.traces, Some(RecordAccess::Readable));
    let found = check((403, DENIED), (200, r#"{"traces":[]}"#)).await;
    assert!(matches!(found.actions, Some(RecordAccess::Refused { .. })));
    assert_eq!(found.traces, Some(RecordAccess::Empty));
    let found = check(
        (502, "<html>"),
        (404, r#"{"error_code":"APIGW.0101","error_msg":"no"}"#),
    )
    .await;
    assert!(matches!(found.actions, Some(RecordAccess::Unknown { .. })));
    assert!(matches!(found.traces, Some(RecordAccess::Refused { .. })));
}

#[tokio::test(start_paused = true)]
async fn without_a_server_and_an_address_nothing_is_asked_for() {
    let (builder, seen) = service(|_, _| Script::Answer(200, r#"{"count":0,"servers":[]}"#));
    let found = builder.build().unwrap().check_records(None).await;
    assert_eq!((found.actions, found.traces), (None, None));
    assert_eq!(seen.count(http::Method::GET), 1);
}
