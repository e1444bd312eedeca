//! The loop of a run: what is underway, the next step that ends, and what follows from it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use ecs_auth::BoxFuture;
use ecs_client::SendState;
use ecs_client::clock::{after, until};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::outage_guard::OutageGuard;
use super::wave_driver::WaveDriver;
use super::{Driver, Step};
use crate::control::Level;
use crate::event::{Event, SIGN_OF_LIFE};
use crate::jobs::Subscription;
use crate::journal::{Acceptance, Record};
use crate::runs::hang::HangWatch;
use crate::runs::observer::Observer;
use crate::runs::reconcile::Reconciler;
use crate::runs::state::{Resumption, RunState};
use crate::runs::verify::Verifier;
use crate::{Error, ErrorKind};

/// A run that is underway.
pub(super) struct WorkLoop<'a, 's> {
    driver: Driver<'a>,
    state: &'s mut RunState,
    /// The progress of the submissions that are underway.
    send_states: &'s mut HashMap<usize, Arc<SendState>>,
    /// The steps that are underway.
    steps: FuturesUnordered<BoxFuture<'a, Step>>,
    /// Steps that ended while a record was written.
    completed_steps: VecDeque<Step>,
    jobs: Subscription,
    /// The number of requests that are being submitted.
    submitting: usize,
    /// `true` if servers that may be in the wanted state are being read.
    reading_servers: bool,
    /// The time at which to show that the run is alive.
    sign_at: Instant,
    outage: OutageGuard,
    wave_driver: WaveDriver,
    observer: Observer,
}

/// The reason why the loop wakes up.
enum Wake {
    /// A step ended.
    Step(Step),
    /// What can be started may have changed.
    StartMore,
    /// Nothing is left to do.
    Done,
}

impl<'a, 's> WorkLoop<'a, 's> {
    /// Takes up what an earlier process left, and reads the initial state of the servers.
    pub(super) async fn begin(
        driver: Driver<'a>,
        state: &'s mut RunState,
        send_states: &'s mut HashMap<usize, Arc<SendState>>,
        resumed: Resumption,
    ) -> Self {
        let mut jobs = Subscription::new(Arc::clone(&driver.client.0.registry));
        let sign_at = driver.next_sign();
        let outage = OutageGuard::new();
        let mut wave_driver = WaveDriver::new(driver, &resumed);
        let mut reconciler = Reconciler::with_initial_state(
            driver.reconcile_limit,
            driver.before,
            driver.traces.cloned(),
        );
        reconciler.skip_resumed_jobs(state);
        driver
            .resume(state, resumed, &mut wave_driver, &mut jobs)
            .await;
        if driver.reconcile {
            driver.fetch_initial_state(state, &mut reconciler).await;
        }
        let hangs = HangWatch::new(driver.client, state);
        Self {
            driver,
            state,
            send_states,
            steps: FuturesUnordered::new(),
            completed_steps: VecDeque::new(),
            jobs,
            submitting: 0,
            reading_servers: false,
            sign_at,
            outage,
            wave_driver,
            observer: Observer::new(reconciler, driver.verify.map(Verifier::new), hangs),
        }
    }

    /// Submits requests and polls jobs until nothing is left to do.
    pub(super) async fn run(mut self) {
        loop {
            let is_suspended = self.driver.control.level() == Level::Suspended;
            if is_suspended && self.submitting == 0 {
                return;
            }
            let list_at = self.start_steps();
            let step = match self.wake(list_at, is_suspended).await {
                Wake::Step(step) => step,
                Wake::StartMore => continue,
                Wake::Done => return,
            };
            if self.driver.control.level() > Level::Go {
                self.state.stop_submitting();
            }
            let events = self.apply(step);
            self.conclude(events).await;
        }
    }

    /// Starts all that can be started now. Returns when to list servers.
    fn start_steps(&mut self) -> Option<Instant> {
        let driver = self.driver;
        driver.drive_waves(self.state, &mut self.wave_driver, &mut self.steps);
        driver.submit_more(
            self.state,
            &mut self.outage,
            &mut self.submitting,
            self.send_states,
            &mut self.steps,
        );
        // If queries of jobs are refused, those of servers would be, too.
        let list_at = if self.state.is_denied() {
            None
        } else {
            self.observer.next_list(driver.client, self.state)
        };
        if !self.reading_servers
            && let Some(read) = driver.read_servers(self.state)
        {
            self.reading_servers = true;
            self.steps.push(read);
        }
        list_at
    }

    /// Waits for the next step that ends, or for something to start.
    async fn wake(&mut self, list_at: Option<Instant>, is_suspended: bool) -> Wake {
        if let Some(step) = self.completed_steps.pop_front() {
            return Wake::Step(step);
        }
        if self.steps.is_empty() && self.jobs.is_empty() && !self.needs_list() {
            return Wake::Done;
        }
        let driver = self.driver;
        tokio::select! {
            biased;
            Some(step) = self.steps.next() => return Wake::Step(step),
            Some((request, update)) = self.jobs.next() => {
                return Wake::Step(Step::JobUpdated(request, update));
            }
            () = driver.control.reached(Level::Suspended), if !is_suspended => {}
            () = until(list_at) => {
                let query = self.observer.begin_list(driver.client, self.state);
                self.steps.extend(query.map(|query| driver.list(query)));
            }
            () = tokio::time::sleep_until(self.sign_at) => {
                driver.sink.emit(self.state.waiting());
                self.sign_at = driver.next_sign();
            }
        }
        Wake::StartMore
    }

    /// Returns `true` if the run must not end before another list of servers.
    fn needs_list(&mut self) -> bool {
        !self.state.is_denied() && self.observer.needs_list(self.driver.client, self.state)
    }

    /// Applies a step to the state.
    fn apply(&mut self, step: Step) -> Vec<Event> {
        let (driver, state) = (self.driver, &mut *self.state);
        match step {
            Step::Submitted(request, result) => {
                self.submitting -= 1;
                self.send_states.remove(&request);
                self.outage.on_submitted(&result);
                driver.on_submitted(state, request, result, &mut self.jobs)
            }
            Step::ServersRead(servers, read) => {
                self.reading_servers = false;
                state.servers_read(&servers, read.as_ref().map_err(Error::problem))
            }
            Step::Read(answers) => {
                self.outage.on_read(answers);
                Vec::new()
            }
            Step::Listed(listed) => driver.listed(state, &mut self.observer, listed),
            Step::WaveRechecked(rechecked) => {
                self.wave_driver.is_underway = false;
                rechecked.map_or_else(Vec::new, |rechecked| state.wave_rechecked(rechecked))
            }
            Step::WavesAdvanced(event) => {
                self.wave_driver.is_underway = false;
                let event = event.and_then(|event| state.advance_waves(event));
                event.into_iter().collect()
            }
            Step::JobUpdated(request, update) => {
                let events = driver.on_job_update(state, request, &update);
                if state.job(request).is_none() {
                    self.jobs.unwatch(request);
                }
                events
            }
        }
    }

    /// Decides what follows from a step, and commits it. Other steps continue meanwhile: the journal
    /// may wait for one of them.
    async fn conclude(&mut self, events: Vec<Event>) {
        if self.state.is_denied() {
            self.jobs.unwatch_all();
        }
        let mut decided = self.state.conclude(events);
        let found = std::mem::take(&mut decided.found);
        self.wave_driver.note_unknown(self.driver, &decided.events);
        {
            let mut commit = std::pin::pin!(self.driver.commit(self.state, decided));
            loop {
                tokio::select! {
                    biased;
                    () = &mut commit => break,
                    Some(step) = self.steps.next() => self.completed_steps.push_back(step),
                }
            }
        }
        for Acceptance {
            request, job_id, ..
        } in found
        {
            self.driver.log.note_job(&job_id);
            self.driver.log.take_accepted(request);
            self.driver
                .watch_new(self.state, &mut self.jobs, request - 1);
        }
    }
}

impl Driver<'_> {
    /// Returns the next time at which to show that the run is alive.
    fn next_sign(self) -> Instant {
        after(self.client.0.core.scaled(SIGN_OF_LIFE))
    }

    /// Takes up what an earlier process left: its share of the quota, its events, its jobs.
    async fn resume(
        self,
        state: &mut RunState,
        resumed: Resumption,
        wave_driver: &mut WaveDriver,
        jobs: &mut Subscription,
    ) {
        for (servers, at) in resumed.counted {
            let age = self.client.0.core.clock().since(at);
            self.client.0.quota.restore(servers, age);
        }
        resumed
            .known
            .into_iter()
            .for_each(|event| self.sink.emit(event));
        let decided = state.conclude(resumed.news);
        wave_driver.note_unknown(self, &decided.events);
        self.commit(state, decided).await;
        for job in state.accepted_jobs() {
            let age = self.client.0.core.clock().since(job.accepted);
            let began = Instant::now().checked_sub(age);
            self.watch(state, jobs, job.index(), began, true);
        }
    }

    /// Reads and records the initial state of the servers, for the reconciliation. Nothing is sent if
    /// that fails.
    async fn fetch_initial_state(self, state: &mut RunState, reconciler: &mut Reconciler) {
        // Servers that may already have been acted on are omitted: their current state is not the
        // initial one.
        let servers = &state.unsent();
        let listed = tokio::select! {
            biased;
            () = self.control.reached(Level::Halted) => Ok(()),
            listed = reconciler.fetch_initial_state(self.client, servers, self.sink) => listed,
        };
        if let Err(error) = listed {
            // The request cannot be met, so nothing is sent.
            let problem = error.problem().clone();
            match error.kind() {
                ErrorKind::Credentials => state.refuse(problem),
                _ => state.halt(problem.because(
                    "not sent, because the servers could not be listed for the reconciliation",
                )),
            }
            self.control.halt();
        }
        let before = || Record::InitialState {
            servers: reconciler.before(),
        };
        drop(self.log.write(before).await);
        self.halt_if_journal_failed(state);
    }
}
