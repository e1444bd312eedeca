//! Tests that all violations are reported at once, each with its place.

use crate::{
    AnyOperation, BatchRebootServers, BatchStartServers, BatchStopServers, RebootType, ServerId,
    StopType, ValidationError,
};

const ID: &str = "616fb98f-46ca-475e-917e-2563e5a8cd19";

fn shown(error: &ValidationError) -> Vec<String> {
    error.violations().iter().map(ToString::to_string).collect()
}

#[test]
fn all_violations_are_reported_at_once() {
    let body = format!(
        r#"{{"reboot":{{"type":"soft","servers":[
            {{"id":"{ID}"}},{{"id":"web-1"}},7,{{"id":5,"name":"x"}},{{}},{{"id":"{}"}}],"a/b~c":1}},"force":true}}"#,
        ID.to_uppercase()
    );
    let error = BatchRebootServers::from_json(body.as_bytes()).expect_err("all wrong");
    assert_eq!(
        shown(&error),
        [
            "/reboot/servers/1/id: \"web-1\" is not a server id: a UUID like 616fb98f-46ca-475e-917e-2563e5a8cd19 is needed",
            "/reboot/servers/2: an object is needed, found 7",
            "/reboot/servers/3/id: a server id is needed, found 5",
            "/reboot/servers/3/name: not a field of this request",
            "/reboot/servers/4/id: missing",
            "/reboot/servers/5/id: the same as /reboot/servers/0/id",
            "/reboot/type: one of \"SOFT\", \"HARD\" is needed, found \"soft\"",
            "/reboot/a~1b~0c: not a field of this request",
            "/force: not a field of this request",
        ]
    );
    let text = error.to_string();
    assert!(
        text.starts_with("invalid request: /reboot/servers/1/id: "),
        "{text}"
    );
    assert!(text.ends_with("; and 4 more"), "{text}");
}

#[test]
fn invalid_bodies_are_refused() {
    let rows: &[(&str, &[&str])] = &[
        ("{}", &["/os-start: missing"]),
        ("[]", &["an object is needed, found a list"]),
        ("null", &["an object is needed, found null"]),
        (
            r#"{"os-start":[]}"#,
            &["/os-start: an object is needed, found a list"],
        ),
        (r#"{"os-start":{}}"#, &["/os-start/servers: missing"]),
        (
            r#"{"os-start":{"servers":{}}}"#,
            &["/os-start/servers: a list is needed, found an object"],
        ),
        (
            r#"{"os-start":{"servers":[]}}"#,
            &["/os-start/servers: at least 1 is needed, there are 0"],
        ),
        (
            r#"{"os-stop":{}}"#,
            &[
                "/os-start: missing",
                "/os-stop: not a field of this request",
            ],
        ),
    ];
    for (body, expected) in rows {
        let error = BatchStartServers::from_json(body.as_bytes()).expect_err(body);
        assert_eq!(shown(&error), *expected, "{body}");
    }
    for body in [
        &b""[..],
        b"{",
        b"\xef\xbb\xbf{}",
        b"{\"os-start\":\"\xff\"}",
        b"{} {}",
        b"{\"a\":\"\\ud800\"}",
    ] {
        let error = BatchStartServers::from_json(body).expect_err("not JSON");
        assert_eq!(error.violations().len(), 1);
        assert_eq!(error.violations()[0].pointer(), "");
        assert!(
            error.violations()[0].message().starts_with("not JSON: "),
            "{error}"
        );
    }
    // A long text is cut between characters.
    let long = format!(
        r#"{{"os-stop":{{"servers":[{{"id":"{ID}"}}],"type":"{}"}}}}"#,
        "ä".repeat(500)
    );
    let error = BatchStopServers::from_json(long.as_bytes()).expect_err("no such type");
    assert!(
        error
            .to_string()
            .ends_with(&format!("found \"{}\"…", "ä".repeat(60))),
        "{error}"
    );
    // Of a duplicate key the last one counts.
    let twice =
        format!(r#"{{"os-stop":{{"type":"SOFT","servers":[{{"id":"{ID}"}}],"type":"HARD"}}}}"#);
    let read = BatchStopServers::from_json(twice.as_bytes()).expect("valid");
    assert_eq!(read.kind(), Some(StopType::Hard));
}

fn servers(count: u128) -> Vec<ServerId> {
    (0..count)
        .map(|number| ServerId::from_bytes(number.to_be_bytes()))
        .collect()
}

#[test]
fn constructors_check_their_servers() {
    assert!(BatchRebootServers::new(RebootType::Soft, servers(1)).is_ok());
    assert!(BatchRebootServers::new(RebootType::Hard, servers(1000)).is_ok());
    let none = BatchStartServers::new(Vec::new()).expect_err("none");
    assert_eq!(
        shown(&none),
        ["/os-start/servers: at least 1 is needed, there are 0"]
    );

    let mut many = servers(1001);
    many.insert(3, many[0]);
    many.push(many[0]);
    many.push(many[999]);
    let error = BatchStopServers::new(None, many).expect_err("too many, and three twice");
    assert_eq!(
        shown(&error),
        [
            "/os-stop/servers: at most 1000 are allowed, there are 1004",
            "/os-stop/servers/3/id: the same as /os-stop/servers/0/id",
            "/os-stop/servers/1002/id: the same as /os-stop/servers/0/id",
            "/os-stop/servers/1003/id: the same as /os-stop/servers/999/id",
        ]
    );
    // The constructor and the parser report the same.
    let body: Vec<String> = servers(2)
        .iter()
        .map(|id| format!(r#"{{"id":"{id}"}}"#))
        .collect();
    let body = format!(r#"{{"os-start":{{"servers":[{0},{0}]}}}}"#, body[0]);
    let read = BatchStartServers::from_json(body.as_bytes()).expect_err("twice");
    let built = BatchStartServers::new(vec![servers(1)[0]; 2]).expect_err("twice");
    assert_eq!(read, built);
}

#[test]
fn other_names_are_no_actions() {
    for body in [
        "",
        "[]",
        "{}",
        r#"{"os-reboot":{}}"#,
        r#"{"reboot":{},"os-stop":{}}"#,
    ] {
        let request = http::Request::post("/v1/p/cloudservers/action")
            .body(bytes::Bytes::from_static(body.as_bytes()))
            .expect("a request");
        let error = AnyOperation::from_request(&request).expect_err(body);
        assert_eq!(error.kind(), crate::RequestErrorKind::Invalid, "{body}");
        assert_eq!(error.violations()[0].pointer(), "", "{body}");
    }
}

#[test]
fn violations_of_the_whole_body_have_no_pointer() {
    use super::Violation;

    assert_eq!(
        Violation::new(String::new(), "not a JSON object").to_string(),
        "not a JSON object"
    );
    assert_eq!(
        Violation::new("/a/0".to_owned(), "not a text").to_string(),
        "/a/0: not a text"
    );
}
