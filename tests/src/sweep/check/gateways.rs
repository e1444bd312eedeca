//! Invariants behind a gateway, which the trace of the region's side cannot show.

use ecs_ops::{Evidence, Outcome};

use super::super::Outcome as Simulated;
use super::{Checker, Played};

impl Checker<'_> {
    /// Checks that certain claims of a report are true, whatever the gateway made of the answers.
    pub(super) fn holds_behind_a_gateway(&mut self, outcome: &Simulated) {
        for run in &outcome.runs {
            self.hold(!run.endless, || "a run did not end".to_owned());
            self.reports_each_server_once(run);
            self.events_agree_with_the_report(run);
            self.claims_nothing_false(run);
        }
    }

    fn claims_nothing_false(&mut self, run: &Played) {
        let report = run.report.as_ref().map(|report| &report.servers);
        let mut wrong = Vec::new();
        for server in report.unwrap_or(&run.events) {
            let id = &server.id;
            let executed = !self.truth.jobs_until(id, run.until).is_empty();
            let claim = match &server.outcome {
                Outcome::NotAttempted { .. } | Outcome::Failed { job_id: None, .. } => Some(false),
                // A server in the wanted state, or on which others acted, is no claim about the
                // request.
                Outcome::Succeeded {
                    evidence: Evidence::WantedState,
                    ..
                } => None,
                Outcome::Succeeded { .. } if self.others.contains(id) => None,
                Outcome::Succeeded { .. } | Outcome::Running { .. } => Some(true),
                _ => None,
            };
            if claim.is_some_and(|claim| claim != executed) {
                wrong.push(format!(
                    "behind a gateway {id} is said to be {:?}, executed: {executed}",
                    server.outcome
                ));
            }
        }
        self.violations.extend(wrong);
    }
}
