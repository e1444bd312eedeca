//! What is reported is read back as it was written: from a log, a database, another process.
//!
//! Events of runs and of jobs, tickets and actions have tests of their own beside their types.

use std::fmt::Debug;
use std::time::Duration;

use ecs_client::Problem;
use ecs_model::{JobId, JobStatus, RebootType, ServerId};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::active::{ActiveRun, Conflict};
use crate::fleet::{RecordAccess, SkipReason, SkippedServer, Unready, UnreadyServer, WaveRecheck};
use crate::journal::{
    HeldServer, Invocation, OutcomeKind, Recovered, Replay, ServerNames, arbitrary_entries,
};
use crate::rolling::{AfterCanary, CountOrPercent, Rules, StopReason};
use crate::store::{PlanApproval, RunStatus, RunSummary};
use crate::{
    Evidence, FinishedWave, JobReport, OnUnknown, Outcome, ServerReport, Stopped, Summary,
};

/// Writes and reads each value, as text and as a tree.
fn read_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    values: impl IntoIterator<Item = T>,
) {
    for value in values {
        let text = serde_json::to_string(&value).unwrap();
        let tree = serde_json::to_value(&value).unwrap();
        let read = serde_json::from_str::<T>(&text);
        assert_eq!(read.as_ref().ok(), Some(&value), "{text}: {read:?}");
        // From a source that text cannot be borrowed from.
        assert_eq!(
            serde_json::from_reader::<_, T>(text.as_bytes()).unwrap(),
            value
        );
        assert_eq!(serde_json::from_value::<T>(tree).unwrap(), value);
    }
}

/// As [`read_back`], without the facts of a problem that its message holds and JSON leaves out.
fn read_and_written_again<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    values: impl IntoIterator<Item = T>,
) {
    for value in values {
        let text = serde_json::to_string(&value).unwrap();
        let read = serde_json::from_str::<T>(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        read_back([read]);
    }
}

fn id() -> ServerId {
    ServerId::from_bytes([1; 16])
}

fn job_id() -> JobId {
    "ff80808288d41e1b018990260955686a".parse().unwrap()
}

fn problem() -> Problem {
    Problem::new("it did not come \"back\"").with_code(Some("Ecs.0227"))
}

/// The reason after this one; `None` after the last. A new one has no place here until it is named.
fn next_reason(reason: &StopReason) -> Option<StopReason> {
    let (wave, message) = (2, "HTTP 503".to_owned());
    Some(match reason {
        StopReason::Failures { .. } => StopReason::Canary,
        StopReason::Canary => StopReason::CanaryFailures { failed: 1 },
        StopReason::CanaryFailures { .. } => StopReason::WaveWithoutSuccess { wave },
        StopReason::WaveWithoutSuccess { .. } => StopReason::Unhealthy { wave, message },
        StopReason::Unhealthy { .. } => StopReason::Declined,
        StopReason::Declined => StopReason::NotReady {
            wave,
            servers: 3,
            message,
        },
        StopReason::NotReady { .. } => StopReason::NotRead { wave, message },
        StopReason::NotRead { .. } => return None,
    })
}

fn reasons() -> impl Iterator<Item = StopReason> {
    let first = StopReason::Failures {
        failed: 3,
        allowed: 2,
    };
    std::iter::successors(Some(first), next_reason)
}

/// The stop after this one, as [`next_reason`].
fn next_stop(stopped: &Stopped) -> Option<Stopped> {
    let reason = Some("cancelled by alice".to_owned());
    Some(match stopped {
        Stopped::Deadline => Stopped::Requested { reason: None },
        Stopped::Requested { reason: None } => Stopped::Requested { reason },
        Stopped::Requested { .. } => Stopped::Suspended,
        Stopped::Suspended => Stopped::Stalled,
        Stopped::Stalled => Stopped::Rolling(StopReason::Declined),
        Stopped::Rolling(_) => Stopped::JournalFailed(problem()),
        Stopped::JournalFailed(_) => Stopped::Denied(problem()),
        Stopped::Denied(_) => Stopped::Outage(problem()),
        Stopped::Outage(_) => Stopped::Refused(problem()),
        Stopped::Refused(_) => return None,
    })
}

#[test]
fn stops() {
    assert_eq!(reasons().count(), 8);
    read_back(reasons());
    read_back(std::iter::successors(Some(Stopped::Deadline), next_stop));
    read_back(reasons().map(Stopped::Rolling));
}

fn outcomes() -> Vec<Outcome> {
    let mut outcomes: Vec<_> = [
        Evidence::SubJob,
        Evidence::Job,
        Evidence::Server,
        Evidence::Record,
        Evidence::WantedState,
    ]
    .into_iter()
    .map(|evidence| Outcome::Succeeded {
        job_id: Some(job_id()),
        evidence,
    })
    .collect();
    for job_id in [None, Some(job_id())] {
        let error = problem();
        outcomes.push(Outcome::Failed { job_id, error });
    }
    for job_id in [None, Some(job_id())] {
        let error = problem();
        outcomes.push(Outcome::Unknown { job_id, error });
    }
    outcomes.push(Outcome::Running { job_id: job_id() });
    outcomes.push(Outcome::NotAttempted { error: problem() });
    outcomes
}

#[test]
fn parts_of_reports() {
    read_back(outcomes());
    let servers = outcomes().into_iter().map(|outcome| ServerReport {
        escalated: Some(problem()),
        name: Some("web-1".to_owned()),
        at: Some("2026-11-24T01:00:00Z".parse().unwrap()),
        ..ServerReport::new(id(), outcome)
    });
    read_back(servers.clone());
    read_back(
        outcomes()
            .into_iter()
            .map(|outcome| ServerReport::new(id(), outcome)),
    );
    read_back([FinishedWave {
        number: 1,
        waves: 3,
        servers: servers.collect(),
    }]);
    read_back(
        [
            None,
            Some(JobStatus::Success),
            Some(JobStatus::from("PENDING_PAYMENT")),
        ]
        .map(|status| JobReport {
            job_id: job_id(),
            status,
            servers: 3,
            request_id: Some("req-1".to_owned()),
            ticket: job_id().into(),
        }),
    );
    read_back([Summary {
        requested: 2,
        succeeded: 1,
        unknown: 1,
        ..Summary::default()
    }]);
    read_back([problem(), Problem::new("bare")]);
    read_back([
        OutcomeKind::Succeeded,
        OutcomeKind::Failed,
        OutcomeKind::NotAttempted,
        OutcomeKind::Unknown,
    ]);
}

#[test]
fn what_is_read_before_a_run() {
    let shown = || "2026-11-24T01:00:00Z".to_owned();
    let unready = [
        Unready::Absent,
        Unready::Locked,
        Unready::Busy(shown()),
        Unready::Stopped,
        Unready::Status(shown()),
        Unready::Physical(shown()),
        Unready::Changed(shown()),
    ];
    read_back(unready.clone());
    read_back(unready.map(|why| UnreadyServer::new(id(), Some("web-1".to_owned()), why)));
    let skipped = [
        SkipReason::Stopped,
        SkipReason::ThisMachine,
        SkipReason::HeldByOtherRun,
    ];
    read_back(skipped.map(|reason| SkippedServer::new(id(), reason)));
    read_back([
        RecordAccess::Readable,
        RecordAccess::Empty,
        RecordAccess::Refused { error: problem() },
        RecordAccess::Unknown { error: problem() },
    ]);
    read_back([WaveRecheck::stop(), WaveRecheck::skip().ignore_busy()]);
    read_back([[(id(), "web-1".to_owned())]
        .into_iter()
        .collect::<ServerNames>()]);
}

#[test]
fn what_runs_tell_of_each_other() {
    let at = "2026-11-24T01:00:00Z".parse().unwrap();
    read_back([HeldServer::new(id(), "run", "alice", "host", at)]);
    let project = "p1".parse().unwrap();
    let run = ActiveRun::new(
        "run",
        "https://ecs.example",
        project,
        "reboot",
        vec![id()],
        at,
    );
    let run = ActiveRun {
        invocation: Some(Invocation::default()),
        ..run
    };
    let servers = vec![id()];
    read_back([Conflict { run, servers }]);
    let text = || "text".to_owned();
    let states = [
        RunStatus::Ended,
        RunStatus::Released,
        RunStatus::Running,
        RunStatus::Silent,
    ];
    read_back(states.map(|state| RunSummary {
        run_id: text(),
        state,
        endpoint: text(),
        project_id: text(),
        action: text(),
        servers: 3,
        user: text(),
        host: text(),
        pid: 1,
        program: text(),
        epoch: 1,
        records: 2,
        started_at: at,
        seen_at: at,
        ended_at: Some(at),
    }));
    read_back([PlanApproval {
        plan_hash: text(),
        user: text(),
        host: text(),
        pid: 1,
        program: text(),
        role: None,
        signature: Some(text()),
        approved_at: at,
    }]);
}

/// What a request to a tool may hold.
#[test]
fn settings() {
    let minute = Duration::from_secs(60);
    read_back([RebootType::Soft, RebootType::Hard]);
    let (count, percent) = (CountOrPercent::Count(5), CountOrPercent::Percent(10));
    read_back([count, percent]);
    assert_eq!(serde_json::from_str::<CountOrPercent>("5").unwrap(), count);
    for wrong in ["\"110%\"", "-1", "1.5", "null", "\"\""] {
        assert!(
            serde_json::from_str::<CountOrPercent>(wrong).is_err(),
            "{wrong}"
        );
    }
    read_back([AfterCanary::Ask, AfterCanary::Pause(minute)]);
    let rules = Rules {
        max_failures: Some(percent),
        pause: minute,
        canary: Some(AfterCanary::Pause(minute)),
        check_health: true,
        brake: true,
    };
    read_back([Rules::default(), rules]);
    assert_eq!(
        serde_json::from_str::<Rules>("{}").unwrap(),
        Rules::default()
    );
    read_back([
        OnUnknown::Report,
        OnUnknown::Reconcile,
        OnUnknown::Resubmit,
        OnUnknown::ReconcileThenResubmit,
    ]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happened in a run: its report, its events and its tickets.
    #[test]
    fn reports_events_and_tickets_of_runs(choices in prop::collection::vec(any::<u8>(), 0..200)) {
        let entries = arbitrary_entries(6, 2, &choices);
        let mut replay = Replay::default();
        for entry in entries.clone() {
            read_and_written_again(replay.apply(entry).unwrap());
        }
        let recovered = Recovered::from_entries(entries).unwrap();
        let report = recovered.report();
        read_back(report.tickets().cloned());
        read_and_written_again([report]);
    }
}
