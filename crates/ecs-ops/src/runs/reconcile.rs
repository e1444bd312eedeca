//! Reconciles lost answers: when to list servers, and what to compare them with.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use ecs_client::Problem;
use ecs_model::{Server, ServerId, ServerStatus};
use futures_util::future::{OptionFuture, join};
use tokio::time::Instant;

use super::evidence::{SentTimes, ServerList};
use super::records::{RecordQuery, RecordTracker, earliest_start};
use super::schedule::Schedule;
use super::state::{ReconcileStage, RunState};
use super::traces::{TraceFinding, TraceQuery, TraceTracker};
use crate::event::{Event, Sink};
use crate::fleet::ReadPurpose;
use crate::journal::{Acceptance, ServerSnapshot};
use crate::{Client, Error, ErrorKind};

/// The first pause before a list; each further one is twice as long, up to the longest.
const FIRST: Duration = Duration::from_secs(5);
/// The number of tries of the initial list after it was throttled for too long.
const THROTTLED_LISTS: u32 = 5;
const LONGEST: Duration = Duration::from_secs(60);
/// The longest wait, in multiples of the limit, for lists that fail, and for late records and traces.
const EXTENSION: u32 = 3;

/// Decides when to list servers, and compares them with their initial state.
#[derive(Debug)]
pub(super) struct Reconciler {
    /// The time after which the servers of an unknown request are listed, by the service's clock.
    limit: Duration,
    /// The servers as they were before the run.
    before: ServerList,
    /// The time at which the answer of each request was lost.
    since: HashMap<usize, Instant>,
    schedule: Schedule,
    /// The service's records of the actions on servers.
    records: RecordTracker,
    /// The traces of Cloud Trace Service.
    traces: TraceTracker,
}

impl Reconciler {
    /// A reconciler with the initial state from a journal.
    pub(super) fn with_initial_state(
        limit: Duration,
        before: &[ServerSnapshot],
        traces: Option<Client>,
    ) -> Self {
        let seen = before.iter().map(|seen| {
            let mut server = Server::default();
            server.status = seen.status.as_deref().map(ServerStatus::from);
            server.task_state.clone_from(&seen.task);
            server.updated.clone_from(&seen.updated);
            (seen.id, server)
        });
        Self {
            limit,
            before: seen.collect(),
            since: HashMap::new(),
            schedule: Schedule::new(FIRST, LONGEST),
            records: RecordTracker::default(),
            traces: TraceTracker::new(traces),
        }
    }

    /// Notes the jobs of earlier processes, which say nothing about how late records come.
    pub(super) fn skip_resumed_jobs(&mut self, state: &RunState) {
        self.records.skip_resumed_jobs(state);
        self.traces.skip_resumed_jobs(state);
    }

    /// The reads before the next list of servers.
    pub(super) fn query(&mut self, client: &Client, state: &RunState) -> EvidenceQuery {
        EvidenceQuery {
            records: self.records.query(client, state),
            traces: self.traces.query(client, state),
        }
    }

    /// The servers of the requests that are reconciled.
    pub(super) fn servers<'s>(&self, state: &'s RunState) -> impl Iterator<Item = &'s ServerId> {
        let requests = state.unknown_requests().into_iter();
        requests.flat_map(|request| state.servers(request))
    }

    /// The servers as they were before the run.
    pub(super) fn before(&self) -> Vec<ServerSnapshot> {
        let seen = |(id, server): (&ServerId, &Server)| ServerSnapshot {
            id: *id,
            status: server
                .status
                .as_ref()
                .map(|status| status.as_str().to_owned()),
            task: server.task_state.clone(),
            updated: server.updated.clone(),
        };
        let mut before: Vec<_> = self.before.iter().map(seen).collect();
        before.sort_unstable_by_key(|seen| seen.id);
        before
    }

    /// Lists the servers before they are acted on. A list from a cache leaves nothing to compare
    /// with: what depends on it stays unknown.
    ///
    /// # Errors
    /// They could not be listed: nothing could be found out after a lost answer.
    pub(super) async fn fetch_initial_state(
        &mut self,
        client: &Client,
        servers: &[ServerId],
        sink: &Sink,
    ) -> Result<(), Error> {
        let mut listed = read_servers(client, servers, ReadPurpose::Evidence).await;
        for _ in 0..THROTTLED_LISTS {
            let throttled = listed.as_ref().err().map(Error::kind) == Some(ErrorKind::Deadline);
            match client.0.core.health().throttled_until() {
                Some(until) if throttled => tokio::time::sleep_until(until).await,
                _ => break,
            }
            listed = read_servers(client, servers, ReadPurpose::Evidence).await;
        }
        if let Err(error) = &listed {
            let error = error.problem().clone();
            sink.emit(Event::ListFailed { error });
        }
        match listed {
            // Caches answer again and again: another list would be one more of theirs.
            Err(error) if error.kind() == ErrorKind::Cached => {}
            listed => self.before.extend(listed?),
        }
        Ok(())
    }

    /// Returns the time of the next list; `None` if that is not needed.
    pub(super) fn next_list(&mut self, client: &Client, state: &RunState) -> Option<Instant> {
        let now = Instant::now();
        let unknown = state.unknown_requests();
        self.since
            .retain(|request, _| unknown.binary_search(request).is_ok());
        for request in &unknown {
            if !self.since.contains_key(request) {
                self.since.insert(*request, now);
                self.schedule.restart(client);
            }
        }
        let Some(first) = self.since.values().min() else {
            self.schedule.cancel();
            return None;
        };
        let last = *first + client.0.core.scaled(self.limit);
        Some(self.schedule.due(client, last))
    }

    /// Applies a list of the servers that are `covered`. It began at `began`, and is no evidence of
    /// anything later.
    pub(super) fn on_list(
        &mut self,
        client: &Client,
        state: &mut RunState,
        began: Instant,
        covered: &HashSet<ServerId>,
        listed: Result<&ServerList, &Problem>,
    ) -> Vec<Event> {
        self.schedule.listed(Duration::ZERO);
        let mut events = Vec::new();
        let records = self.records.take(client, state.action());
        let traces = self.traces.take(client, state);
        for request in state.unknown_requests() {
            let sent = state.unknown_cause(request).and_then(Problem::sent);
            let clock = client.0.core.clock();
            let sent = SentTimes {
                then: sent.and_then(|sent| sent.remote),
                now: sent.and_then(|sent| clock.remote_at(sent.local)),
            };
            let Some(age) = self
                .since
                .get(&request)
                .and_then(|since| began.checked_duration_since(*since))
            else {
                // The answer was lost while the list was underway.
                continue;
            };
            if !state.servers(request).iter().all(|id| covered.contains(id)) {
                continue;
            }
            // A failed list gets more time.
            let extended = client.0.core.scaled(self.limit.saturating_mul(EXTENSION));
            let last = match listed {
                Ok(_) => age >= client.0.core.scaled(self.limit),
                Err(_) => age >= extended,
            };
            let trace = self
                .traces
                .of_request(client, &traces, state, request, sent, age);
            if let Some((TraceFinding::Accepted(job_id), _)) = &trace {
                let sent_at = state.unknown_cause(request).and_then(Problem::sent_at);
                events.extend(state.found_job(Acceptance {
                    request: request + 1,
                    at: sent_at.unwrap_or_else(|| clock.now()),
                    job_id: job_id.clone(),
                    request_id: None,
                }));
                continue;
            }
            let mut readings = self
                .records
                .of_request(client, &records, state, request, sent, age);
            if trace.is_some() {
                let readings = readings.get_or_insert_default();
                readings.trace = trace;
                readings.traces_come = self.traces.sees_traces();
            }
            let refusals = [
                ("actions on the servers", self.records.refusal()),
                ("traces", self.traces.refusal()),
            ];
            state.set_records(request, readings, refusals);
            let recognizable = earliest_start(sent).is_some();
            let may_wait = age < extended
                && recognizable
                && (self.records.may_tell_more(age, extended)
                    || self.traces.may_tell_more(age, extended));
            let stage = match (last, may_wait) {
                (false, _) => ReconcileStage::Early,
                (true, true) => ReconcileStage::UnlessUndecided,
                (true, false) => ReconcileStage::Last,
            };
            events.extend(state.reconcile(request, &self.before, listed, sent, stage));
        }
        events
    }
}

/// A read before a list of servers.
#[derive(Debug, Default)]
pub(super) struct EvidenceQuery {
    records: Option<RecordQuery>,
    traces: Option<TraceQuery>,
}

impl EvidenceQuery {
    /// Reads records and traces, both at once.
    pub(super) async fn run(self, client: &Client) {
        let records = self.records.map(|records| records.run(client));
        let traces = self.traces.map(TraceQuery::run);
        join(OptionFuture::from(records), OptionFuture::from(traces)).await;
    }
}

/// These servers as they are now. An answer from a cache is no evidence, and an error.
pub(super) async fn read_servers(
    client: &Client,
    servers: &[ServerId],
    purpose: ReadPurpose,
) -> Result<ServerList, Error> {
    let read = client.read_servers(servers, purpose).await?;
    let with_id = |server: Server| Some((server.id?, server));
    Ok(read.servers.into_iter().filter_map(with_id).collect())
}
