use ecs_ops::PowerAction;
use ecs_ops::journal::{
    Entry, JsonlJournal, OutcomeKind, OutcomeRecord, Purpose, Record, RollingRecord, RunRecord,
};
use ecs_ops::model::{RebootType, ServerId};
use ecs_ops::rolling::Rules;

use super::*;

fn server(number: usize) -> ServerId {
    format!("616fb98f-46ca-475e-917e-{number:012}")
        .parse()
        .unwrap()
}

/// Returns the last lines about a run of two servers in one wave with these records.
async fn lines(records: Vec<Record>, path: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("run.jsonl");
    let servers = vec![server(1), server(2)];
    let endpoint = "https://ecs.example".parse().unwrap();
    let action = PowerAction::Reboot(RebootType::Soft);
    let mut run = RunRecord::new(
        "r",
        &endpoint,
        "p".parse().unwrap(),
        action,
        servers.clone(),
    );
    run.rolling = Some(RollingRecord::new(vec![servers], &Rules::default()));
    let at = "2026-11-24T01:00:00Z".parse().unwrap();
    let mut lines = Vec::new();
    let records = [Record::Run(Box::new(run))].into_iter().chain(records);
    for (seq, record) in (0..).zip(records) {
        lines.extend(Entry::new(seq, at, record).to_line().unwrap());
    }
    std::fs::write(&file, lines).unwrap();
    next(
        &Timeline::of(JsonlJournal::read(&file).unwrap()).unwrap(),
        path,
    )
}

/// Both servers are in a job.
fn accepted() -> Vec<Record> {
    vec![
        Record::WaveBegan { wave: 0 },
        Record::Intent {
            request: 1,
            attempt: 1,
            purpose: Purpose::First,
            servers: vec![server(1), server(2)],
        },
        Record::Sending {
            request: 1,
            attempt: 1,
            remote: None,
        },
        Record::Accepted {
            request: 1,
            job_id: "job".parse().unwrap(),
            request_id: None,
        },
    ]
}

/// Returns the outcome of one of them, with a job or without.
fn outcome_record(number: usize, outcome: OutcomeKind, job: Option<&str>) -> OutcomeRecord {
    OutcomeRecord {
        id: server(number),
        outcome,
        job_id: job.map(|job| job.parse().unwrap()),
        evidence: None,
        error: None,
    }
}

fn both(outcome: OutcomeKind) -> Vec<Record> {
    let mut records = accepted();
    records.push(Record::Outcomes {
        servers: [1, 2]
            .map(|value| outcome_record(value, outcome, Some("job")))
            .to_vec(),
    });
    records
}

#[tokio::test]
async fn the_command_is_a_line_for_a_shell() {
    for (path, command) in [
        ("run.jsonl", "  ecsctl resume run.jsonl"),
        ("it's.jsonl", r"  ecsctl resume 'it'\''s.jsonl'"),
        ("-x", "  ecsctl resume ./-x"),
    ] {
        let lines = lines(accepted(), path).await;
        let when = "if it was killed: this waits for the jobs of 2 servers:";
        assert_eq!(lines[1..], [when, command]);
    }
}

#[tokio::test]
async fn an_end_without_anything_left_needs_no_command() {
    let mut records = both(OutcomeKind::Succeeded);
    records.push(Record::Ended {});
    let text = "the run has ended; nothing is left to send or to wait for";
    assert_eq!(lines(records, "f").await, [text]);
}

#[tokio::test]
async fn a_failed_last_check_can_be_repeated() {
    let mut records = both(OutcomeKind::Succeeded);
    records.extend([
        Record::WaveChecked {
            wave: 0,
            healthy: false,
            message: Some("no".to_owned()),
        },
        Record::Stopping {
            reason: "the health check after wave 1 failed: no".to_owned(),
            cause: None,
        },
        Record::Ended {},
    ]);
    let again = [
        "to continue: this checks the health again:",
        "  ecsctl resume f",
    ];
    let mut expected = vec!["stopped: the health check after wave 1 failed: no"];
    expected.extend(again);
    assert_eq!(lines(records.clone(), "f").await, expected);
    // A resumed run has not stopped.
    records.push(Record::Resumed {
        program: "p".to_owned(),
        continues_stopped: false,
        invocation: None,
    });
    let lines = lines(records, "f").await;
    assert!(
        lines[0].starts_with("the run has no end record"),
        "{lines:?}"
    );
}

/// A resumed run reconciles only servers without a job.
#[tokio::test]
async fn unknown_servers_with_and_without_jobs_are_distinguished() {
    let reported = both(OutcomeKind::Unknown);
    let shown = lines(reported, "f").await;
    let check = format!("  ecsctl server show {} {}", server(1), server(2));
    let text = "2 servers have an unknown outcome that their jobs cannot resolve: check them:";
    assert_eq!(shown[shown.len() - 2..], [text, &check]);
    assert!(!shown.iter().any(|line| line.contains("--reconcile")));
    let mut lost = accepted();
    lost.truncate(3);
    let shown = lines(lost, "f").await;
    assert_eq!(
        shown[shown.len() - 4..],
        [
            "it is unknown whether 2 servers were acted on: check them:",
            &check,
            "or let ecsctl check those without a job:",
            "  ecsctl resume f --reconcile",
        ]
    );
}

#[tokio::test]
async fn failed_servers_can_be_run_again_once_the_run_has_ended() {
    let mut records = both(OutcomeKind::Failed);
    let again = "  ecsctl rerun f --failed";
    assert!(
        !lines(records.clone(), "f")
            .await
            .iter()
            .any(|line| line == again)
    );
    records.push(Record::Ended {});
    let shown = lines(records, "f").await;
    assert_eq!(
        shown[shown.len() - 2..],
        ["to run 2 servers that failed again:", again]
    );
}
