//! Tests of each form of a job, an acceptance and a page, as the service sends them.

use http::{HeaderMap, StatusCode};

use crate::{
    BatchRebootServers, Job, JobStatus, ListServersDetails, Operation, ResponseErrorKind, ServerId,
    ServerStatus, ShowJob, ShowServer,
};

const ID: &str = "616fb98f-46ca-475e-917e-2563e5a8cd19";

fn job(body: &str) -> Job {
    ShowJob::decode(StatusCode::OK, &HeaderMap::new(), body.as_bytes()).expect(body)
}

fn server_id() -> ServerId {
    ID.parse().expect("a UUID")
}

#[test]
fn running_jobs_are_read() {
    for nothing in [r#""""#, "null", r#"" ""#] {
        let job = job(&format!(
            r#"{{"status":"RUNNING","entities":{{}},"job_id":"j","job_type":"rebootServer","begin_time":"b",
                "end_time":{nothing},"error_code":{nothing},"fail_reason":{nothing}}}"#
        ));
        assert_eq!(job.status, Some(JobStatus::Running));
        assert_eq!(job.begin_time.as_deref(), Some("b"));
        assert_eq!(
            (job.end_time, job.error_code, job.fail_reason),
            (None, None, None)
        );
    }
}

#[test]
fn entities_are_read_in_every_form() {
    assert!(job(r#"{"status":"INIT"}"#).entities.is_none());
    for nothing in ["null", "[]", r#""x""#, "7", "true"] {
        assert!(
            job(&format!(r#"{{"status":"INIT","entities":{nothing}}}"#))
                .entities
                .is_none()
        );
    }
    let empty = job(r#"{"status":"INIT","entities":{}}"#)
        .entities
        .expect("an object");
    assert_eq!(
        (empty.server_id, empty.sub_jobs_total, empty.sub_jobs),
        (None, None, None)
    );

    let upper = ID.to_uppercase();
    let direct = job(&format!(
        r#"{{"status":"FAIL","entities":{{"server_id":"{upper}","errorcode_message":"m"}}}}"#
    ));
    let direct = direct.entities.expect("an object");
    assert_eq!(direct.server_id, Some(server_id()));
    assert_eq!(direct.errorcode_message.as_deref(), Some("m"));

    let nested = job(&format!(
        r#"{{"status":"FAIL","entities":{{"sub_jobs_total":"2","sub_jobs":[
            {{"status":"FAIL","job_id":"a","entities":{{"server_id":"{ID}","errorcode_message":"m"}}}},
            null, 7, [],
            {{"status":"PENDING_PAYMENT","job_id":12,"entities":null}}]}}}}"#
    ));
    let nested = nested.entities.expect("an object");
    assert_eq!(nested.sub_jobs_total, Some(2));
    let subs = nested.sub_jobs.expect("a list");
    assert_eq!(subs.len(), 2);
    let entities = subs[0].entities.as_ref().expect("an object");
    assert_eq!(entities.server_id, Some(server_id()));
    assert_eq!(entities.errorcode_message.as_deref(), Some("m"));
    assert_eq!(
        subs[1].status,
        Some(JobStatus::Unknown("PENDING_PAYMENT".to_owned()))
    );
    assert_eq!(subs[1].job_id.as_ref().map(|id| id.as_str()), Some("12"));
    assert!(subs[1].entities.is_none());
}

#[test]
fn numbers_are_ids_while_they_are_exact() {
    let id = |number: &str| {
        let job = job(&format!(r#"{{"status":"INIT","job_id":{number}}}"#));
        job.job_id.map(|id| id.to_string())
    };
    assert_eq!(
        id("18446744073709551615").as_deref(),
        Some("18446744073709551615")
    );
    assert_eq!(id("9007199254740993").as_deref(), Some("9007199254740993"));
    for lossy in ["18446744073709551616", "1.5", "1e3", "-1", "1e999"] {
        assert_eq!(id(lossy), None, "{lossy}");
    }
    // The form of numbers when a crate of the program enables serde_json's `arbitrary_precision`.
    assert_eq!(
        id(r#"{"$serde_json::private::Number":"12"}"#).as_deref(),
        Some("12")
    );
    assert_eq!(id(r#"{"$serde_json::private::Number":"1.5"}"#), None);
    assert_eq!(id(r#"{"$serde_json::private::Number":[]}"#), None);
}

#[test]
fn a_job_that_could_not_be_queried_keeps_code_and_message() {
    let body = br#"{"code":"Common.0011","message":"Failed to query system tasks."}"#;
    let error = ShowJob::decode(StatusCode::OK, &HeaderMap::new(), body).expect_err("no job");
    assert_eq!(error.kind(), ResponseErrorKind::Unreadable);
    assert_eq!(error.status(), StatusCode::OK);
    assert_eq!(error.code(), Some("Common.0011"));
    assert_eq!(error.message(), Some("Failed to query system tasks."));
    // With a status it is a job, which may have a code and a message.
    let job = job(r#"{"status":"FAIL","code":"Common.0011","message":"m"}"#);
    assert_eq!(job.status, Some(JobStatus::Fail));
}

#[test]
fn acceptances_need_a_success_and_a_job_id() {
    let decode = |status: u16, body: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", http::HeaderValue::from_static("8c6e"));
        let status = StatusCode::from_u16(status).expect("a status");
        BatchRebootServers::decode(status, &headers, body.as_bytes())
    };
    for status in [200, 201, 202, 299] {
        for body in [
            r#"{"job_id":"j"}"#,
            r#"{"job_id":"j","code":"Common.0024","error":{"code":"Ecs.0005","message":"m"}}"#,
            r#"{"job_id":"i","job_id":"j"}"#,
            "\u{feff}{\"job_id\":\"j\"}",
        ] {
            let accepted = decode(status, body).expect(body);
            assert_eq!(accepted.job_id.as_str(), "j");
            assert_eq!(accepted.request_id.as_deref(), Some("8c6e"));
        }
        for body in [
            "",
            "{}",
            "ok",
            "[]",
            r#"{"job_id":"#,
            r#"{"job_id":null}"#,
            r#"{"job_id":""}"#,
            r#"{"job_id":"a b"}"#,
            r#"{"job_id":".."}"#,
            r#"{"job_id":1.5}"#,
            r#"{"job_id":["j"]}"#,
            r#"{"job_id":"j"} and more"#,
            r#"[{"job_id":"j"}]"#,
        ] {
            let error = decode(status, body).expect_err(body);
            assert_eq!(error.kind(), ResponseErrorKind::Unreadable, "{body}");
            assert_eq!(error.request_id(), Some("8c6e"));
        }
    }
    assert_eq!(
        decode(204, "").expect_err("no job id").kind(),
        ResponseErrorKind::Unreadable
    );
    let flow_limit = r#"{"error":{"code":"Common.0024","message":"Flow limit exceeded."}}"#;
    assert!(
        decode(202, flow_limit)
            .expect_err("not accepted")
            .is_throttling()
    );
    // A job id in a failure accepts nothing.
    for status in [100, 302, 400, 500, 999] {
        let error = decode(status, r#"{"job_id":"j"}"#).expect_err("a failure");
        assert_eq!(error.kind(), ResponseErrorKind::Refused);
    }
}

#[test]
fn pages_are_read() {
    let page =
        |body: &str| ListServersDetails::decode(StatusCode::OK, &HeaderMap::new(), body.as_bytes());
    let found = page(&format!(
        r#"{{"count":"7","servers":[{{"id":"{ID}","name":"web","status":"ACTIVE","OS-EXT-STS:task_state":null,
            "tags":["a","",null,"b=c"],"locked":false}},{{"id":"web-1","status":"NEW_STATE"}},"x"]}}"#
    ));
    let found = found.expect("a page");
    assert_eq!(found.count, Some(7));
    let servers = found.servers.expect("a list");
    assert_eq!(servers.len(), 2);
    assert_eq!(servers[0].id, Some(server_id()));
    assert_eq!(servers[0].status, Some(ServerStatus::Active));
    assert_eq!(servers[0].task_state, None);
    assert_eq!(
        servers[0].tags,
        Some(vec!["a".to_owned(), "b=c".to_owned()])
    );
    assert_eq!(servers[1].id, None);
    assert_eq!(
        servers[1].status,
        Some(ServerStatus::Unknown("NEW_STATE".to_owned()))
    );

    assert_eq!(
        page(r#"{"servers":[]}"#)
            .expect("an empty page")
            .servers
            .map(|value| value.len()),
        Some(0)
    );
    for body in [
        r#"{"servers":null}"#,
        r#"{"servers":{}}"#,
        r#"{"count":0}"#,
        "[]",
        "",
    ] {
        assert!(page(body).is_err(), "{body}");
    }
    let server =
        |body: &str| ShowServer::decode(StatusCode::OK, &HeaderMap::new(), body.as_bytes());
    assert!(server(r#"{"server":{}}"#).is_ok());
    assert!(server(r#"{"server":[]}"#).is_err());
}

#[test]
fn invalid_json_texts_are_repaired() {
    let rows: &[(&[u8], &str)] = &[
        (br"cut \ud83d", "cut \u{fffd}"),
        (br"\ud83d\ud83d\ude00", "\u{fffd}😀"),
        (br"\ude00\ud83d", "\u{fffd}\u{fffd}"),
        (br"\ud83d\u0041", "\u{fffd}A"),
        (br"\\ud83d \ud83d", "\\ud83d \u{fffd}"),
        (br#"\"\ud83d\""#, "\"\u{fffd}\""),
        (b"a\nb\x01", "a\nb\u{1}"),
        (b"\xff", "\u{fffd}"),
        (br"\uD83D\uDE00", "😀"),
    ];
    for (text, expected) in rows {
        let body = [br#"{"status":"FAIL","fail_reason":""#, *text, br#""}"#].concat();
        let job = ShowJob::decode(StatusCode::OK, &HeaderMap::new(), &body).expect("a job");
        assert_eq!(job.fail_reason.as_deref(), Some(*expected));
    }
    // Numbers beyond all floats lose only their own field.
    let long = "9".repeat(400);
    for huge in ["1e999", "-1e999", &long] {
        let body = format!(
            r#"{{"x":[{huge},1.5],"end_time":{huge},"status":"FAIL","fail_reason":"1e999"}}"#
        );
        let job = job(&body);
        assert_eq!(job.end_time, None);
        assert_eq!(job.fail_reason.as_deref(), Some("1e999"));
    }
    // Valid JSON is unchanged, between the texts, too.
    let valid = "{\r\n\t\"a\": [1e5,-2.5],\"b\": \"\\\\\\\"\\u00e4\\ud83d\\ude00ä😀\"\n}";
    assert_eq!(super::repair(valid), valid);
    // A body that ends within an escape.
    for cut in [
        r#"{"a":"\"#,
        r#"{"a":"\u"#,
        r#"{"a":"\ud8"#,
        r#"{"a":"\ud83d\"#,
        r#"{"a":"\ud83d\uä"#,
    ] {
        let _ = super::repair(cut);
    }
}

#[test]
fn large_bodies_are_read_but_not_repaired() {
    use std::collections::HashMap;

    use super::from_body;

    let body =
        |padding: usize, half: &str| format!(r#"{{"a":"{half}","b":"{}"}}"#, "x".repeat(padding));
    let reads = |body: String| from_body::<HashMap<String, String>>(body.as_bytes()).is_some();
    assert!(reads(body(2_000_000, "")));
    assert!(reads(body(1_000, r"\ud800")));
    assert!(!reads(body(2_000_000, r"\ud800")));
}
