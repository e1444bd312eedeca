//! Chooses the servers whose records are read, and measures how late records come.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::PoisonError;
use std::time::Duration;

use ecs_client::Problem;
use ecs_model::{JobId, ServerAction, ServerId};
use jiff::{SignedDuration, Timestamp};

use super::reader::{RecordInbox, RecordList, RecordQuery};
use super::{
    OwnIdentity, RequestRecords, earliest_start, is_alike, is_delay_bounded, read, start_of,
};
use crate::Client;
use crate::action::PowerAction;
use crate::journal::KnownJob;
use crate::runs::evidence::SentTimes;
use crate::runs::state::RunState;

/// The most servers whose records are read at one time, one query each. Requests beyond it are
/// reconciled without records.
const MAX_SERVERS: usize = 500;
/// The most accepted requests of this run that are observed.
const MAX_CONTROLS: usize = 3;
/// An accepted request that is older than this when it is first observed says too little about the
/// delay of records and traces.
const MAX_CONTROL_AGE: Duration = Duration::from_secs(60);
/// The longest time between the sending of a request and its acceptance.
const ACCEPTANCE: SignedDuration = SignedDuration::from_secs(30);

/// An accepted request of this run whose records are observed.
#[derive(Debug)]
struct ControlRequest {
    accepted_at: Timestamp,
    /// The earliest start of its actions by the service's clock.
    earliest: Timestamp,
    /// Its first and its last server.
    servers: Vec<ServerId>,
    /// The delay of its records; `None`: not seen yet.
    delay: Option<Duration>,
}

/// The accepted requests that can show how late records and traces come, the latest one first, without
/// those of the first `resumed_jobs`, which are of earlier processes.
pub(in crate::runs) fn recently_accepted<'a>(
    client: &Client,
    state: &'a RunState,
    resumed_jobs: usize,
) -> impl Iterator<Item = &'a KnownJob> {
    let clock = client.0.core.clock();
    let recent = client.0.core.scaled(MAX_CONTROL_AGE);
    let jobs = state.accepted_jobs().iter().skip(resumed_jobs).rev();
    jobs.filter(move |job| clock.since(job.accepted) <= recent)
}

/// The known records of a run.
#[derive(Debug, Default)]
pub(in crate::runs) struct RecordTracker {
    inbox: RecordInbox,
    /// The number of jobs of earlier processes, which are no controls.
    resumed_jobs: usize,
    /// The reason why records cannot be read.
    refused: Option<Problem>,
    /// The user of this run, as the records of its accepted requests show it.
    user: Option<String>,
    /// `true` if the records show different users of accepted requests.
    contradictory: bool,
    /// The servers of accepted requests that showed the user.
    confirmed_on: HashSet<ServerId>,
    controls: HashMap<JobId, ControlRequest>,
}

impl RecordTracker {
    /// Notes the jobs of earlier processes.
    pub(in crate::runs) fn skip_resumed_jobs(&mut self, state: &RunState) {
        self.resumed_jobs = state.accepted_jobs().len();
    }

    /// The query of records that belongs to the next list of servers; `None` if there is nothing to
    /// read.
    pub(in crate::runs) fn query(
        &mut self,
        client: &Client,
        state: &RunState,
    ) -> Option<RecordQuery> {
        if self.refused.is_some() || self.contradictory {
            return None;
        }
        self.choose_controls(client, state);
        let mut servers = Vec::new();
        for control in self.controls.values() {
            servers.extend(control.servers.iter().copied());
        }
        for request in state.unknown_requests() {
            let more = state.servers(request);
            if servers.len() + more.len() <= MAX_SERVERS {
                servers.extend_from_slice(more);
            }
        }
        let mut distinct = HashSet::new();
        servers.retain(|id| distinct.insert(*id));
        let inbox = self.inbox.clone();
        (!servers.is_empty()).then_some(RecordQuery { servers, inbox })
    }

    /// Chooses accepted requests to observe: the latest ones.
    fn choose_controls(&mut self, client: &Client, state: &RunState) {
        let clock = client.0.core.clock();
        for job in recently_accepted(client, state, self.resumed_jobs) {
            if self.controls.len() >= MAX_CONTROLS {
                return;
            }
            if self.controls.contains_key(&job.job_id) {
                continue;
            }
            let Some(earliest) = clock
                .remote_at(job.accepted)
                .and_then(|at| at.checked_sub(ACCEPTANCE).ok())
            else {
                continue;
            };
            let servers = state.servers(job.index());
            let mut ends: Vec<_> = servers.first().into_iter().chain(servers.last()).collect();
            ends.dedup();
            let control = ControlRequest {
                accepted_at: job.accepted,
                earliest,
                servers: ends.into_iter().copied().collect(),
                delay: None,
            };
            self.controls.insert(job.job_id.clone(), control);
        }
    }

    /// Takes what the last query read, and learns from the accepted requests.
    pub(in crate::runs) fn take(&mut self, client: &Client, action: PowerAction) -> RecordsRead {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        let list = inbox.take().unwrap_or_default();
        drop(inbox);
        if let Some(refused) = &list.refused {
            self.refused = Some(refused.clone());
        }
        let clock = client.0.core.clock();
        for control in self.controls.values_mut() {
            let Some(users) = users_of(action, control, &list) else {
                continue;
            };
            for (id, user) in users {
                self.confirmed_on.insert(id);
                let known = self.user.as_ref().or(client.0.user_id.as_ref());
                self.contradictory |= known.is_some_and(|known| known != user);
                self.user.get_or_insert_with(|| user.to_owned());
            }
            let age = clock.since(control.accepted_at);
            control.delay.get_or_insert(age);
        }
        RecordsRead(list)
    }

    /// Returns the evidence of the records about a request; `None` if they say nothing.
    pub(in crate::runs) fn of_request(
        &self,
        client: &Client,
        read_list: &RecordsRead,
        state: &RunState,
        request: usize,
        sent: SentTimes,
        age: Duration,
    ) -> Option<RequestRecords> {
        let is_given = client.0.user_id.is_some();
        // Another user may have acted on one of the servers at the same time.
        let confirmed = self.confirmed_on.len() > 1 && !self.contradictory;
        let own = OwnIdentity {
            user: self.known_user(client).filter(|_| confirmed || is_given),
            confirmed,
            request_id: state
                .unknown_cause(request)
                .and_then(Problem::request_id)
                .map(str::to_owned),
        };
        if self.refused.is_some()
            || self.contradictory
            || (own.user.is_none() && own.request_id.is_none())
        {
            return None;
        }
        let earliest = earliest_start(sent)?;
        let action = state.action_of(request);
        let of_server = |id: &ServerId| {
            let records = read_list.0.actions.get(id)?;
            Some((*id, read(action, records, &own, earliest)))
        };
        let servers = state.servers(request).iter();
        Some(RequestRecords {
            readings: servers.filter_map(of_server).collect(),
            delay_bounded: self.is_bounded(age),
            trace: None,
            traces_come: false,
        })
    }

    fn is_bounded(&self, age: Duration) -> bool {
        is_delay_bounded(self.controls.values().map(|control| control.delay), age)
    }

    /// Returns `true` if records may decide more at the age `later` than at this age of a request: those
    /// of other requests of this run are still to come, or came so late that absence counts later.
    pub(in crate::runs) fn may_tell_more(&self, age: Duration, later: Duration) -> bool {
        let mut delays = self.controls.values().map(|control| control.delay);
        self.refused.is_none()
            && !self.contradictory
            && !self.is_bounded(age)
            && (delays.any(|delay| delay.is_none()) || self.is_bounded(later))
    }

    fn known_user(&self, client: &Client) -> Option<String> {
        let given = client.0.user_id.as_ref();
        given.or(self.user.as_ref()).cloned()
    }

    /// Returns the reason why the records prove nothing; `None` if they can be read.
    pub(in crate::runs) fn refusal(&self) -> Option<&Problem> {
        self.refused.as_ref()
    }
}

/// The result of one query.
#[derive(Debug)]
pub(in crate::runs) struct RecordsRead(RecordList);

/// The user of each observed server of an accepted request; `None` if a record is not there yet.
fn users_of<'a>(
    action: PowerAction,
    control: &ControlRequest,
    list: &'a RecordList,
) -> Option<BTreeMap<ServerId, &'a str>> {
    let user_on = |id: &ServerId| {
        let alike = |record: &&ServerAction| {
            let since = start_of(record).is_some_and(|start| start >= control.earliest);
            is_alike(action, record) && since
        };
        let mut records = list.actions.get(id)?.iter().filter(alike);
        let (record, second) = (records.next()?, records.next());
        // Two actions cannot be distinguished.
        let user = record.user_id.as_deref().filter(|_| second.is_none())?;
        Some((*id, user))
    };
    control.servers.iter().map(user_on).collect()
}
