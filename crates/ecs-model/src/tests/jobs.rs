//! Tests of every known peculiarity of jobs.

use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::{Job, JobEntities, JobStatus, Operation, ResponseError, ResponseErrorKind, ShowJob};

const SERVER: &str = "bae51750-0089-41a1-9b18-5c777978ff6d";

fn decode(body: &Value) -> Result<Job, ResponseError> {
    ShowJob::decode(
        StatusCode::OK,
        &HeaderMap::new(),
        body.to_string().as_bytes(),
    )
}

fn job(body: Value) -> Job {
    decode(&body).expect("a job")
}

/// Returns a running job with these entities.
fn with(entities: Value) -> Job {
    job(json!({"status": "RUNNING", "entities": entities}))
}

#[test]
fn absent_null_and_blank_mean_nothing() {
    let bare = job(json!({"status": "RUNNING"}));
    assert_eq!(bare.status, Some(JobStatus::Running));
    for nothing in [json!(null), json!(""), json!("  ")] {
        let job = job(json!({
            "status": "RUNNING",
            "entities": nothing,
            "job_id": nothing,
            "job_type": nothing,
            "begin_time": nothing,
            "end_time": nothing,
            "error_code": nothing,
            "fail_reason": nothing,
            "code": nothing,
            "message": nothing,
        }));
        assert_eq!(job, bare, "{nothing}");
    }
}

#[test]
fn entities_are_read_in_every_form() {
    assert_eq!(job(json!({"status": "RUNNING"})).entities, None);
    assert_eq!(with(json!(null)).entities, None);
    assert_eq!(with(json!([1])).entities, None);
    assert_eq!(with(json!({})).entities, Some(JobEntities::default()));

    let flat = with(json!({"server_id": SERVER.to_uppercase(), "errorcode_message": "because"}));
    let flat = flat.entities.expect("entities");
    assert_eq!(flat.server_id, SERVER.parse().ok());
    assert_eq!(flat.errorcode_message.as_deref(), Some("because"));
    assert_eq!(flat.sub_jobs, None);

    let part = |entities: Value| json!({"status": "FAIL", "entities": entities});
    let itemised = with(json!({"sub_jobs_total": 3, "sub_jobs": [
        part(json!({"server_id": SERVER, "errorcode_message": "because"})),
        part(json!({})),
        part(json!(null)),
    ]}));
    let itemised = itemised.entities.expect("entities");
    assert_eq!(itemised.sub_jobs_total, Some(3));
    let parts = itemised.sub_jobs.expect("sub-jobs");
    let entities: Vec<_> = parts.into_iter().map(|part| part.entities).collect();
    let [Some(first), Some(second), None] = entities.as_slice() else {
        panic!("{entities:?}");
    };
    assert_eq!(first.server_id, SERVER.parse().ok());
    assert_eq!(first.errorcode_message.as_deref(), Some("because"));
    assert_eq!(*second, Default::default());
}

#[test]
fn fields_of_other_types_are_converted_or_dropped() {
    let job = job(json!({
        "status": "FAIL",
        "job_id": 4_000_000_001_u64,
        "error_code": 500,
        "fail_reason": ["a", "list"],
        "begin_time": 1_461_614_674,
        "end_time": false,
        "entities": {"sub_jobs_total": "2", "server_id": 17, "sub_jobs": [
            7,
            {"status": "FAIL", "job_id": 4_000_000_002_u64, "error_code": 500},
            {"status": 5},
        ]},
    }));
    assert_eq!(job.job_id, "4000000001".parse().ok());
    assert_eq!(job.error_code.as_deref(), Some("500"));
    assert_eq!(job.fail_reason, None);
    assert_eq!(job.begin_time.as_deref(), Some("1461614674"));
    assert_eq!(job.end_time.as_deref(), Some("false"));
    let entities = job.entities.expect("entities");
    assert_eq!(entities.sub_jobs_total, Some(2));
    assert_eq!(entities.server_id, None);
    assert_eq!(entities.rest["server_id"], 17);
    let parts = entities.sub_jobs.expect("sub-jobs");
    assert_eq!(parts.len(), 2);
    assert_eq!(parts[0].job_id, "4000000002".parse().ok());
    assert_eq!(parts[0].error_code.as_deref(), Some("500"));
    assert_eq!(
        (&parts[1].status, &parts[1].rest["status"]),
        (&None, &json!(5))
    );
}

#[test]
fn statuses_are_read_and_kept() {
    let unknown = |text: &str| JobStatus::Unknown(text.to_owned());
    for (text, status, over) in [
        ("INIT", JobStatus::Init, false),
        ("RUNNING", JobStatus::Running, false),
        ("SUCCESS", JobStatus::Success, true),
        ("FAIL", JobStatus::Fail, true),
        ("PENDING_PAYMENT", unknown("PENDING_PAYMENT"), false),
        // Statuses in other case are other statuses.
        ("success", unknown("success"), false),
    ] {
        assert_eq!(status.is_over(), over, "{text}");
        let job = job(json!({"status": text}));
        assert_eq!(job.status.as_ref(), Some(&status));
        assert_eq!(
            serde_json::to_value(job).expect("JSON"),
            json!({"status": text})
        );
    }
}

/// A query can fail and report it only in the body, with any status of a success.
#[test]
fn errors_with_a_success_status_are_found() {
    for body in [
        json!({"code": "Common.0011", "message": "no such job"}),
        json!({"code": "Common.0011", "message": "no such job", "status": null, "entities": {}}),
        json!({"code": "Common.0011", "message": "no such job", "status": ""}),
        json!({"code": "no such job", "message": "Common.0011"}),
        json!({"error": {"code": "Common.0011", "message": "no such job"}}),
        json!({"error_code": "Common.0011", "error_msg": "no such job"}),
    ] {
        let error = decode(&body).expect_err("no job");
        assert_eq!(error.kind(), ResponseErrorKind::Unreadable, "{body}");
        assert_eq!(error.status(), StatusCode::OK);
        assert_eq!(error.code(), Some("Common.0011"), "{body}");
        assert_eq!(error.message(), Some("no such job"), "{body}");
    }
}

/// The entities of a job are no error of the query, whatever their names, even if the job's status
/// cannot be read.
#[test]
fn codes_within_entities_do_not_count() {
    let entities = json!({
        "code": "Common.0011",
        "message": "no such job",
        "error": {"code": "Ecs.0114"},
        "sub_jobs": [{"status": "RUNNING", "code": "Common.0011"}],
    });
    let job = with(entities.clone());
    assert_eq!((job.code, job.message), (None, None));
    let kept = serde_json::to_value(job.entities).expect("JSON");
    assert_eq!(kept, entities);

    let error = decode(&json!({"status": {}, "entities": entities})).expect_err("no job");
    assert_eq!((error.code(), error.message()), (None, None));
}

/// Entities of other jobs (disks, images, creations) are kept unchanged.
#[test]
fn undocumented_entities_are_kept() {
    for entities in [
        json!({"volume_id": SERVER, "volume_type": "SSD", "size": 40, "name": "data"}),
        json!({"image_id": SERVER, "image_name": null, "results": [{"image_id": "", "status": "SUCCESS"}]}),
        json!({"nic_id": SERVER, "sub_jobs_result": [], "sub_jobs_list": ["a", {"b": [1.5, -7]}]}),
        json!({"sub_jobs_total": 1, "sub_jobs": [{
            "status": "INIT",
            "job_id": "2c9eb2c5544cbf6101544f0635672b60",
            "processed": true,
            "entities": {"server_id": SERVER, "volumes": [{"id": 1}, null], "port_id": ""},
        }]}),
        json!({"server_id": [SERVER], "sub_jobs": "none", "sub_jobs_total": {"of": 2}}),
    ] {
        let job = with(entities.clone());
        let written = serde_json::to_value(&job).expect("JSON");
        assert_eq!(written["entities"], entities);
        assert_eq!(serde_json::from_value::<Job>(written).expect("a job"), job);
    }
}

/// A filled field takes precedence over the rest. A type that keeps the rest never writes a name
/// twice.
#[test]
fn filled_fields_precede_the_rest() {
    let mut entities = with(json!({"server_id": 17, "x": 1}))
        .entities
        .expect("entities");
    entities.server_id = SERVER.parse().ok();
    let text = serde_json::to_string(&entities).expect("JSON");
    assert_eq!(text.matches("server_id").count(), 1, "{text}");
    let value: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value, json!({"server_id": SERVER, "x": 1}));
}

/// A value that cannot be kept unchanged is lost alone, not the job.
#[test]
fn unrepresentable_values_are_lost_alone() {
    let body = r#"{"status":"RUNNING","entities":{"size":1e999,"name":"\ud83d","x":1,"x":2}}"#;
    let job = ShowJob::decode(StatusCode::OK, &HeaderMap::new(), body.as_bytes()).expect("a job");
    let rest = job.entities.expect("entities").rest;
    let expected = json!({"size": null, "name": "\u{fffd}", "x": 2});
    assert_eq!(Value::Object(rest), expected);
}
