//! What is known from outside of an action that is underway.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ecs_transport::{Delivery, SendMark};

use crate::batch::{Fate, NEVER_SENT};
use crate::clock::Moment;
use crate::report::Problem;

/// What is known of an action, also when the future that sends it was dropped.
#[derive(Debug, Default)]
pub(crate) struct Flight(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    underway: Option<Underway>,
    /// Why the last attempt that ended did not do it.
    problem: Option<Problem>,
}

#[derive(Debug)]
struct Underway {
    mark: SendMark,
    since: Moment,
}

impl Flight {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An attempt begins.
    pub(super) fn begin(&self, mark: &SendMark, since: Moment) {
        let mark = mark.clone();
        self.lock().underway = Some(Underway { mark, since });
    }

    /// The attempt ended with the certainty that it was not executed.
    pub(super) fn not_executed(&self, problem: &Problem) {
        let mut known = self.lock();
        known.underway = None;
        known.problem = Some(problem.clone());
    }

    /// What is known now.
    pub(crate) fn fate(&self) -> Fate {
        let known = self.lock();
        match &known.underway {
            Some(underway) if underway.mark.delivery() == Delivery::MaybeSent => {
                let words = "the run was stopped while the request was underway";
                Fate::Unknown(Problem::new(words).maybe_executed(underway.since))
            }
            _ => Fate::NotExecuted(
                known
                    .problem
                    .clone()
                    .unwrap_or_else(|| Problem::new(NEVER_SENT)),
            ),
        }
    }
}
