//! A misbehaving network and service, by seed: faults that the documentation rules out and that
//! happen nonetheless.

mod answers;
mod course;
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
use rand_chacha::ChaCha8Rng;

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
        let request = self.0.by_its_own_id(request);
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
            answer
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

    /// Delivers the request to the region and its answer back; `None` if no answer ever arrives.
    async fn deliver(
        self: Arc<Self>,
        request: Request<Bytes>,
        index: usize,
        plan: Plan,
    ) -> Option<Answer> {
        travel(plan.there).await;
        let mut rng = self.faults.rng(index, plan::ANSWERS);
        let is_action = request.method() == http::Method::POST;
        let error = |rng: &mut _| {
            if is_action {
                answers::nothing_proven(rng)
            } else {
                answers::server_error(rng)
            }
        };
        let response = match plan.fault {
            Some(Fault::Throttled) => answers::throttled(&mut rng, self.calendar()),
            Some(Fault::Denied) => answers::denied(&mut rng),
            Some(Fault::ErrorBefore) => error(&mut rng),
            Some(Fault::UnknownJob) => answers::unknown_job(&mut rng),
            // Always in the same form: a job that does nothing does not even change its status.
            Some(Fault::UnfinishedJob) => answers::unfinished_job(&mut self.rng_of_job(index)),
            Some(Fault::ErrorAsSuccess) => answers::error_as_success(&mut rng),
            Some(Fault::Replaced {
                executed: false,
                status,
                ref body,
            }) => answers::replaced(status, body),
            _ => self.arrive(&request, index),
        };
        let failed = |kind| TransportError::new(kind, Delivery::MaybeSent);
        let answer = match plan.fault {
            Some(Fault::Replaced { status, body, .. }) => Ok(answers::replaced(status, &body)),
            Some(Fault::Compressed) => Ok(answers::compressed(response)),
            Some(Fault::Marked) => Ok(answers::marked(response)),
            Some(Fault::Numbered) => Ok(self.numbered(response, index)),
            Some(Fault::Shaped(shapes)) => {
                Ok(shape::reshaped(response, &shapes, &self.rng_of_job(index)))
            }
            Some(Fault::NotHttp) => Err(failed(TransportErrorKind::Protocol)),
            Some(Fault::TooLarge) => {
                let (head, _) = response.into_parts();
                Err(failed(TransportErrorKind::TooLarge).with_head(head.status, head.headers))
            }
            Some(Fault::ErrorAfter) => Ok(error(&mut rng)),
            Some(Fault::Garbage) => Ok(answers::garbage(&mut rng)),
            Some(Fault::Closed) => Err(closed()),
            Some(Fault::BodyCut) => {
                let (head, _) = response.into_parts();
                Err(failed(TransportErrorKind::BodyCut).with_head(head.status, head.headers))
            }
            Some(Fault::Silent) => return None,
            _ => Ok(response),
        };
        let shown_job = answer.as_ref().ok().and_then(ShownJob::read);
        self.note(index, |exchange, _| match exchange.asked {
            Asked::Job(_) => exchange.shown_job = shown_job,
            Asked::Action(_) | Asked::Other => {}
        });
        travel(plan.back).await;
        Some(answer)
    }

    fn arrive(&self, request: &Request<Bytes>, index: usize) -> Response<Bytes> {
        let skew = self.state().skew;
        let now = off_by(self.sim.now(), skew);
        let (response, accepted) = self.sim.region().with(|region| {
            let before = region.accepted().entries().len();
            let response = region.handle(request, now);
            let new = region.accepted().entries().get(before);
            let new = new.map(|new| (new.job_id.clone(), new.servers.len()));
            (response, new)
        });
        let accepted = accepted.map(|(job, servers)| {
            let course = JobCourse::draw(&self.faults, index, servers, self.sim.now());
            self.state().jobs.insert(job.clone(), course);
            job
        });
        self.note(index, |exchange, now| {
            exchange.arrived = Some(now);
            exchange.accepted = accepted;
        });
        response
    }

    /// Replaces the job id in the answer by an unused number.
    fn numbered(&self, response: Response<Bytes>, index: usize) -> Response<Bytes> {
        let number = 4_000_000_000 + index as u64;
        let (response, job) = answers::numbered(response, number);
        if let (Some(job), Ok(number)) = (job, number.to_string().parse()) {
            self.state().numbered.insert(number, job);
        }
        response
    }

    /// Returns the same randomness for each query of the same job.
    fn rng_of_job(&self, index: usize) -> ChaCha8Rng {
        let state = self.state();
        let asked = state
            .trace
            .exchanges
            .get(index)
            .map(|exchange| &exchange.asked);
        let course = match asked {
            Some(Asked::Job(job)) => state.jobs.get(job),
            _ => None,
        };
        self.faults
            .rng(course.map_or(index, |course| course.index), plan::SHAPE)
    }

    /// Translates a query for a job by its number to the region's job id.
    fn by_its_own_id(&self, mut request: Request<Bytes>) -> Request<Bytes> {
        if let Ok((project, AnyOperation::ShowJob(value))) = AnyOperation::from_request(&request)
            && let Some(job) = self.state().numbered.get(value.job_id())
        {
            *request.uri_mut() = ShowJob::new(job.clone())
                .encode(&project)
                .into_parts()
                .0
                .uri;
        }
        request
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
