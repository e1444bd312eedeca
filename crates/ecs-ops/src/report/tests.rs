use proptest::prelude::*;
use serde_json::json;

use ecs_model::RebootType;

use super::*;
use crate::fleet::{Choice, Screen, Unready};
use crate::rolling::StopReason;

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
        unready: Vec::new(),
    };
    let job = "ff80808288d41e1b018990260955686a";
    assert_eq!(
        serde_json::to_value(&report).unwrap(),
        json!({
            "version": 1, "run_id": "run", "operation": "reboot", "type": "SOFT",
            "summary": {"requested": 5, "succeeded": 1, "failed": 1, "running": 1, "not_attempted": 1, "unknown": 1},
            "jobs": [{"job_id": job, "status": "SUCCESS", "servers": 3, "request_id": "req",
                "ticket": {"version": 1, "job_id": job}}],
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

/// An unusual success has one more field.
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
        (Evidence::Record, Some("by the service's record")),
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
fn a_report_has_its_place_and_the_skipped_servers_if_known() {
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
        unready: vec![UnreadyServer::new(own, None, Unready::Locked)],
    };
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["target"]["project"]["name"], "eu-de_prod");
    assert_eq!(json["summary"]["requested"], 0);
    assert_eq!(
        json["skipped"],
        json!([{"id": SERVERS[0], "reason": "this_machine"}])
    );
    assert_eq!(
        json["unready"],
        json!([{"id": SERVERS[0], "why": {"reason": "locked"}}])
    );
    assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report);
}

fn problems() -> impl Strategy<Value = Problem> {
    (proptest::option::of("[A-Z][a-z]{2}\\.[0-9]{4}"), ".{0,20}")
        .prop_map(|(code, message)| Problem::new(message).with_code(code.as_deref()))
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    let job = || proptest::option::of(Just("job-1".parse::<JobId>().unwrap()));
    let evidence = prop_oneof![
        Just(Evidence::SubJob),
        Just(Evidence::Job),
        Just(Evidence::Server)
    ];
    prop_oneof![
        (job(), evidence).prop_map(|(job_id, evidence)| Outcome::Succeeded { job_id, evidence }),
        (job(), problems()).prop_map(|(job_id, error)| Outcome::Failed { job_id, error }),
        Just(Outcome::Running {
            job_id: "job-2".parse().unwrap()
        }),
        problems().prop_map(|error| Outcome::NotAttempted { error }),
        (job(), problems()).prop_map(|(job_id, error)| Outcome::Unknown { job_id, error }),
    ]
}

fn stops() -> impl Strategy<Value = Stopped> {
    prop_oneof![
        Just(Stopped::Deadline),
        proptest::option::of(".{0,9}").prop_map(|reason| Stopped::Requested { reason }),
        Just(Stopped::Suspended),
        Just(Stopped::Stalled),
        (0_usize..9, 0_usize..9).prop_map(|(failed, allowed)| {
            Stopped::Rolling(StopReason::Failures { failed, allowed })
        }),
        Just(Stopped::Rolling(StopReason::Canary)),
        (0_usize..9).prop_map(|failed| Stopped::Rolling(StopReason::CanaryFailures { failed })),
        (1_usize..9).prop_map(|wave| Stopped::Rolling(StopReason::WaveWithoutSuccess { wave })),
        (1_usize..9, ".{0,9}")
            .prop_map(|(wave, message)| Stopped::Rolling(StopReason::Unhealthy { wave, message })),
        Just(Stopped::Rolling(StopReason::Declined)),
        problems().prop_map(Stopped::JournalFailed),
        problems().prop_map(Stopped::Denied),
    ]
}

proptest! {
    /// A report is read back as it was written, and each outcome also by itself.
    #[test]
    fn reports_are_read_back(
        outcomes in proptest::collection::vec((outcomes(), proptest::option::of(problems())), 0..5),
        stopped in proptest::option::of(stops()),
        refused in proptest::option::of(problems()),
    ) {
        let servers = SERVERS.iter().zip(&outcomes).map(|(id, (outcome, escalated))| ServerReport {
            escalated: escalated.clone(),
            ..ServerReport::new(id.parse().unwrap(), outcome.clone())
        });
        let job_id: JobId = "job-1".parse().unwrap();
        let report = Report {
            run_id: "run".to_owned(),
            action: PowerAction::Stop(None),
            jobs: vec![JobReport {
                ticket: job_id.clone().into(),
                job_id,
                status: Some(JobStatus::from("PENDING_PAYMENT")),
                servers: 3,
                request_id: None,
            }],
            servers: servers.collect(),
            stopped,
            refused,
            target: None,
            skipped: Vec::new(),
        unready: Vec::new(),
        };
        let json = serde_json::to_string(&report).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Report>(&json).unwrap(), &report);
        for (outcome, _) in &outcomes {
            let json = serde_json::to_string(outcome).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Outcome>(&json).unwrap(), outcome);
        }
        let json = serde_json::to_string(&report.summary()).unwrap();
        prop_assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), report.summary());
    }
}

/// Reports of before have no tickets; those of later versions are refused.
#[test]
fn reports_of_other_versions() {
    let mut json = json!({
        "version": 1, "run_id": "run", "operation": "start", "type": null, "summary": {},
        "jobs": [{"job_id": "job-1", "status": null, "servers": 1, "request_id": null}],
        "servers": [{"id": SERVERS[0], "outcome": "running", "job_id": "job-1"}],
    });
    let report: Report = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(report.jobs[0].ticket.job_id().as_str(), "job-1");
    assert_eq!(report.summary().running, 1);
    for (key, value, message) in [
        ("version", json!(2), "a newer one is needed"),
        ("operation", json!("delete"), "does not exist"),
        (
            "servers",
            json!([{"id": SERVERS[0], "outcome": "lost"}]),
            "unknown variant `lost`",
        ),
        (
            "servers",
            json!([{"id": SERVERS[0], "outcome": "failed"}]),
            "missing field `error`",
        ),
    ] {
        let before = std::mem::replace(&mut json[key], value);
        let error = serde_json::from_value::<Report>(json.clone()).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        json[key] = before;
    }
}

#[test]
fn servers_by_outcome() {
    let job_id: JobId = "job-1".parse().unwrap();
    let error = Problem::new("?");
    let outcomes = [
        Outcome::Unknown {
            job_id: None,
            error: error.clone(),
        },
        Outcome::Succeeded {
            job_id: None,
            evidence: Evidence::Server,
        },
        Outcome::Running { job_id },
        Outcome::NotAttempted {
            error: error.clone(),
        },
        Outcome::Failed {
            job_id: None,
            error,
        },
    ];
    let servers = SERVERS.iter().map(|id| id.parse().unwrap());
    let servers: Vec<_> = servers
        .zip(outcomes)
        .map(|(id, outcome)| ServerReport::new(id, outcome))
        .collect();
    let mut report: Report = serde_json::from_value(json!({
        "version": 1, "run_id": "run", "operation": "start", "type": null, "jobs": [], "servers": [],
    }))
    .unwrap();
    assert!(report.is_success());
    report.servers = servers;
    assert!(!report.is_success());
    let only = |mut servers: Vec<&ServerReport>| {
        assert_eq!(servers.len(), 1);
        servers.remove(0).outcome.name()
    };
    assert_eq!(only(report.succeeded().collect()), "succeeded");
    assert_eq!(only(report.failed().collect()), "failed");
    assert_eq!(only(report.running().collect()), "running");
    assert_eq!(only(report.not_attempted().collect()), "not_attempted");
    assert_eq!(only(report.unknown().collect()), "unknown");
}
