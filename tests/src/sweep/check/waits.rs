//! Checks that a wait for jobs ends with their results.

use std::time::Duration;

use ecs_ops::jobs::{JobEnd, WatchedJob};

use super::super::Waited;
use super::{Checker, TICK};

impl Checker<'_> {
    pub(super) fn waits_for_the_truth(&mut self, deadline: Option<Duration>, waited: &Waited) {
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
                JobEnd::Lost(_) => truth.is_none() || self.truth.disowned.contains_key(job_id),
                _ => self.denied(),
            };
            self.hold(holds, || {
                format!("waiting for {job_id:?} ended with {end:?}; its end is {truth:?}")
            });
        }
    }
}
