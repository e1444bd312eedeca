//! What must hold, whatever went wrong: between what the region accepted, what happened on the way, and the reports.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use ecs_ops::model::{JobId, JobStatus, ServerId};
use ecs_ops::{JobEnd, Outcome, Report, ServerReport, ShownBy, Stopped, WatchedJob};
use ecs_sim::{Asked, Exchange, Fault, Part, SimTransport, Told, Trace};

use super::scenario::{RunPlan, Scenario};
use super::truth::Truth;
use super::{Played, Waited};

const WINDOW: Duration = Duration::from_secs(60);
/// The resolution of tokio's timers.
const TICK: Duration = Duration::from_millis(1);

/// Everything that does not hold.
pub(super) fn violations(
    scenario: &Scenario,
    plans: &[&RunPlan],
    sim: &SimTransport,
    outcome: &super::Outcome,
) -> Vec<String> {
    let (trace, runs) = (&outcome.trace, &outcome.runs);
    let mut checker = Checker {
        scenario,
        trace,
        truth: Truth::ask(sim, trace),
        violations: Vec::new(),
    };
    checker.accepted_once(sim);
    checker.paced();
    for (plan, run) in plans.iter().zip(runs) {
        checker.ends_in_time(plan, run);
        checker.sends_nothing_after_it_was_stopped(plan, run);
        checker.reports_each_server_once(run);
        checker.tells_what_it_reports(run);
        if let Some(report) = &run.report {
            checker.reports_its_end(plan, run, report);
        }
        // The events of a run that was dropped are all that it ever said.
        let report = run.report.as_ref().map(|report| &report.servers);
        for server in report.unwrap_or(&run.events) {
            checker.reports_the_truth(plan, server);
        }
    }
    if let Some(deadline) = scenario.wait {
        checker.waits_for_the_truth(deadline, &outcome.waited);
    }
    checker.is_quiet_at_the_end(runs, &outcome.waited);
    checker.violations
}

struct Checker<'a> {
    scenario: &'a Scenario,
    trace: &'a Trace,
    truth: Truth,
    violations: Vec<String>,
}

impl Checker<'_> {
    fn hold(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(otherwise());
        }
    }

    fn accepted_once(&mut self, sim: &SimTransport) {
        let most = sim.region().with(|region| region.accepted().most_times());
        self.hold(most <= 1, || format!("a server was accepted {most} times"));
    }

    /// What the region took, in any window: by the time at which it took it, and not by its own clock, which is set
    /// now and then. What arrives when its client no longer waits for it is nothing that a client can pace.
    fn paced(&mut self) {
        let mut taken: Vec<(Duration, usize)> = Vec::new();
        for exchange in &self.trace.exchanges {
            if let (Asked::Action(servers), Some(at)) = (&exchange.asked, exchange.arrived)
                && exchange.accepted.is_some()
                && !exchange.is_late()
            {
                taken.push((at, servers.len()));
            }
        }
        taken.sort_unstable();
        let mut window: VecDeque<(Duration, usize)> = VecDeque::new();
        let mut sum = 0;
        for (at, servers) in taken {
            while let Some(&(first, left)) = window.front()
                && at - first >= WINDOW
            {
                sum -= left;
                window.pop_front();
            }
            window.push_back((at, servers));
            sum += servers;
            let quota = self.scenario.quota;
            self.hold(sum <= quota, || {
                format!("{sum} servers in the minute before {at:.3?}, and {quota} are allowed")
            });
        }
    }

    fn ends_in_time(&mut self, plan: &RunPlan, run: &Played) {
        let took = run.ended - run.began;
        self.hold(!run.endless, || "a run did not end".to_owned());
        for limit in [plan.deadline, plan.end].into_iter().flatten() {
            self.hold(took <= limit + TICK, || {
                format!("a run that had to end after {limit:.3?} took {took:.3?}")
            });
        }
    }

    fn sends_nothing_after_it_was_stopped(&mut self, plan: &RunPlan, run: &Played) {
        let mine: HashSet<&ServerId> = run.servers.iter().collect();
        let stopped = plan
            .stop
            .map_or(run.ended, |stop| (run.began + stop + TICK).min(run.ended));
        for exchange in &self.trace.exchanges {
            if let Asked::Action(servers) = &exchange.asked
                && servers.first().is_some_and(|first| mine.contains(first))
            {
                let begun = exchange.begun;
                self.hold(begun <= stopped, || {
                    format!("sent at {begun:.3?} what was stopped at {stopped:.3?}")
                });
            }
        }
    }

    fn is_quiet_at_the_end(&mut self, runs: &[Played], waited: &Waited) {
        let last = runs.iter().map(|run| run.ended).max().unwrap_or_default() + waited.took;
        let begun = self.trace.exchanges.iter().map(|exchange| exchange.begun);
        let begun = begun.max().unwrap_or_default();
        self.hold(begun <= last, || {
            format!("something was sent at {begun:.3?}, and everything ended at {last:.3?}")
        });
    }

    fn denied(&self) -> bool {
        let mut faults = self.trace.exchanges.iter().map(|exchange| &exchange.fault);
        faults.any(|fault| *fault == Some(Fault::Denied))
    }

    /// Why it ended, and with which jobs: each that it was told of, once.
    fn reports_its_end(&mut self, plan: &RunPlan, run: &Played, report: &Report) {
        let reason = match &report.stopped {
            // A run that waits leaves nothing running unless it was cut short.
            None => !(plan.wait && report.summary().running > 0),
            Some(Stopped::Deadline) => plan.deadline.is_some(),
            Some(Stopped::Asked) => plan.stop.or(plan.end).is_some(),
            Some(Stopped::Stalled) => plan
                .stalled_after
                .is_some_and(|patience| run.ended - run.began >= patience),
            _ => self.denied(),
        };
        self.hold(reason, || {
            format!("without a reason it ended as {:?}", report.stopped)
        });
        let told: HashSet<&JobId> = run
            .servers
            .iter()
            .filter_map(|id| self.told_of(id))
            .collect();
        let reported: HashSet<&JobId> = report.jobs.iter().map(|job| &job.job_id).collect();
        let right = told == reported
            && report.jobs.len() == reported.len()
            && report.jobs.iter().all(|job| {
                let known = self.truth.statuses.get(&job.job_id);
                known.is_some_and(|(_, servers)| *servers == job.servers)
            });
        self.hold(right, || {
            format!("these are not the jobs that were made: {:?}", report.jobs)
        });
    }

    /// Each server ends once, and as the report says.
    fn tells_what_it_reports(&mut self, run: &Played) {
        let mut told = HashMap::new();
        for server in &run.events {
            let before = told.insert(server.id, &server.outcome);
            self.hold(before.is_none(), || format!("{} ended twice", server.id));
        }
        let reported = run.report.iter().flat_map(|report| &report.servers);
        for ServerReport { id, .. } in &run.events {
            self.hold(run.servers.contains(id), || {
                format!("{id} ended, and nobody asked for it")
            });
        }
        for ServerReport { id, outcome, .. } in reported {
            let same = told.get(id).is_none_or(|told| *told == outcome);
            self.hold(same, || {
                format!(
                    "{id} ended as {:?}, and the report says {outcome:?}",
                    told.get(id)
                )
            });
        }
    }

    fn waits_for_the_truth(&mut self, deadline: Option<Duration>, waited: &Waited) {
        let Some(ends) = &waited.ends else {
            return self.hold(false, || "a wait for jobs did not end".to_owned());
        };
        let took = waited.took;
        self.hold(
            deadline.is_none_or(|deadline| took <= deadline + TICK),
            || format!("a wait that had to end after {deadline:.3?} took {took:.3?}"),
        );
        self.hold(ends.iter().map(|job| &job.job_id).eq(&waited.jobs), || {
            "the wait does not have each job once, in the order given".to_owned()
        });
        for WatchedJob { job_id, end, .. } in ends {
            let truth = self
                .truth
                .statuses
                .get(job_id)
                .map(|(status, _)| status.clone());
            let holds = match end {
                JobEnd::Ended(job) => truth.as_ref() == Some(&job.status),
                JobEnd::Deadline(_) => deadline.is_some(),
                JobEnd::Lost(_) => truth.is_none() || self.truth.disowned.contains(job_id),
                _ => self.denied(),
            };
            self.hold(holds, || {
                format!("waiting for {job_id:?} ended with {end:?}; its end is {truth:?}")
            });
        }
    }

    fn reports_each_server_once(&mut self, run: &Played) {
        let Some(report) = &run.report else {
            return;
        };
        let reported = report.servers.iter().map(|server| &server.id);
        self.hold(reported.eq(&run.servers), || {
            "the report does not have each server once, in the order given".to_owned()
        });
    }

    fn reports_the_truth(&mut self, plan: &RunPlan, server: &ServerReport) {
        let ServerReport { id, outcome, .. } = server;
        let job = self.truth.jobs.get(id);
        let end = self.truth.ends.get(id);
        let is_its_job = outcome.job_id().is_none_or(|told| Some(told) == job);
        let holds = is_its_job
            && match outcome {
                Outcome::Succeeded { .. } => end == Some(&JobStatus::Success),
                Outcome::Failed {
                    job_id: Some(_), ..
                } => end == Some(&JobStatus::Fail),
                Outcome::Failed { job_id: None, .. } | Outcome::NotAttempted { .. } => {
                    job.is_none()
                }
                // A run that waits with patience and is left alone sees the end of every job.
                Outcome::Running { .. } => {
                    let disturbed = plan.is_disturbed() || plan.stalled_after.is_some();
                    !plan.wait || disturbed || self.denied()
                }
                Outcome::Unknown { job_id: None, .. } => self.may_be_unknown(id),
                // Neither throttling nor errors make a job unknown, nor that it is new.
                Outcome::Unknown {
                    job_id: Some(job), ..
                } => self.truth.lost.contains(job) || self.does_not_tell(job, id),
            };
        let truth =
            || format!("{id} is said to be {outcome:?}; its job is {job:?}, its end {end:?}");
        let mut wrong: Vec<String> = (!holds).then(truth).into_iter().collect();
        if !self.is_what_its_job_said(id, outcome) {
            let said = outcome.job_id().map(|job| self.truth.said(job));
            wrong.push(format!(
                "{id} is said to be {outcome:?}, and its job said {said:?}"
            ));
        }
        if let Some(told) = self
            .told_of(id)
            .filter(|told| Some(*told) != outcome.job_id())
        {
            wrong.push(format!(
                "{id} was accepted as {told:?}, and the report says {outcome:?}"
            ));
        }
        if !plan.is_disturbed() {
            wrong.extend(self.left_undone_without_reason(plan, id, outcome));
        }
        self.violations.extend(wrong);
    }

    /// Whether the job told the client what the report says: of this server, with its reason if there was one, or, if it
    /// succeeded, nothing of it in particular.
    fn is_what_its_job_said(&self, id: &ServerId, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Succeeded {
                job_id: Some(job),
                shown_by,
            } => {
                let mut said = self.truth.said(job).iter();
                said.any(|said| match said.of(id) {
                    Some(part) => {
                        let shown = *shown_by == ShownBy::Part;
                        shown && part.status == JobStatus::Success
                    }
                    None => *shown_by == ShownBy::Job && said.status == JobStatus::Success,
                })
            }
            Outcome::Failed {
                job_id: Some(job),
                error,
            } => {
                let given = |part: &Part| {
                    let mut reasons = part.reasons.iter();
                    part.reasons.is_empty() || reasons.any(|words| error.message.contains(words))
                };
                let said = self.truth.said(job).iter();
                let mut parts = said.filter_map(|said| said.of(id));
                parts.any(|part| part.status == JobStatus::Fail && given(part))
            }
            _ => true,
        }
    }

    /// Whether the job was shown as over, and did not say how this server ended.
    fn does_not_tell(&self, job: &JobId, id: &ServerId) -> bool {
        self.truth.said(job).iter().any(|said| {
            said.status.is_over()
                && match said.of(id) {
                    Some(part) => !part.status.is_over(),
                    None => said.status == JobStatus::Fail,
                }
        })
    }

    fn sendings<'a>(&'a self, id: &ServerId) -> impl Iterator<Item = &'a Exchange> {
        let indices = self.truth.sent.get(id).map_or(&[][..], Vec::as_slice);
        indices
            .iter()
            .filter_map(|&index| self.trace.exchanges.get(index))
    }

    /// Whether it left, and what came back does not tell whether it was executed.
    fn may_be_unknown(&self, id: &ServerId) -> bool {
        self.sendings(id).any(|exchange| {
            let answered = matches!(exchange.ended, Some((_, Told::Answer(_))));
            let clear = matches!(
                exchange.fault,
                None | Some(Fault::Throttled | Fault::Denied)
            );
            exchange.left.is_some() && !(answered && clear)
        })
    }

    /// The job that the client was told of, in so many words.
    fn told_of(&self, id: &ServerId) -> Option<&JobId> {
        self.sendings(id).find_map(|exchange| {
            let answered = matches!(exchange.ended, Some((_, Told::Answer(_))));
            exchange
                .accepted
                .as_ref()
                .filter(|_| answered && exchange.fault.is_none())
        })
    }

    /// Of a run that was left alone: not attempting needs a service that is out of reach or denies, or evidence where the
    /// fate was unknown; failing without a job needs a request that the region refused.
    fn left_undone_without_reason(
        &self,
        plan: &RunPlan,
        id: &ServerId,
        outcome: &Outcome,
    ) -> Option<String> {
        let reason = match outcome {
            Outcome::NotAttempted { .. } => {
                self.denied()
                    || (plan.reconcile && self.may_be_unknown(id))
                    || self.trace.exchanges.iter().any(|exchange| {
                        let given_back = exchange.fault == Some(Fault::GivenBack);
                        matches!(exchange.asked, Asked::Action(_))
                            && (exchange.left.is_none() || given_back)
                    })
            }
            Outcome::Failed { job_id: None, .. } => self.sendings(id).any(|exchange| {
                exchange.arrived.is_some()
                    && exchange.accepted.is_none()
                    && matches!(&exchange.asked, Asked::Action(servers) if servers.len() == 1)
            }),
            _ => true,
        };
        (!reason).then(|| format!("without a reason {id} is said to be {outcome:?}"))
    }
}
