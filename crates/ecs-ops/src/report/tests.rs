use serde_json::json;

use ecs_model::RebootType;

use super::*;
use crate::fleet::{Choice, Screen};

const SERVERS: [&str; 5] = [
    "616fb98f-46ca-475e-917e-2563e5a8cd19",
    "726fb98f-46ca-475e-917e-2563e5a8cd20",
    "826fb98f-46ca-475e-917e-2563e5a8cd21",
    "926fb98f-46ca-475e-917e-2563e5a8cd22",
    "a26fb98f-46ca-475e-917e-2563e5a8cd23",
];

#[test]
fn the_stable_form() {
    let job_id: JobId = "ff80808288d41e1b018990260955686a".parse().unwrap();
    let outcomes = [
        Outcome::Succeeded {
            job_id: Some(job_id.clone()),
            evidence: Evidence::SubJob,
        },
        Outcome::Failed {
            job_id: Some(job_id.clone()),
            error: Problem::new("it did not come back").with_code(Some("Ecs.0227")),
        },
        Outcome::Unknown {
            job_id: None,
            error: Problem::new("the connection ended"),
        },
        Outcome::NotAttempted {
            error: Problem::new("stopped"),
        },
        Outcome::Running {
            job_id: job_id.clone(),
        },
    ];
    let servers = SERVERS
        .iter()
        .zip(outcomes)
        .map(|(id, outcome)| ServerReport::new(id.parse().unwrap(), outcome));
    let report = Report {
        run_id: "run".to_owned(),
        action: PowerAction::Reboot(RebootType::Soft),
        jobs: vec![JobReport {
            ticket: job_id.clone().into(),
            job_id,
            status: Some(JobStatus::Success),
            servers: 3,
            request_id: Some("req".to_owned()),
        }],
        servers: servers.collect(),
        stopped: None,
        refused: None,
        target: None,
        skipped: Vec::new(),
    };
    let job = "ff80808288d41e1b018990260955686a";
    assert_eq!(
        serde_json::to_value(&report).unwrap(),
        json!({
            "version": 1, "run_id": "run", "operation": "reboot", "type": "SOFT",
            "summary": {"requested": 5, "succeeded": 1, "failed": 1, "running": 1, "not_attempted": 1, "unknown": 1},
            "jobs": [{"job_id": job, "status": "SUCCESS", "servers": 3, "request_id": "req"}],
            "servers": [
                {"id": SERVERS[0], "outcome": "succeeded", "job_id": job},
                {"id": SERVERS[1], "outcome": "failed", "job_id": job,
                 "error": {"code": "Ecs.0227", "message": "it did not come back"}},
                {"id": SERVERS[2], "outcome": "unknown", "error": {"code": null, "message": "the connection ended"}},
                {"id": SERVERS[3], "outcome": "not_attempted", "error": {"code": null, "message": "stopped"}},
                {"id": SERVERS[4], "outcome": "running", "job_id": job},
            ],
        })
    );
    let text = serde_json::to_string(&report).unwrap();
    assert!(text.starts_with(r#"{"version":1,"run_id":"run","operation":"reboot","type":"SOFT","summary":{"requested":5,"#));
}

/// What is unusual about a success is said in one more field.
#[test]
fn a_success_that_was_not_itemised() {
    let server = |evidence| {
        let outcome = Outcome::Succeeded {
            job_id: None,
            evidence,
        };
        ServerReport::new(SERVERS[0].parse().unwrap(), outcome)
    };
    for (evidence, message) in [
        (Evidence::SubJob, None),
        (Evidence::Job, Some("as a whole")),
        (Evidence::Server, Some("by the server itself")),
    ] {
        let value = serde_json::to_value(server(evidence)).unwrap();
        let note = value.get("note").map(|note| note.as_str().unwrap());
        assert_eq!(note.is_some(), message.is_some(), "{value}");
        assert!(
            note.unwrap_or_default()
                .contains(message.unwrap_or_default())
        );
    }
}

#[test]
fn a_report_says_where_it_was_and_who_was_left_out_if_it_knows() {
    let target: ecs_auth::ResolvedTarget = serde_json::from_value(json!({
        "operator": {"value": "Open Telekom Cloud", "origin": "the region"},
        "account": {"kind": "token", "origin": "--token", "user": null, "domain": null, "access_key": null,
            "agency": null, "agency_domain": null},
        "project": {"id": "p1", "name": "eu-de_prod", "origin": "--project-id"},
        "region": null, "endpoint": null,
    }))
    .unwrap();
    let own = SERVERS[0].parse().unwrap();
    let screened = Screen::new(PowerAction::Start, Choice::Selected)
        .own_server(Some(own))
        .screen([(own, None)]);
    let report = Report {
        run_id: "run".to_owned(),
        action: PowerAction::Start,
        jobs: Vec::new(),
        servers: Vec::new(),
        stopped: None,
        refused: None,
        target: Some(target),
        skipped: screened.skipped,
    };
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["target"]["project"]["name"], "eu-de_prod");
    assert_eq!(json["summary"]["requested"], 0);
    assert_eq!(
        json["skipped"],
        json!([{"id": SERVERS[0], "reason": "this_machine"}])
    );
}
