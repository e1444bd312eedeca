//! Chooses which traces are read, learns the user of the run from them, and measures how late they
//! come.

use std::collections::{HashMap, HashSet};
use std::sync::PoisonError;
use std::time::Duration;

use ecs_client::Problem;
use ecs_model::{JobId, ServerId};
use jiff::Timestamp;

use super::reader::{TraceInbox, TraceList, TraceQuery};
use super::{LostRequest, TraceFinding, find, has_trace_by_id, trace_name};
use crate::Client;
use crate::runs::evidence::SentTimes;
use crate::runs::records::{earliest_start, is_delay_bounded, recently_accepted};
use crate::runs::state::RunState;

/// The most accepted requests of this run that are observed.
const MAX_CONTROLS: usize = 5;

/// The known traces of a run.
#[derive(Debug, Default)]
pub(in crate::runs) struct TraceTracker {
    /// A client of Cloud Trace Service; `None` if there is none.
    client: Option<Client>,
    inbox: TraceInbox,
    /// The number of jobs of earlier processes, which are no controls.
    resumed_jobs: usize,
    /// The reason why traces cannot be read.
    refused: Option<Problem>,
    /// The users that the traces of accepted requests of this run show.
    users: HashSet<String>,
    /// Accepted requests: when, and how long their traces took.
    controls: HashMap<JobId, (Timestamp, Option<Duration>)>,
}

impl TraceTracker {
    pub(in crate::runs) fn new(client: Option<Client>) -> Self {
        Self {
            client,
            ..Self::default()
        }
    }

    /// Notes the jobs of earlier processes.
    pub(in crate::runs) fn skip_resumed_jobs(&mut self, state: &RunState) {
        self.resumed_jobs = state.accepted_jobs().len();
    }

    /// The query of traces that belongs to the next list of servers; `None` if there is nothing to
    /// read.
    pub(in crate::runs) fn query(
        &mut self,
        client: &Client,
        state: &RunState,
    ) -> Option<TraceQuery> {
        let traces = self.client.clone().filter(|_| self.refused.is_none())?;
        let clock = client.0.core.clock();
        let requests = state.unknown_requests();
        let sent = requests.iter().filter_map(|request| {
            let sent = state.unknown_cause(*request)?.sent()?;
            sent.remote.or_else(|| clock.remote_at(sent.local))
        });
        let from = sent.min()?;
        let to = clock.read().remote?;
        for job in recently_accepted(client, state, self.resumed_jobs) {
            if self.controls.len() >= MAX_CONTROLS {
                break;
            }
            let control = self.controls.entry(job.job_id.clone());
            control.or_insert((job.accepted, None));
        }
        let inbox = self.inbox.clone();
        Some(TraceQuery {
            client: traces,
            name: trace_name(state.action()),
            from,
            to,
            inbox,
        })
    }

    /// Takes what the last query read, and learns from the accepted requests.
    pub(in crate::runs) fn take(&mut self, client: &Client, state: &RunState) -> TracesRead {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        let list = inbox.take();
        drop(inbox);
        let Some(list) = list else {
            return TracesRead(None);
        };
        if let Some(refused) = &list.refused {
            self.refused = Some(refused.clone());
        }
        let clock = client.0.core.clock();
        let jobs = state.accepted_jobs().iter();
        let jobs: HashMap<&JobId, &[ServerId]> = jobs
            .map(|job| (&job.job_id, state.servers(job.index())))
            .collect();
        for trace in &list.traces {
            let job_id = trace.job_id.as_ref();
            let Some((job_id, servers)) = job_id.and_then(|id| Some((id, *jobs.get(id)?))) else {
                continue;
            };
            self.users.extend(trace.user.clone());
            // Absence proves something only if such a trace would be recognized without its job.
            let recognized = trace.user.is_some() && trace.is_of(servers);
            if recognized && let Some((accepted_at, delay)) = self.controls.get_mut(job_id) {
                delay.get_or_insert(clock.since(*accepted_at));
            }
        }
        TracesRead(Some(list))
    }

    /// Returns the evidence of the traces about a request, and whether their absence counts by now; `None` if they
    /// show nothing.
    pub(in crate::runs) fn of_request(
        &self,
        client: &Client,
        read: &TracesRead,
        state: &RunState,
        request: usize,
        sent: SentTimes,
        age: Duration,
    ) -> Option<(TraceFinding, bool)> {
        let list = read.0.as_ref()?;
        let given = client.0.user_id.as_ref();
        let users = self.users.iter().chain(given).collect::<HashSet<_>>();
        // Accepted requests of different users identify no user.
        let user = match users.len() {
            1 => users.into_iter().next(),
            _ => None,
        };
        let known_jobs = state.accepted_jobs().iter();
        let known_jobs: HashSet<&JobId> = known_jobs.map(|job| &job.job_id).collect();
        let lost = LostRequest {
            action: state.action_of(request),
            servers: state.servers(request),
            request_id: state.unknown_cause(request).and_then(Problem::request_id),
            user: user.map(String::as_str),
            earliest: earliest_start(sent),
            known_jobs: &known_jobs,
        };
        // A request of which only some servers are left would not be recognized.
        let recognizable = list.whole && user.is_some() && !state.is_partial(request);
        let bounded = recognizable && lost.earliest.is_some() && self.is_bounded(age);
        let finding = find(lost, &list.traces);
        // The refusal of the lost exchange itself is no absence.
        let by_id =
            matches!(finding, TraceFinding::Refused(_)) && has_trace_by_id(lost, &list.traces);
        Some((finding, bounded || by_id))
    }

    /// Returns `true` if traces of accepted requests of this run were seen.
    pub(in crate::runs) fn sees_traces(&self) -> bool {
        self.controls.values().any(|(_, delay)| delay.is_some())
    }

    fn is_bounded(&self, age: Duration) -> bool {
        is_delay_bounded(self.controls.values().map(|(_, delay)| *delay), age)
    }

    /// Returns `true` if traces may decide more at the age `later` than at this age of a request: those of
    /// other requests of this run are still to come, or came so late that absence counts later.
    pub(in crate::runs) fn may_tell_more(&self, age: Duration, later: Duration) -> bool {
        let mut delays = self.controls.values().map(|(_, delay)| delay);
        self.client.is_some()
            && self.refused.is_none()
            && !self.is_bounded(age)
            && (delays.any(Option::is_none) || self.is_bounded(later))
    }

    /// Returns the reason why the traces prove nothing; `None` if they can be read.
    pub(in crate::runs) fn refusal(&self) -> Option<&Problem> {
        self.refused.as_ref()
    }
}

/// The result of one query.
#[derive(Debug)]
pub(in crate::runs) struct TracesRead(Option<TraceList>);
