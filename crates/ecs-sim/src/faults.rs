//! A misbehaving network and service, by seed: faults that the documentation rules out and that
//! happen nonetheless.

mod answers;
mod course;
mod delivery;
mod fault;
mod journey;
mod plan;
mod shape;
#[cfg(test)]
mod tests;
mod trace;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ecs_model::{AnyOperation, JobId, Operation as _, ShowJob};
use ecs_transport::{Attempt, BoxFuture, Delivery, Transport, TransportError, TransportErrorKind};
use http::{Request, Response};

use crate::SimTransport;
use course::JobCourse;
use journey::{Ending, Journey};
use plan::Plan;

pub use fault::{Fault, Target};
pub use plan::Faults;
pub use shape::Shape;
pub use trace::{Asked, Exchange, Part, Received, ShownJob, Trace};

type Answer = Result<Response<Bytes>, TransportError>;

/// A [`SimTransport`] with [`Faults`] between it and its client.
///
/// It uses its mark exactly: armed from the beginning and set when the request leaves.
/// [`Delivery::NotSent`] is reported only before. A sent request travels independently: it can
/// arrive long after the client gave up. Its ways take the time that the faults define, not the
/// latency of the [`SimTransport`].
///
/// In addition to drawn faults, [`inject`](Self::inject) applies a given fault to the next exchange
/// of its kind.
///
/// The [`Trace`] records what happened. The same seed and the same calls at the same times give the
/// same trace. Clones share everything.
///
/// ```
/// use ecs_sim::{Faults, FaultyTransport, Region, SimTransport};
///
/// let mut faults = Faults::none(7);
/// faults.loss_after = 0.2; // one answer in five never comes
/// let transport = FaultyTransport::new(SimTransport::new(Region::builder().build()?), faults);
/// assert!(transport.trace().exchanges.is_empty());
/// # Ok::<_, ecs_sim::SimError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FaultyTransport(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sim: SimTransport,
    faults: Faults,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    trace: Trace,
    jobs: HashMap<JobId, JobCourse>,
    injected: VecDeque<(Target, Fault)>,
    /// Jobs whose id was replaced by a number, by that number.
    numbered: HashMap<JobId, JobId>,
    /// The offset of the region's clock in seconds, and how often it was set.
    skew: i64,
    steps: usize,
}

impl FaultyTransport {
    /// Applies these faults on the way to this region.
    pub fn new(sim: SimTransport, faults: Faults) -> Self {
        Self(Arc::new(Inner {
            sim,
            faults,
            state: Mutex::default(),
        }))
    }

    /// Returns the wrapped transport: its region, and the time without steps of the clock.
    pub fn sim(&self) -> &SimTransport {
        &self.0.sim
    }

    /// Applies this fault to the next exchange of this kind without an injected fault, in place of
    /// the drawn ones.
    ///
    /// ```
    /// # use ecs_sim::{Fault, Faults, FaultyTransport, Region, SimTransport, Target};
    /// # let sim = SimTransport::new(Region::builder().build()?);
    /// let transport = FaultyTransport::new(sim, Faults::none(7));
    /// transport.inject(Target::Action, Fault::Refused);
    /// transport.inject(Target::Action, Fault::Closed); // for the second action
    /// # Ok::<_, ecs_sim::SimError>(())
    /// ```
    pub fn inject(&self, target: Target, fault: Fault) {
        self.0.state().injected.push_back((target, fault));
    }

    /// Returns what happened so far.
    pub fn trace(&self) -> Trace {
        self.0.state().trace.clone()
    }
}

impl Transport for FaultyTransport {
    fn send<'a>(
        &'a self,
        request: Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Result<Response<Bytes>, TransportError>> {
        attempt.mark().hold();
        let (request, number) = self.0.by_its_own_id(request);
        let (index, plan) = self.0.begin(&request);
        Box::pin(async move {
            let mut ending = Ending {
                inner: &self.0,
                index,
                received: Received::Nothing,
            };
            let limit = attempt.timeout().filter(|_| plan.keeps_time);
            let exchange = self.exchange(request, attempt, index, plan);
            let answer = match limit {
                Some(limit) => tokio::time::timeout(limit, exchange)
                    .await
                    .unwrap_or_else(|_| {
                        let delivery = attempt.mark().delivery();
                        Err(TransportError::new(TransportErrorKind::Timeout, delivery))
                    }),
                None => exchange.await,
            };
            ending.received = match &answer {
                Ok(response) => Received::Answer(response.status()),
                Err(error) => Received::Failure(error.kind(), error.delivery()),
            };
            match number {
                Some(number) => answer.map(|response| answers::numbered(response, number).0),
                None => answer,
            }
        })
    }
}

impl FaultyTransport {
    async fn exchange(
        &self,
        request: Request<Bytes>,
        attempt: &Attempt,
        index: usize,
        plan: Plan,
    ) -> Answer {
        travel(plan.connecting).await;
        match plan.fault {
            Some(Fault::Refused) => {
                return Err(TransportError::new(
                    TransportErrorKind::Connect,
                    Delivery::NotSent,
                ));
            }
            Some(Fault::ConnectHangs) => std::future::pending().await,
            _ => {}
        }
        attempt.mark().set();
        self.0
            .note(index, |exchange, now| exchange.left = Some(now));
        match plan.fault {
            Some(Fault::Reset) => {
                travel(plan.there).await;
                return Err(closed());
            }
            Some(Fault::Swallowed) => std::future::pending().await,
            Some(Fault::GivenBack) => {
                attempt.mark().retract();
                return Err(TransportError::new(
                    TransportErrorKind::Cancelled,
                    Delivery::NotSent,
                ));
            }
            _ => {}
        }
        let outlives = plan.outlives;
        let mut journey = Journey {
            task: tokio::spawn(Arc::clone(&self.0).deliver(request, index, plan)),
            outlives,
        };
        match (&mut journey.task).await {
            Ok(Some(answer)) => answer,
            Ok(None) => std::future::pending().await,
            Err(error) => Err(TransportError::unknown(error)),
        }
    }
}

impl State {
    fn injected_for(&mut self, asked: &Asked) -> Option<Fault> {
        let target = match asked {
            Asked::Action(_) => Target::Action,
            Asked::Job(_) => Target::Job,
            Asked::Other => return None,
        };
        let next = self
            .injected
            .iter()
            .position(|(value, _)| *value == target)?;
        self.injected.remove(next).map(|(_, fault)| fault)
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, request: &Request<Bytes>) -> (usize, Plan) {
        let asked = match AnyOperation::from_request(request) {
            Ok((_, AnyOperation::BatchRebootServers(value))) => {
                Asked::Action(value.servers().to_vec())
            }
            Ok((_, AnyOperation::BatchStartServers(value))) => {
                Asked::Action(value.servers().to_vec())
            }
            Ok((_, AnyOperation::BatchStopServers(value))) => {
                Asked::Action(value.servers().to_vec())
            }
            Ok((_, AnyOperation::ShowJob(value))) => Asked::Job(value.job_id().clone()),
            _ => Asked::Other,
        };
        let begun = self.sim.now();
        let mut state = self.state();
        let index = state.trace.exchanges.len();
        let course = match &asked {
            Asked::Job(job) => state.jobs.get(job).cloned(),
            _ => None,
        };
        let mut plan = Plan::draw(&self.faults, index, &asked);
        if let Some(course) = course {
            plan.fault = plan.fault.or_else(|| course.fault_at(begun));
        }
        if let Some(fault) = state.injected_for(&asked) {
            plan.fault = Some(fault);
        }
        if let Some(step) = plan.step.filter(|_| state.steps < plan::MOST_STEPS) {
            state.steps += 1;
            state.skew += step;
            state.trace.clock_steps.push((begun, step));
        }
        state.trace.exchanges.push(Exchange {
            asked,
            fault: plan.fault.clone(),
            begun,
            left: None,
            arrived: None,
            accepted: None,
            shown_job: None,
            ended: None,
        });
        (index, plan)
    }

    fn note(&self, index: usize, note: impl FnOnce(&mut Exchange, Duration)) {
        let now = self.sim.now();
        if let Some(exchange) = self.state().trace.exchanges.get_mut(index) {
            note(exchange, now);
        }
    }

    /// Translates a query for a job by its number to the region's job id, and returns the number.
    fn by_its_own_id(&self, mut request: Request<Bytes>) -> (Request<Bytes>, Option<u64>) {
        let mut number = None;
        if let Ok((project, AnyOperation::ShowJob(value))) = AnyOperation::from_request(&request)
            && let Some(job) = self.state().numbered.get(value.job_id())
        {
            *request.uri_mut() = ShowJob::new(job.clone())
                .encode(&project)
                .into_parts()
                .0
                .uri;
            number = value.job_id().as_str().parse().ok();
        }
        (request, number)
    }

    /// Returns the time of the region's calendar.
    fn calendar(&self) -> jiff::Timestamp {
        let now = off_by(self.sim.now(), self.state().skew);
        let epoch = self.sim.region().with(|region| region.epoch());
        epoch.checked_add(now).unwrap_or(jiff::Timestamp::MAX)
    }
}

fn off_by(now: Duration, seconds: i64) -> Duration {
    let skew = Duration::from_secs(seconds.unsigned_abs());
    match seconds {
        0.. => now.saturating_add(skew),
        _ => now.saturating_sub(skew),
    }
}

fn closed() -> TransportError {
    TransportError::new(TransportErrorKind::Closed, Delivery::MaybeSent)
}

async fn travel(time: Duration) {
    // Even the shortest sleep takes a millisecond.
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}
