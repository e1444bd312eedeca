mod found_jobs;
mod replay;

use std::collections::{HashMap, HashSet};

use ecs_client::SubmissionOutcome;
use ecs_model::{Job, RebootType, ServerId};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::report::Stopped;
use crate::runs::evidence::{SentTimes, ServerList};

/// The possible ends of a request that was given out.
#[derive(Clone, Debug)]
enum Fact {
    Submission(Submission),
    Look {
        status: &'static str,
        subs: Vec<(usize, &'static str)>,
    },
    Lost,
    Denied,
    /// The states of servers whose job succeeded, and whether the wait has ended.
    Settle {
        shows: Vec<(Shows, bool)>,
    },
    /// The state of each server of a request of unknown outcome, and whether it is the last read.
    Evidence {
        shows: Vec<Shows>,
        last: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    Done,
    Busy,
    Untouched,
    Nothing,
}

fn snapshots(servers: &[ServerId], shows: &[Shows]) -> (ServerList, ServerList) {
    let server = |status: &str, updated: &str| {
        serde_json::from_value(json!({"status": status, "updated": updated})).unwrap()
    };
    let before = ("ACTIVE", "2026-01-01T00:00:00Z");
    let now = |shows: &Shows| match shows {
        Shows::Done => ("ACTIVE", "2026-01-01T12:00:30Z"),
        Shows::Busy => ("REBOOT", before.1),
        Shows::Untouched => before,
        Shows::Nothing => ("ERROR", "2026-01-01T12:00:30Z"),
    };
    let before = servers.iter().map(|id| (*id, server(before.0, before.1)));
    let now = servers.iter().zip(shows).map(|(id, shows)| {
        let (status, updated) = now(shows);
        (*id, server(status, updated))
    });
    (before.collect(), now.collect())
}

#[derive(Clone, Copy, Debug)]
enum Submission {
    Accepted,
    Ended(Classification),
    Withdrawn(Classification),
    RefusedWith(&'static str),
}

fn submissions() -> impl Strategy<Value = Submission> {
    use Classification::*;
    let classification = prop::sample::select(vec![
        NotDelivered,
        Throttled,
        Refused,
        RefusedCredentials,
        Unknown,
    ]);
    let proof = prop::sample::select(vec![NotDelivered, Throttled]);
    prop_oneof![
        4 => Just(Submission::Accepted),
        2 => classification.prop_map(Submission::Ended),
        3 => Just(Submission::Ended(Unknown)),
        1 => proof.prop_map(Submission::Withdrawn),
        3 => prop::sample::select(vec!["Ecs.0114", "Ecs.0118", "Ecs.0005"]).prop_map(Submission::RefusedWith),
    ]
}

fn facts() -> impl Strategy<Value = Fact> {
    let status = || {
        prop::sample::select(vec![
            "INIT",
            "RUNNING",
            "SUCCESS",
            "FAIL",
            "PENDING_PAYMENT",
        ])
    };
    let subs = prop::collection::vec((0_usize..8, status()), 0..6);
    let each = prop::sample::select(vec![Shows::Done, Shows::Busy, Shows::Nothing]);
    let settled = prop::collection::vec((each, any::<bool>()), 0..8);
    let shows = prop::sample::select(vec![
        Shows::Done,
        Shows::Busy,
        Shows::Untouched,
        Shows::Untouched,
        Shows::Nothing,
    ]);
    prop_oneof![
        4 => submissions().prop_map(Fact::Submission),
        4 => (status(), subs).prop_map(|(status, subs)| Fact::Look { status, subs }),
        3 => (prop::collection::vec(shows, 8), any::<bool>()).prop_map(|(shows, last)| Fact::Evidence { shows, last }),
        3 => settled.prop_map(|shows| Fact::Settle { shows }),
        1 => Just(Fact::Lost),
        1 => Just(Fact::Denied),
    ]
}

fn id(number: usize) -> ServerId {
    ServerId::from_bytes(u128::try_from(number).unwrap().to_be_bytes())
}

fn job(status: &str, subs: &[(ServerId, &str)]) -> Job {
    let sub =
        |(id, status): &(ServerId, &str)| json!({"status": status, "entities": {"server_id": id}});
    let subs: Vec<_> = subs.iter().map(sub).collect();
    serde_json::from_value(json!({"status": status, "entities": {"sub_jobs": subs}})).unwrap()
}

fn failure(
    classification: Classification,
    code: Option<&str>,
    stop_cause: StopCause,
) -> RequestError {
    let problem = Problem::new("why").with_code(code);
    RequestError::new(classification, problem).with_stop_cause(stop_cause)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    /// For any events in any order, each server is in the report exactly once, in the given
    /// order, with an outcome that what happened allows.
    #[test]
    #[allow(clippy::too_many_lines, reason = "a table of cases")]
    fn each_server_exactly_once_with_an_outcome_that_is_true(
        servers in 1_usize..30,
        size in 1_usize..8,
        facts in prop::collection::vec((any::<prop::sample::Index>(), facts()), 0..40),
        sent: bool,
        reconcile: bool,
        resubmit: bool,
        verify: bool,
    ) {
        let ids: Vec<ServerId> = (0..servers).map(id).collect();
        let plan = RequestPlan::new(PowerAction::Reboot(RebootType::Soft), &ids, size);
        let options = RunOptions { on_unknown: UnknownPolicy { reconcile, resubmit }, ..RunOptions::default() };
        let mut state = RunState::new("run".to_owned(), ids.clone(), plan, options);
        if verify {
            state.enable_verification();
        }
        let mut given: Vec<usize> = Vec::new();
        let mut at_rest: HashSet<ServerId> = HashSet::new();
        // The true state of each request and server, kept apart from the run's state.
        let mut settled: HashSet<usize> = HashSet::new();
        let mut out: HashSet<ServerId> = HashSet::new();
        let mut accepted: HashSet<ServerId> = HashSet::new();
        let mut lost_answer_at: HashSet<ServerId> = HashSet::new();
        let mut shows_change: HashSet<usize> = HashSet::new();
        let mut shown_done: HashSet<ServerId> = HashSet::new();
        let mut unknown_fates: HashMap<ServerId, usize> = HashMap::new();
        let mut done: HashSet<ServerId> = HashSet::new();
        let mut done_events: HashMap<ServerId, usize> = HashMap::new();
        for (which, fact) in facts {
            if let Some(request) = state.next_request() {
                for id in state.servers(request) {
                    prop_assert!(!accepted.contains(id), "{id} is sent again");
                    // After a request with an unknown outcome once more at most, and only if that is
                    // wanted.
                    let unknown = unknown_fates.get(id).copied().unwrap_or(0);
                    prop_assert!(unknown == 0 || (resubmit && unknown == 1), "{id} is sent again");
                    prop_assert!(out.insert(*id), "{id} is in two requests at once");
                }
                given.push(request);
            }
            if given.is_empty() {
                continue;
            }
            let request = *which.get(&given);
            let members = state.servers(request).to_vec();
            let events = match fact {
                Fact::Submission(_) if !settled.insert(request) => continue,
                Fact::Submission(submission) => {
                    members.iter().for_each(|id| { out.remove(id); });
                    match submission {
                        Submission::Accepted => {
                            accepted.extend(members);
                            state.accepted(accepted_as(request, &format!("job-{request}"))).into_iter().collect()
                        }
                        Submission::Ended(classification) => {
                            if classification == Classification::Unknown {
                                members.iter().for_each(|id| *unknown_fates.entry(*id).or_default() += 1);
                                lost_answer_at.extend(members);
                            }
                            state.not_accepted(request, failure(classification, None, StopCause::GaveUp))
                        }
                        Submission::Withdrawn(classification) => {
                            state.not_accepted(request, failure(classification, None, StopCause::Withdrawn))
                        }
                        Submission::RefusedWith(code) => {
                            state.not_accepted(request, failure(Classification::Refused, Some(code), StopCause::GaveUp))
                        }
                    }
                }
                Fact::Look { status, subs } => {
                    let subs: Vec<_> = subs.iter().filter_map(|(n, s)| Some((*members.get(*n)?, *s))).collect();
                    let own = |id: &ServerId| subs.iter().any(|(sub, status)| sub == id && *status == "SUCCESS");
                    done.extend(members.iter().filter(|id| status == "SUCCESS" || own(id)));
                    state.polled(request, &job(status, &subs), matches!(status, "SUCCESS" | "FAIL"))
                }
                Fact::Evidence { shows, last } => {
                    let unknown_requests = state.unknown_requests().contains(&request);
                    prop_assert!(reconcile || !unknown_requests);
                    let shows: Vec<_> = members.iter().zip(shows.iter().cycle()).map(|(_, shows)| *shows).collect();
                    let (before, now) = snapshots(&members, &shows);
                    let at = Some("2026-01-01T12:00:00Z".parse().unwrap());
                    // A trace that a request has once shown is never forgotten.
                    if unknown_requests && shows.iter().any(|shows| *shows != Shows::Untouched) {
                        shows_change.insert(request);
                    }
                    for (id, shows) in members.iter().zip(&shows).filter(|_| unknown_requests) {
                        match shows {
                            Shows::Done => { shown_done.insert(*id); }
                            Shows::Untouched if last && !shows_change.contains(&request) => {
                                lost_answer_at.remove(id);
                            }
                            _ => {}
                        }
                    }
                    state.reconcile(request, &before, Ok(&now), SentTimes { then: at, now: at }, stage(last))
                }
                Fact::Settle { shows } => {
                    let unverified: Vec<ServerId> = state.unverified().copied().collect();
                    prop_assert!(verify || unverified.is_empty());
                    let shows: Vec<_> = unverified.iter().copied().zip(shows).collect();
                    let kinds: Vec<Shows> = shows.iter().map(|(_, (shows, _))| *shows).collect();
                    let (_, now) = snapshots(&unverified, &kinds);
                    at_rest.extend(shows.iter().filter(|(_, (shows, _))| {
                        matches!(shows, Shows::Done | Shows::Untouched)
                    }).map(|(id, _)| *id));
                    let minute = std::time::Duration::from_secs(60);
                    let over = |id: &ServerId| shows.iter().any(|(other, (_, over))| other == id && *over);
                    let age = |id: &ServerId| Some(if over(id) { minute } else { minute / 2 });
                    state.verify(Ok(&now), age, minute, |_| Duration::ZERO)
                }
                Fact::Lost => state.lost(request, Problem::new("lost")),
                Fact::Denied => {
                    state.denied(Problem::new("denied"));
                    Vec::new()
                }
            };
            for event in events {
                if let Event::ServerDone(server) = event {
                    *done_events.entry(server.id).or_default() += 1;
                }
            }
        }
        let report = state.close(Some(Stopped::Requested { reason: None }), true, |_| {
            if sent { SubmissionOutcome::Unknown(Problem::new("sent")) } else { SubmissionOutcome::NotExecuted(Problem::new("not sent")) }
        });
        let reported: Vec<ServerId> = report.servers.iter().map(|server| server.id).collect();
        prop_assert_eq!(&reported, &ids);
        prop_assert!(done_events.values().all(|&count| count == 1));
        let summary = report.summary();
        prop_assert_eq!(
            summary.succeeded + summary.failed + summary.running + summary.not_attempted + summary.unknown,
            servers
        );
        for server in &report.servers {
            let accepted = accepted.contains(&server.id);
            let lost_answer_at = lost_answer_at.contains(&server.id);
            let maybe_sent = sent && out.contains(&server.id);
            let allowed = match &server.outcome {
                Outcome::Succeeded { job_id: Some(_), .. } => {
                    accepted && done.contains(&server.id) && (!verify || at_rest.contains(&server.id))
                }
                Outcome::Succeeded { job_id: None, .. } => shown_done.contains(&server.id),
                Outcome::Running { .. } => accepted,
                Outcome::Failed { job_id: Some(_), .. } | Outcome::Unknown { job_id: Some(_), .. } => accepted,
                Outcome::Failed { job_id: None, .. } | Outcome::NotAttempted { .. } => {
                    !accepted && !lost_answer_at && !maybe_sent
                }
                Outcome::Unknown { job_id: None, .. } => {
                    // A proof that the second of two requests was not executed says nothing about
                    // the first.
                    let twice = unknown_fates.get(&server.id).is_some_and(|times| *times > 1);
                    !accepted && (lost_answer_at || maybe_sent || twice)
                }
            };
            prop_assert!(allowed, "{:?}", server);
        }
    }
}

fn accepted_as(index: usize, job_id: &str) -> Acceptance {
    Acceptance {
        request: index + 1,
        at: "2026-01-01T12:00:00Z".parse().unwrap(),
        job_id: job_id.parse().unwrap(),
        request_id: None,
    }
}

fn machine_of(servers: usize, size: usize) -> RunState {
    let ids: Vec<ServerId> = (0..servers).map(id).collect();
    let plan = RequestPlan::new(PowerAction::Start, &ids, size);
    RunState::new("run".to_owned(), ids, plan, RunOptions::default())
}

/// A run was stopped only if something was still to be done.
#[test]
fn states_that_count_as_stopped() {
    let lost = |_| -> SubmissionOutcome { panic!("nothing is underway") };
    let asked = || Some(Stopped::Requested { reason: None });
    // Never begun.
    assert_eq!(machine_of(4, 2).close(asked(), true, lost).stopped, asked());
    for (waiting, stopped) in [(true, asked()), (false, None)] {
        let mut state = machine_of(2, 2);
        let request = state.next_request().unwrap();
        state.accepted(accepted_as(request, "j"));
        assert_eq!(state.close(asked(), waiting, lost).stopped, stopped);
    }
    // It would have ended in the same way.
    let mut state = machine_of(4, 2);
    let request = state.next_request().unwrap();
    let refused = failure(Classification::RefusedCredentials, None, StopCause::GaveUp);
    state.not_accepted(request, refused);
    assert!(state.is_halted());
    let report = state.close(asked(), true, lost);
    assert_eq!((report.summary().not_attempted, report.stopped), (4, None));
}

/// The stage of a list that is the last one or not.
fn stage(last: bool) -> ReconcileStage {
    if last {
        ReconcileStage::Last
    } else {
        ReconcileStage::Early
    }
}
