//! Checks that the reported outcome of each server is what the region did.

use ecs_ops::model::{JobStatus, ServerId};
use ecs_ops::{Evidence, Outcome, ServerReport, Stopped};
use ecs_sim::Part;

use super::super::Played;
use super::super::scenario::RunPlan;
use super::Checker;

impl Checker<'_> {
    pub(super) fn reports_the_truth(
        &mut self,
        plan: &RunPlan,
        run: &Played,
        server: &ServerReport,
    ) {
        let ServerReport { id, outcome, .. } = server;
        let jobs = self.truth.jobs_until(id, run.until);
        let recorded = outcome.job_id();
        let is_its_job = recorded.is_none_or(|recorded| jobs.contains(&recorded));
        // If the server itself is the evidence, any of its jobs may have done it.
        let mut ends = jobs
            .iter()
            .filter(|job| recorded.is_none_or(|recorded| recorded == **job));
        let mut ended_as = |status| ends.any(|job| self.truth.end(job, id) == Some(&status));
        let holds = is_its_job
            && match outcome {
                // Refused or failed, and in the wanted state nonetheless.
                Outcome::Succeeded {
                    evidence: Evidence::WantedState,
                    job_id,
                } => match job_id {
                    Some(_) => ended_as(JobStatus::Fail),
                    // Starting or stopping a server in the wanted state changes nothing.
                    None => {
                        let lost = self.reconciled(plan) && self.may_be_unknown(id, run);
                        lost || (jobs.is_empty() && self.was_refused_alone(id, run))
                    }
                },
                // Without records another user's restart cannot be distinguished.
                Outcome::Succeeded {
                    evidence: Evidence::Server,
                    ..
                } if self.others.contains(id) => true,
                Outcome::Succeeded { .. } => ended_as(JobStatus::Success),
                Outcome::Failed {
                    job_id: Some(_),
                    error,
                } => ended_as(if self.is_not_back(&error.message) {
                    JobStatus::Success
                } else {
                    JobStatus::Fail
                }),
                Outcome::Failed { job_id: None, .. } | Outcome::NotAttempted { .. } => {
                    jobs.is_empty()
                }
                // A run that waits long enough and is not disturbed sees the end of every job.
                Outcome::Running { .. } => {
                    let report = run.report.as_ref();
                    let stopped = report.and_then(|report| report.stopped.as_ref());
                    let stalled =
                        plan.stalled_after.is_some() || matches!(stopped, Some(Stopped::Stalled));
                    let disturbed = plan.is_disturbed() || stalled;
                    !plan.wait || disturbed || self.denied()
                }
                Outcome::Unknown { job_id: None, .. } => self.may_be_unknown(id, run),
                // Neither throttling, errors nor a young job make the outcome unknown.
                Outcome::Unknown {
                    job_id: Some(job),
                    error,
                } => {
                    self.truth.lost.contains(job)
                        || self.does_not_tell(job, id)
                        || self.was_not_seen(&error.message)
                }
            };
        let truth = || {
            let end = jobs.last().and_then(|job| self.truth.end(job, id));
            let job = jobs.last();
            format!("{id} is said to be {outcome:?}; its job is {job:?}, its end {end:?}")
        };
        let mut wrong: Vec<String> = (!holds).then(truth).into_iter().collect();
        if !self.agrees_with_its_job(id, outcome) {
            let shown = outcome.job_id().map(|job| self.truth.shown(job));
            let shown = shown.map(Iterator::collect::<Vec<_>>);
            wrong.push(format!(
                "{id} is said to be {outcome:?}, and its job said {shown:?}"
            ));
        }
        if let Some(recorded) = self
            .last_reported_job(id, run)
            .filter(|recorded| Some(*recorded) != outcome.job_id())
        {
            wrong.push(format!(
                "{id} was accepted as {recorded:?}, and the report says {outcome:?}"
            ));
        }
        if !plan.is_disturbed() {
            wrong.extend(self.not_attempted_without_reason(plan, run, id, outcome));
        }
        self.violations.extend(wrong);
    }

    /// Returns `true` if the job reported the outcome of this server to the client: with its reason
    /// if it failed; a success need not name the server.
    fn agrees_with_its_job(&self, id: &ServerId, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Succeeded {
                evidence: Evidence::WantedState,
                ..
            } => true,
            Outcome::Succeeded {
                job_id: Some(job),
                evidence,
            } => {
                let mut shown = self.truth.shown(job);
                shown.any(|shown| match shown.of(id) {
                    Some(part) => {
                        let shown = *evidence == Evidence::SubJob;
                        shown && part.status == JobStatus::Success
                    }
                    None => *evidence == Evidence::Job && shown.status == JobStatus::Success,
                })
            }
            Outcome::Failed {
                job_id: Some(job),
                error,
            } => {
                let given = |part: &Part| {
                    let mut reasons = part.reasons.iter();
                    part.reasons.is_empty()
                        || reasons.any(|expected| error.message.contains(expected))
                };
                let mut parts = self.truth.shown(job).filter_map(|shown| shown.of(id));
                self.is_not_back(&error.message)
                    || parts.any(|part| part.status == JobStatus::Fail && given(part))
            }
            _ => true,
        }
    }
}
