//! The delivery of an action, visible outside of the future that sends it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ecs_transport::{Delivery, SendMark};

use crate::Problem;
use crate::clock::ClockReading;

/// The reason for an action that was never sent.
pub const NEVER_SENT: &str = "not sent: stopped before";

/// The delivery of an action: known at any time, even after the future that sends it was dropped.
#[derive(Debug, Default)]
pub struct SendState(Mutex<Known>);

/// The outcome of a submission that was cut short.
#[derive(Clone, Debug)]
pub enum SubmissionOutcome {
    /// The action was certainly not executed, for this reason.
    NotExecuted(Problem),
    /// The action may have been executed.
    Unknown(Problem),
}

#[derive(Debug, Default)]
struct Known {
    in_flight: Option<InFlight>,
    /// The reason why the last finished attempt was not executed.
    problem: Option<Problem>,
}

#[derive(Debug)]
struct InFlight {
    mark: SendMark,
    since: ClockReading,
}

impl SendState {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that an attempt begins.
    pub(crate) fn attempt_started(&self, mark: &SendMark, since: ClockReading) {
        let mark = mark.clone();
        self.lock().in_flight = Some(InFlight { mark, since });
    }

    /// Notes that the attempt was certainly not executed.
    pub(crate) fn attempt_not_executed(&self, problem: &Problem) {
        let mut known = self.lock();
        known.in_flight = None;
        known.problem = Some(problem.clone());
    }

    /// Returns when the last attempt began, unless it was certainly not executed.
    pub fn sent(&self) -> Option<ClockReading> {
        Some(self.lock().in_flight.as_ref()?.since)
    }

    /// Returns the outcome if the submission is cut short now.
    pub fn outcome(&self) -> SubmissionOutcome {
        let known = self.lock();
        match &known.in_flight {
            Some(attempt) if attempt.mark.delivery() == Delivery::MaybeSent => {
                let problem = Problem::new("stopped while the request was underway");
                SubmissionOutcome::Unknown(problem.maybe_executed(attempt.since))
            }
            _ => {
                let problem = known.problem.clone();
                SubmissionOutcome::NotExecuted(problem.unwrap_or_else(|| Problem::new(NEVER_SENT)))
            }
        }
    }
}
