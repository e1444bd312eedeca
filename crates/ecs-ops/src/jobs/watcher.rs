//! The watcher: one task that looks at all jobs of a client, for everybody who watches them.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use ecs_client::clock::until;
use ecs_client::{
    Classification, Client, Problem, RequestContext, RequestError, RetryState, StopCause,
};
use ecs_model::{Job, JobId, ShowJob};
use futures_util::future::{AbortHandle, Abortable, FutureExt as _};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use http::StatusCode;
use tokio::runtime::Id;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use super::book::{Book, Look, Reader, Slot};
use super::hub::{Command, Hub};
use super::inbox::Sender;
use super::machine::{End, Observation};
use super::{Sighting, observe};

/// A look that takes longer is no refusal: another one may go, although nobody knows yet whether our credentials are good.
const SLOW: Duration = Duration::from_secs(5);
/// When a job is looked at again whose look ended in a panic of the transport.
const AFTER_A_PANIC: Duration = Duration::from_secs(10);

/// What the task holds.
struct Work {
    hub: Arc<Hub>,
    book: Book,
    readers: HashMap<u64, Sender>,
    in_flight: HashMap<Slot, AbortHandle>,
}

/// The task.
pub(super) async fn work(hub: Arc<Hub>, runtime: Id, mut commands: UnboundedReceiver<Command>) {
    let mut work = Work {
        book: Book::new(hub.options.polling.clone()),
        readers: HashMap::new(),
        in_flight: HashMap::new(),
        hub,
    };
    let mut looks = FuturesUnordered::new();
    let mut sent = Instant::now();
    loop {
        if work.book.is_empty() {
            let mut watchers = work.hub.watchers();
            let Ok(command) = commands.try_recv() else {
                watchers.remove(&runtime);
                return;
            };
            drop(watchers);
            work.obey(command);
            continue;
        }
        // Until the credentials are known to be good, one at a time: a refusal ends the others before they are sent.
        let at_once = match work.hub.client.health().credentials_accepted() {
            true => work.hub.options.concurrent_queries,
            false if sent.elapsed() < SLOW => 1,
            false => (work.in_flight.len() + 1).min(work.hub.options.concurrent_queries),
        };
        while work.in_flight.len() < at_once
            && let Some((slot, job_id, history)) = work.book.take_due(work.hub.now())
        {
            sent = Instant::now();
            let (handle, registration) = AbortHandle::new_pair();
            work.in_flight.insert(slot, handle);
            let look = Abortable::new(look(work.hub.client.clone(), job_id, history), registration);
            looks.push(async move { (slot, look.await) });
        }
        let due = match work.in_flight.len() < at_once {
            true => work.book.next_due().and_then(|due| work.hub.instant(due)),
            false if work.in_flight.len() < work.hub.options.concurrent_queries => sent
                .checked_add(SLOW)
                .filter(|_| !work.hub.client.health().credentials_accepted()),
            false => None,
        };
        tokio::select! {
            biased;
            Some(command) = commands.recv() => work.obey(command),
            Some((slot, looked)) = looks.next() => {
                // One that was aborted is of no interest.
                if let Ok((answer, history)) = looked {
                    work.in_flight.remove(&slot);
                    work.looked(slot, answer, history);
                }
            }
            () = until(due) => {}
        }
    }
}

/// Looks at a job, once.
async fn look(
    client: Client,
    job_id: Arc<JobId>,
    history: RetryState,
) -> (Result<Job, RequestError>, RetryState) {
    let looking = async {
        let mut context = RequestContext::poll(history);
        let operation = ShowJob::new(JobId::clone(&job_id));
        let answer = client.execute(&operation, &mut context).await;
        (answer, context.state())
    };
    // A transport that panics over one job must not take the others with it.
    let looked = AssertUnwindSafe(looking).catch_unwind().await;
    looked.unwrap_or_else(|_| {
        let problem = Problem::new("the transport panicked");
        let failure = RequestError::new(Classification::Transient, problem)
            .with_stop_cause(StopCause::Deferred(AFTER_A_PANIC));
        (Err(failure), history)
    })
}

impl Work {
    fn obey(&mut self, command: Command) {
        match command {
            Command::Open(id, sender) => {
                self.readers.insert(id, sender);
            }
            Command::Watch(reader, job_id, wish) => {
                let (hub, book) = (&self.hub, &mut self.book);
                let (now, habits) = (hub.now(), hub.habits());
                hub.client
                    .with_rng(|rng| book.watch(now, job_id, reader, wish, &habits, rng));
            }
            Command::Unwatch(reader, job_id) => self.unwatch(reader, &job_id),
            Command::Close(id, jobs) => {
                self.readers.remove(&id);
                for (number, job_id) in jobs {
                    self.unwatch((id, number), &job_id);
                }
            }
        }
    }

    fn unwatch(&mut self, reader: Reader, job_id: &JobId) {
        if let Some(slot) = self.book.unwatch(job_id, reader)
            && let Some(look) = self.in_flight.remove(&slot)
        {
            look.abort();
        }
    }

    fn looked(&mut self, slot: Slot, answer: Result<Job, RequestError>, history: RetryState) {
        let hub = Arc::clone(&self.hub);
        let (observation, sight) = observe(&hub.client, &answer);
        let look = Look {
            observation,
            sight,
            history,
        };
        let now = hub.now();
        let told = {
            let (book, mut habits) = (&mut self.book, hub.habits());
            hub.client
                .with_rng(|rng| book.looked(now, slot, look, &mut habits, rng))
        };
        let sighting = match (answer, told.end) {
            (Ok(job), Some(_)) => Sighting::Ended(Arc::new(job)),
            (Ok(job), None) => Sighting::Goes(Arc::new(job)),
            (Err(failure), Some(end)) => self.refused(failure, end),
            (Err(_), None) if observation == (Observation::NotKnown { authentic: true }) => {
                Sighting::NotYet
            }
            (Err(failure), None) => Sighting::Trouble(failure.into_problem(), told.next_in),
        };
        self.tell(&told.readers, &sighting);
        self.tell(&told.stalled, &Sighting::Stalled);
    }

    fn refused(&mut self, failure: RequestError, end: End) -> Sighting {
        let status = failure.status();
        let problem = failure.into_problem();
        match end {
            // Something that not everybody may see.
            End::Denied if status == Some(StatusCode::FORBIDDEN) => Sighting::Denied(problem),
            End::Denied => {
                // All others would be told the same; and wrong signatures must not be repeated.
                for (_, look) in self.in_flight.drain() {
                    look.abort();
                }
                let denied = Sighting::Denied(problem);
                let others = self.book.close();
                self.tell(&others, &denied);
                denied
            }
            End::NotKnown | End::Over => Sighting::Lost(
                problem
                    .because("the service does not know the job")
                    .and("finished jobs are deleted after about a day"),
            ),
            End::Refused => Sighting::Lost(problem.because("the job could not be looked at")),
        }
    }

    fn tell(&self, readers: &[Reader], sighting: &Sighting) {
        for (id, number) in readers {
            if let Some(reader) = self.readers.get(id) {
                reader.send(*number, sighting.clone());
            }
        }
    }
}
