//! The delivery of one request to the region, and of its answer.

use std::sync::Arc;

use bytes::Bytes;
use ecs_transport::{Delivery, TransportError, TransportErrorKind};
use http::{Request, Response};
use rand_chacha::ChaCha8Rng;

use super::course::JobCourse;
use super::plan::{self, Plan};
use super::{Answer, Asked, Fault, Inner, ShownJob, answers, closed, off_by, shape, travel};

impl Inner {
    /// Delivers the request to the region and its answer back; `None` if no answer ever arrives.
    pub(super) async fn deliver(
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
            Some(Fault::Numbered) if request.method() == http::Method::POST => {
                Ok(self.numbered(response, index))
            }
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
}
