//! Under which circumstances a request is executed, and how it ends that is not done.

use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::flight::Flight;
use crate::batch::NEVER_SENT;
use crate::clock::Moment;
use crate::control::{Control, Level};
use crate::journal::BatchLog;
use crate::pace::Share;
use crate::policy::{Effort, History, Judgement};
use crate::report::Problem;
use crate::{Error, ErrorKind};

/// Why a request is not sent (again).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The policy said so.
    GaveUp,
    /// The run was told to submit nothing more, after an attempt that was certainly not executed.
    Withdrawn,
    /// The run was told so before the first attempt.
    NeverSent,
}

/// How a request ended that was not done.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) judgement: Judgement,
    pub(crate) problem: Problem,
    /// The status of the answer, if there was one.
    pub(crate) status: Option<StatusCode>,
    /// Whether that answer looks like the service's own, and not like one of something on the way.
    pub(crate) authentic: bool,
    pub(crate) ending: Ending,
    /// When to look again, if it was a look.
    pub(crate) look_again: Option<Duration>,
}

impl Failure {
    pub(crate) fn new(judgement: Judgement, problem: Problem) -> Self {
        Self {
            judgement,
            problem,
            status: None,
            authentic: false,
            ending: Ending::GaveUp,
            look_again: None,
        }
    }

    /// Never sent: the run was told to submit nothing more.
    pub(crate) fn never_sent() -> Self {
        Self {
            ending: Ending::NeverSent,
            ..Self::new(Judgement::NotDelivered, Problem::new(NEVER_SENT))
        }
    }

    pub(crate) fn into_error(self) -> Error {
        let kind = match self.judgement {
            Judgement::Refused => ErrorKind::Refused,
            Judgement::RefusedCredentials => ErrorKind::Credentials,
            Judgement::Throttled => ErrorKind::Deadline,
            _ => ErrorKind::Unreachable,
        };
        Error::new(kind, self.problem)
    }
}

/// What the retry loop tells on the way.
#[derive(Debug)]
pub(crate) enum Notice {
    /// The first attempt begins.
    Sending,
    Throttled(Problem, Duration),
    Retrying(Problem, Duration),
}

/// Under which circumstances a request is executed.
pub(crate) struct Scope<'a> {
    pub(super) effort: Effort,
    pub(super) history: History,
    pub(super) began: Instant,
    /// How many attempts began.
    pub(super) attempts: u32,
    pub(super) action: Option<ActionScope<'a>>,
}

/// What belongs to an action: each part is told before the first byte of an attempt can leave.
pub(crate) struct ActionScope<'a> {
    pub(crate) flight: &'a Flight,
    pub(crate) share: &'a mut Share,
    pub(crate) control: &'a Control,
    pub(crate) notify: &'a (dyn Fn(Notice) + Send + Sync),
    pub(crate) log: BatchLog<'a>,
}

impl<'a> Scope<'a> {
    fn new(effort: Effort, history: History, action: Option<ActionScope<'a>>) -> Self {
        Self {
            effort,
            history,
            began: Instant::now(),
            attempts: 0,
            action,
        }
    }

    pub(crate) fn read() -> Self {
        Self::new(Effort::Read, History::default(), None)
    }

    /// One look of many, and what happened to those before.
    pub(crate) fn look(history: History) -> Self {
        Self::new(Effort::Watch, history, None)
    }

    pub(crate) fn action(action: ActionScope<'a>) -> Self {
        Self::new(Effort::Action, History::default(), Some(action))
    }

    /// What happened to the request so far.
    pub(crate) fn history(&self) -> History {
        self.history
    }

    /// Writes down that the next attempt is going to be sent, if that is to be written down.
    pub(super) async fn announce(&self, now: Moment) -> Result<(), Failure> {
        let Some(action) = &self.action else {
            return Ok(());
        };
        let announced = action.log.announce(self.attempts.saturating_add(1), now);
        let withdrawn = |problem: Problem| Failure {
            ending: Ending::Withdrawn,
            ..Failure::new(Judgement::NotDelivered, problem.because("not sent"))
        };
        announced.await.map_err(withdrawn)?;
        if action.control.level() < Level::Halted {
            return Ok(());
        }
        // The run was stopped while that was written down.
        let failure = withdrawn(Problem::new("the run was stopped"));
        self.not_executed(&failure, None).await;
        Err(failure)
    }

    /// Writes down that it is certain that the last attempt was not executed.
    pub(super) async fn not_executed(&self, failure: &Failure, retry_after: Option<Duration>) {
        if let Some(action) = &self.action
            && failure.judgement.proves_not_executed()
        {
            let throttled = failure.judgement == Judgement::Throttled;
            let log = &action.log;
            log.not_executed(throttled, retry_after, &failure.problem)
                .await;
        }
    }

    /// Waits for something that comes before sending, unless the run is told to submit nothing more.
    pub(super) async fn unless_stopped<T>(
        &self,
        waiting: impl Future<Output = T>,
    ) -> Result<T, Stopped> {
        match &self.action {
            Some(action) => tokio::select! {
                biased;
                () = action.control.reached(Level::Halted) => Err(Stopped),
                done = waiting => Ok(done),
            },
            None => Ok(waiting.await),
        }
    }
}

/// The run was told to submit nothing more.
pub(super) struct Stopped;
