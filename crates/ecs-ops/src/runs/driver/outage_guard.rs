//! Holds requests back during an outage: the I/O around [`Outage`].

use ecs_client::{Classification, Probe, ProbeEnd, Problem, RequestError, StopCause};
use ecs_model::Accepted;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use ecs_auth::BoxFuture;

use super::{Driver, Step};
use crate::control::Level;
use crate::event::Event;
use crate::report::Stopped;
use crate::runs::outage::{OUTAGE_LIMIT, Outage, Permit};
use crate::runs::state::RunState;

/// Decides what may be sent after lost answers.
#[derive(Debug)]
pub(super) struct OutageGuard {
    began: Instant,
    outage: Outage,
}

impl OutageGuard {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            outage: Outage::default(),
        }
    }

    /// The number of requests that may be underway, and whether the next one has a single server.
    pub(super) fn at_once(&self, most: usize) -> (usize, bool) {
        match self.outage.permit() {
            Permit::Many => (most, false),
            Permit::One => (1, false),
            Permit::Trial => (1, true),
            Permit::Nothing => (0, false),
        }
    }

    /// A request is being sent.
    pub(super) fn sent(&mut self) {
        self.outage.sent();
    }

    /// A request was answered, or its answer was lost.
    pub(super) fn on_submitted(&mut self, result: &Result<Accepted, RequestError>) {
        match result {
            Err(error)
                if error.stop_cause() == StopCause::GaveUp
                    && !error.classification().proves_not_executed() =>
            {
                self.outage.unknown(self.began.elapsed());
            }
            // A request that never left says nothing about the service.
            Err(error) if error.classification() == Classification::NotDelivered => {}
            _ => self.outage.answered(),
        }
    }

    /// Starts a read if one is needed and something is left to send.
    pub(super) fn drive<'a>(
        &mut self,
        driver: Driver<'a>,
        state: &mut RunState,
        steps: &mut FuturesUnordered<BoxFuture<'a, Step>>,
    ) {
        if !state.has_requests() || driver.control.level() > Level::Go {
            return;
        }
        let limit = driver.client.0.core.scaled(OUTAGE_LIMIT);
        if let Some(count) = self.outage.gives_up(self.began.elapsed(), limit) {
            let reason = format!(
                "the answers to {count} requests in a row were lost, and the service did not recover within {} minutes",
                OUTAGE_LIMIT.as_secs() / 60
            );
            let problem = Problem::new(reason);
            state.halt(problem.clone().because("not sent"));
            driver.control.halt();
            let event = Event::stopping(Stopped::Outage(problem));
            return driver.sink.emit(event);
        }
        let Some(pause) = self.outage.next_read() else {
            return;
        };
        let pause = driver.client.0.core.scaled(pause);
        driver.sink.emit(Event::ServiceDown { retry_after: pause });
        steps.push(Box::pin(async move {
            let reading = async {
                tokio::time::sleep(pause).await;
                is_itself(&driver.client.0.core.probe().await)
            };
            let answers = tokio::select! {
                biased;
                () = driver.control.reached(Level::NoMoreSubmissions) => false,
                answers = reading => answers,
            };
            Step::Read(answers)
        }));
    }

    /// A read was made.
    pub(super) fn on_read(&mut self, answers: bool) {
        self.outage.read(answers);
    }
}

/// Returns `true` if the service itself answered, now: with the list, or with a
/// refusal in a form of its own.
fn is_itself(probe: &Probe) -> bool {
    match &probe.end {
        _ if probe.stale.is_some() => false,
        ProbeEnd::Answered { .. } => true,
        ProbeEnd::Refused { status, origin, .. } => *status < 500 && origin.is_proven(),
        _ => false,
    }
}
