use super::*;
use crate::{
    BatchRebootServers, BatchStopServers, ListServersDetails, RebootType, ShowJob, ShowServer,
};

fn project() -> ProjectId {
    "p".parse().expect("an id")
}

/// The exact bytes that are sent. Captured requests of other clients differ only in spacing.
#[test]
fn bodies_are_encoded_exactly() {
    let servers = || {
        [
            "616FB98F-46CA-475E-917E-2563E5A8CD19",
            "726fb98f-46ca-475e-917e-2563e5a8cd20",
        ]
        .map(|id| id.parse().expect("a UUID"))
        .to_vec()
    };
    const LIST: &str = r#"[{"id":"616fb98f-46ca-475e-917e-2563e5a8cd19"},{"id":"726fb98f-46ca-475e-917e-2563e5a8cd20"}]"#;
    let reboot = BatchRebootServers::new(RebootType::Hard, servers())
        .expect("valid")
        .encode(&project());
    assert_eq!(reboot.method(), Method::POST);
    assert_eq!(reboot.uri(), "/v1/p/cloudservers/action");
    assert_eq!(
        reboot.body(),
        format!(r#"{{"reboot":{{"type":"HARD","servers":{LIST}}}}}"#).as_bytes()
    );
    let stop = BatchStopServers::new(None, servers())
        .expect("valid")
        .encode(&project());
    assert_eq!(
        stop.body(),
        format!(r#"{{"os-stop":{{"servers":{LIST}}}}}"#).as_bytes()
    );
}

#[test]
fn uris_are_encoded() {
    let job = ShowJob::new("a/b?c#d%é".parse().expect("an id"));
    assert_eq!(
        job.encode(&project()).uri(),
        "/v1/p/jobs/a%2Fb%3Fc%23d%25%C3%A9"
    );
    let server = ShowServer::new(
        "616FB98F-46CA-475E-917E-2563E5A8CD19"
            .parse()
            .expect("a UUID"),
    );
    let uri = "/v1/p/cloudservers/616fb98f-46ca-475e-917e-2563e5a8cd19";
    assert_eq!(server.encode(&project()).uri(), uri);
    let all = ListServersDetails::builder().build().expect("valid");
    assert_eq!(all.encode(&project()).uri(), "/v1/p/cloudservers/detail");
    let some = ListServersDetails::builder()
        .limit(200)
        .offset(2)
        .name("a b&c=d+e/")
        .build()
        .expect("valid");
    let query = "/v1/p/cloudservers/detail?offset=2&limit=200&name=a%20b%26c%3Dd%2Be%2F";
    assert_eq!(some.encode(&project()).uri(), query);
}

/// A filter that no URI can hold must not become a request without a filter.
#[test]
fn oversized_uris_become_a_refused_request() {
    let list = ListServersDetails::builder()
        .name("x".repeat(70_000))
        .build();
    if let Ok(list) = list {
        assert_eq!(list.encode(&project()).uri(), "/");
    }
}

#[test]
fn actions_are_not_idempotent_and_reads_are() {
    assert_eq!(BatchRebootServers::IDEMPOTENCY, Idempotency::NotIdempotent);
    assert_eq!(
        crate::BatchStartServers::IDEMPOTENCY,
        Idempotency::NotIdempotent
    );
    assert_eq!(BatchStopServers::IDEMPOTENCY, Idempotency::NotIdempotent);
    assert_eq!(ShowJob::IDEMPOTENCY, Idempotency::Idempotent);
    assert_eq!(ShowServer::IDEMPOTENCY, Idempotency::Idempotent);
    assert_eq!(ListServersDetails::IDEMPOTENCY, Idempotency::Idempotent);
}

#[test]
fn broken_escapes_are_refused() {
    for text in [
        "%",
        "%4",
        "%zz",
        "%+1",
        "%-1",
        "a%",
        "%ff",
        "%c3",
        "%ed%a0%80",
        "%é",
    ] {
        assert_eq!(percent_decode(text), None, "{text}");
    }
    assert_eq!(percent_decode("%41%c3%A4+b").as_deref(), Some("Aä b"));
}
