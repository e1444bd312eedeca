//! The proof of traces after a lost answer, in a run: the lost answer itself, and absence, once the
//! traces of the run's other requests have shown the delay of traces.

use ecs_ops::Outcome;
use ecs_sim::{Action, ActionRecords, OtherAction, TraceAccess};

use super::*;

/// Returns a region with this delay of traces, in seconds, and unreadable records of actions.
fn traced(from: u64, to: u64) -> RegionBuilder {
    let delay = Duration::from_secs(from)..=Duration::from_secs(to);
    let region = region().trace_delay(delay);
    region.action_records(ActionRecords::Denied)
}

/// Adds another user's restart of a server of the third request, so that the servers alone decide
/// nothing.
fn with_other_user(region: RegionBuilder, second: u64) -> RegionBuilder {
    region.other_action(OtherAction {
        at: Duration::from_secs(second),
        place: 9,
        action: Action::Reboot(RebootType::Soft),
    })
}

/// Runs three requests, and returns the report with the duration.
async fn run(scene: &Scene) -> (Report, Duration) {
    let began = Instant::now();
    let run = scene.client.run(REBOOT, scene.servers.clone());
    let run = run.batch_size(4).on_unknown(OnUnknown::Reconcile);
    let report = run.traces(scene.client.clone()).report().await.unwrap();
    (report, began.elapsed())
}

fn message(report: &Report, server: usize) -> &str {
    let error = report.servers[server].outcome.error();
    error.map_or("", |error| &error.message)
}

#[tokio::test(start_paused = true)]
async fn job_of_a_lost_answer_is_found() {
    for (failing, failed) in [(0.0, 0), (1.0, 12)] {
        let region = traced(0, 10).failing(failing);
        let scene = scene(region, Loss::After(2), Duration::ZERO);
        let (report, _) = run(&scene).await;
        let summary = report.summary();
        assert_eq!((summary.succeeded, summary.failed), (12 - failed, failed));
        assert!(
            report
                .servers
                .iter()
                .all(|server| server.outcome.job_id().is_some())
        );
        assert_eq!(scene.most_times(), 1);
    }
}

/// Servers that are undecided at the limit are reconciled further while traces of the run's other
/// requests are still to come.
#[tokio::test(start_paused = true)]
async fn traces_after_the_limit_are_awaited() {
    let late = scene(
        traced(200, 250).failing(1.0),
        Loss::After(2),
        Duration::ZERO,
    );
    let (report, took) = run(&late).await;
    assert_eq!(report.summary().failed, 12, "{}", message(&report, 8));
    assert!((200..400).contains(&took.as_secs()), "{took:?}");
    // Not forever.
    let never = scene(
        traced(2_000, 2_000).failing(1.0),
        Loss::After(2),
        Duration::ZERO,
    );
    let (report, took) = run(&never).await;
    assert_eq!((report.summary().failed, report.summary().unknown), (8, 4));
    assert!((540..720).contains(&took.as_secs()), "{took:?}");
    // And not if nothing is readable, or the servers decide.
    for (region, loss) in [
        (
            traced(0, 0).traces(TraceAccess::Denied).failing(1.0),
            Loss::After(2),
        ),
        (traced(200, 250), Loss::Before(2)),
    ] {
        let scene = scene(region, loss, Duration::ZERO);
        let (_, took) = run(&scene).await;
        assert!(took.as_secs() < 250, "{took:?}");
    }
}

/// The absence of a trace counts after three times the delay of the traces of other requests.
#[tokio::test(start_paused = true)]
async fn absence_is_measured_by_other_requests() {
    for (from, to, second, least) in [(2, 10, 30, 180), (80, 90, 85, 240)] {
        let region = with_other_user(traced(from, to), second);
        let scene = scene(region, Loss::Before(2), Duration::ZERO);
        let (report, took) = run(&scene).await;
        let summary = report.summary();
        assert_eq!(
            (summary.succeeded, summary.not_attempted),
            (8, 4),
            "{took:?}"
        );
        assert!(message(&report, 8).contains("the service has no trace of it"));
        let theirs = message(&report, 9);
        assert!(theirs.contains("not by this run"), "{theirs}");
        assert!(took >= Duration::from_secs(least), "{took:?}");
    }
}

/// Traces without jobs do not show their delay, and one without its job is no answer.
#[tokio::test(start_paused = true)]
async fn traces_without_jobs_prove_nothing() {
    let region = || traced(0, 5).traces(TraceAccess::WithoutJobs);
    let lost = scene(
        with_other_user(region(), 30),
        Loss::Before(2),
        Duration::ZERO,
    );
    let (report, _) = run(&lost).await;
    for server in [8, 10, 11] {
        let outcome = &report.servers[server].outcome;
        assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    }
    let done = scene(region().failing(1.0), Loss::After(2), Duration::ZERO);
    let (report, _) = run(&done).await;
    assert_eq!((report.summary().failed, report.summary().unknown), (8, 4));
    assert!(message(&report, 8).contains("the trace may be that of this request"));
}
