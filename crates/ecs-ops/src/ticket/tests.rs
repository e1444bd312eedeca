use ecs_model::RebootType;

use super::*;

/// A ticket that was written by version 1. It is never to change.
const WRITTEN: &str = r#"{"version":1,"job_id":"ff80808288d41e1b018990260955686a","endpoint":"https://ecs.example","project_id":"p1","operation":"reboot","type":"SOFT","servers":["616fb98f-46ca-475e-917e-2563e5a8cd19"],"accepted_at":"2026-11-24T01:02:03Z","request_id":"req-1"}"#;

fn ticket() -> JobTicket {
    JobTicket::new(
        "ff80808288d41e1b018990260955686a".parse().unwrap(),
        Some(Arc::new(JobOrigin {
            endpoint: Some("https://ecs.example".to_owned()),
            project_id: "p1".parse().unwrap(),
        })),
        PowerAction::Reboot(RebootType::Soft),
        vec!["616fb98f-46ca-475e-917e-2563e5a8cd19".parse().unwrap()],
        "2026-11-24T01:02:03Z".parse().unwrap(),
        Some("req-1".to_owned()),
    )
}

#[test]
fn the_written_form() {
    assert_eq!(serde_json::to_string(&ticket()).unwrap(), WRITTEN);
    let read: JobTicket = serde_json::from_str(WRITTEN).unwrap();
    assert_eq!(read, ticket());
    assert_eq!(read.kind().as_deref(), Some("reboot SOFT 1"));
}

#[test]
fn unusable_tickets_are_refused() {
    for (json, message) in [
        (r#"{"version":2,"job_id":"j"}"#, "job ticket version 2"),
        (r#"{"version":1}"#, "missing field `job_id`"),
        (r#""job""#, "expected a job ticket"),
        (r#"{"job_id":"j"}"#, "missing field `version`"),
        (r#"{"version":1,"job_id":"../j"}"#, "is not a job id"),
        (
            r#"{"version":1,"job_id":"j","servers":["web-1"]}"#,
            "is not a server id",
        ),
    ] {
        let error = serde_json::from_str::<JobTicket>(json).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
    // A field that a later minor version may add is skipped.
    assert!(serde_json::from_str::<JobTicket>(r#"{"version":1,"job_id":"j","more":1}"#).is_ok());
}

/// Endpoints are compared by what they mean, and not at all where the caller says so.
#[test]
fn where_a_ticket_is_of_use() {
    let at = |ticket: &JobTicket, endpoint: &str, project: &str| {
        let origin = ticket.origin().unwrap();
        origin.is_at(&endpoint.parse().unwrap(), &project.parse().unwrap())
    };
    let bound = ticket();
    assert!(at(&bound, "HTTPS://ECS.Example:443/", "p1"));
    assert!(!at(&bound, "https://ecs.example:8443", "p1"));
    assert!(!at(&bound, "https://ecs.example", "p2"));
    let free = ticket().at_any_endpoint();
    assert!(at(&free, "http://jump.internal:8443/ecs", "p1"));
    assert!(!at(&free, "http://jump.internal:8443/ecs", "p2"));
    assert_eq!(free.servers(), bound.servers());
    let json = serde_json::to_string(&free).unwrap();
    assert_eq!(serde_json::from_str::<JobTicket>(&json).unwrap(), free);
}

/// A ticket that names an endpoint and no project would be watched at any place.
#[test]
fn a_ticket_with_half_of_its_place_is_refused() {
    let json = r#"{"version":1,"job_id":"ff80808288d41e1b018990260955686a","endpoint":"https://ecs.example"}"#;
    for json in [json.to_owned(), json.replace('}', r#","project_id":null}"#)] {
        let error = serde_json::from_str::<JobTicket>(&json).unwrap_err();
        assert!(
            error.to_string().contains("needs its project_id"),
            "{error}"
        );
    }
}
