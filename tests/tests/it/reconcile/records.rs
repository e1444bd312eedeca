//! The proof of the service's records of actions after a lost answer: who acted, or that no one did.

use ecs_ops::{Evidence, Outcome};
use ecs_sim::{Action, ActionRecords, OtherAction};

use super::*;

/// Another user restarts a server of the third request.
fn with_other_user(region: RegionBuilder) -> RegionBuilder {
    region.other_action(OtherAction {
        at: Duration::from_secs(30),
        place: 9,
        action: Action::Reboot(RebootType::Soft),
    })
}

fn evidence(report: &Report, evidence: Evidence) -> usize {
    let shown = report.servers.iter().filter(|server| {
        matches!(&server.outcome, Outcome::Succeeded { evidence: shown, job_id: None } if *shown == evidence)
    });
    shown.count()
}

#[tokio::test(start_paused = true)]
async fn records_on_each_server_prove_execution() {
    let region = region().record_delay(Duration::ZERO..=Duration::from_secs(20));
    let scene = scene(region, Loss::After(2), Duration::ZERO);
    let (report, _) = scene.run(REBOOT, false).await;
    assert_eq!(report.summary().succeeded, 12);
    assert_eq!(evidence(&report, Evidence::Record), 4);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["servers"][9]["evidence"], "record");
    let note = json["servers"][9]["note"].as_str().unwrap();
    assert!(
        note.contains("the service's record of the action"),
        "{note}"
    );
    assert_eq!(json["servers"][0].get("evidence"), None);
}

#[tokio::test(start_paused = true)]
async fn restarts_by_others_are_distinguished() {
    let late = Duration::from_secs(2)..=Duration::from_secs(10);
    let region = with_other_user(region()).record_delay(late);
    let lost = scene(region, Loss::Before(2), Duration::ZERO);
    let (report, _) = lost.run(REBOOT, false).await;
    let summary = report.summary();
    assert_eq!((summary.succeeded, summary.not_attempted), (8, 4));
    let message = |server: usize| &report.servers[server].outcome.error().unwrap().message;
    let theirs = message(9);
    assert!(
        theirs.contains("the service has no record of it; reboot at 2031-05-05T05:05:")
            && theirs.contains("by user ")
            && theirs.contains("not by this run"),
        "{theirs}"
    );
    let untouched = message(8);
    assert!(
        untouched.contains("the service has no record of it"),
        "{untouched}"
    );

    // Without the records it cannot be distinguished, and counts as ours.
    let region = with_other_user(self::region()).action_records(ActionRecords::Denied);
    let blind = scene(region, Loss::Before(2), Duration::ZERO);
    let (report, _) = blind.run(REBOOT, false).await;
    let summary = report.summary();
    assert_eq!((summary.succeeded, summary.unknown), (9, 3));
    let message = &report.servers[8].outcome.error().unwrap().message;
    assert!(
        message.contains("the actions on the servers could not be read"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn late_or_missing_records_change_nothing() {
    let late = Duration::from_secs(400)..=Duration::from_secs(500);
    for region in [
        region().record_delay(late),
        region().action_records(ActionRecords::Absent),
    ] {
        let done = scene(region.clone(), Loss::After(2), Duration::ZERO);
        let (report, _) = done.run(REBOOT, false).await;
        assert_eq!(report.summary().succeeded, 12);
        assert_eq!(evidence(&report, Evidence::Server), 4);
        let lost = scene(region, Loss::Before(2), Duration::ZERO);
        let (report, _) = lost.run(REBOOT, false).await;
        let summary = report.summary();
        assert_eq!((summary.succeeded, summary.not_attempted), (8, 4));
        let message = &report.servers[8].outcome.error().unwrap().message;
        assert!(message.contains("the server is unchanged"), "{message}");
    }
}

/// A run of one request has nothing to learn from: the state of the servers decides.
#[tokio::test(start_paused = true)]
async fn single_request_is_reconciled_from_the_servers() {
    let region = region().servers(4);
    let scene = scene(region, Loss::After(0), Duration::ZERO);
    let (report, _) = scene.run(REBOOT, false).await;
    assert_eq!(evidence(&report, Evidence::Server), 4);
}
