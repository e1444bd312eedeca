//! What the records of a journal add up to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ecs_model::{JobId, ProjectId, RebootType, ServerId};
use jiff::Timestamp;

use super::error::{JournalError, JournalErrorKind};
use super::record::{Entry, Purpose, Record, RunRecord, Seen};
use super::verdict::{Note, ServerVerdict, Verdict};
use crate::action::PowerAction;
use crate::ticket::Place;
use crate::{Endpoint, JobTicket, rolling};

/// Where each server of a run stands, by its journal: what going on has to do.
#[derive(Clone, Debug)]
pub struct Recovered {
    pub(super) run: RunRecord,
    pub(super) before: Vec<Seen>,
    pub(super) batches: BTreeMap<usize, Batch>,
    pub(super) servers: HashMap<ServerId, Server>,
    /// In the order of their acceptance.
    pub(super) jobs: Vec<KnownJob>,
    pub(super) rolling: Vec<rolling::Event>,
    pub(super) ended: bool,
    pub(super) unclear: Option<Timestamp>,
}

/// What is known of one batch.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) servers: Vec<ServerId>,
    pub(super) attempt: u32,
    pub(super) purpose: Purpose,
    pub(super) state: State,
    pub(super) sent: Option<(Timestamp, Option<Timestamp>)>,
    pub(super) error: Option<Note>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Perhaps sent: see the two rules of the module.
    Intended,
    Sending,
    /// Certainly not executed.
    Free,
    Lost,
    /// The index of its job.
    Accepted(usize),
}

impl State {
    /// Whether it may have been executed, and nobody knows.
    pub(super) fn is_doubtful(self) -> bool {
        match self {
            Self::Intended | Self::Sending | Self::Lost => true,
            Self::Free | Self::Accepted(_) => false,
        }
    }
}

/// What is known of one server.
#[derive(Clone, Debug, Default)]
pub(super) struct Server {
    /// The batch that it was in last.
    pub(super) batch: Option<usize>,
    pub(super) verdict: Option<ServerVerdict>,
    /// The batch of unknown fate that it was in before it was sent again.
    pub(super) doubt: Option<usize>,
    /// How its first restart ended, before the hard one.
    pub(super) first: Option<ServerVerdict>,
    pub(super) resubmitted: bool,
}

/// Where one server stands. Exhaustive on purpose: callers must decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// Certain: never executed. It may be sent.
    Unsent,
    /// Nobody knows whether it was executed. It may not be sent.
    Doubtful {
        /// The batch that may have been executed.
        batch: usize,
    },
    /// Accepted, without a verdict yet.
    Accepted {
        /// The batch.
        batch: usize,
    },
    /// Nothing is left to do.
    Done(&'a ServerVerdict),
}

/// A job that the run made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownJob {
    /// The job.
    pub job_id: JobId,
    /// The batch.
    pub batch: usize,
    /// How many servers were given to it.
    pub servers: usize,
    /// The service's id of the exchange.
    pub request_id: Option<String>,
    /// When it was accepted.
    pub accepted: Timestamp,
    /// Whether it is not looked at any more.
    pub over: bool,
    /// How it ended, if it was seen to.
    pub status: Option<String>,
}

/// A batch whose job must be waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AcceptedBatch {
    /// The batch.
    pub batch: usize,
    /// Its job. Jobs are deleted about a day after their end, so that one that was accepted long ago may be gone.
    pub ticket: JobTicket,
    /// Its servers without a verdict.
    pub servers: Vec<ServerId>,
}

/// A batch of unknown fate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DoubtfulBatch {
    /// The batch.
    pub batch: usize,
    /// When it was sent for the last time, by our clock, and the latest that the service's may have shown. Nothing if it
    /// was probably not sent at all.
    pub sent: Option<(Timestamp, Option<Timestamp>)>,
    /// What is known, if the run lived to learn it.
    pub error: Option<Note>,
    /// Its servers of which nothing better is known.
    pub servers: Vec<ServerId>,
    /// Whether another one of its servers was seen to have been acted on: then none is certainly untouched.
    pub touched: bool,
}

impl Recovered {
    /// Adds up the records of a journal.
    ///
    /// # Errors
    /// [`Contradiction`](JournalErrorKind::Contradiction): they cannot all be true. [`Empty`](JournalErrorKind::Empty).
    pub fn from_entries(entries: impl IntoIterator<Item = Entry>) -> Result<Self, JournalError> {
        let mut entries = entries.into_iter();
        let Some(first) = entries.next() else {
            let words = "it holds no record, so its run sent nothing";
            return Err(JournalError::new(JournalErrorKind::Empty, words));
        };
        let contradiction = |seq: u64, words: String| {
            let words = format!("{words}; the file was put together by hand, or this is a bug");
            JournalError::new(JournalErrorKind::Contradiction, words).at(seq.saturating_add(1))
        };
        let Record::Run(run) = first.record else {
            let words = "it does not begin with the run".to_owned();
            return Err(contradiction(first.seq, words));
        };
        let mut recovered = Self::new(*run).map_err(|words| contradiction(first.seq, words))?;
        for entry in entries {
            let seq = entry.seq;
            recovered
                .fold(entry)
                .map_err(|words| contradiction(seq, words))?;
        }
        Ok(recovered)
    }

    fn new(run: RunRecord) -> Result<Self, String> {
        let mut servers = HashMap::with_capacity(run.servers.len());
        for id in &run.servers {
            if servers.insert(*id, Server::default()).is_some() {
                return Err(format!("server {id} is in the run twice"));
            }
        }
        if let Some(rolling) = &run.rolling {
            let mut planned = BTreeSet::new();
            for id in rolling.waves.iter().flatten() {
                if !servers.contains_key(id) || !planned.insert(id) {
                    return Err(format!("server {id} of a wave is in another, or in none"));
                }
            }
            if planned.len() != servers.len() {
                return Err("a server is in no wave".to_owned());
            }
        }
        Ok(Self {
            run,
            before: Vec::new(),
            batches: BTreeMap::new(),
            servers,
            jobs: Vec::new(),
            rolling: Vec::new(),
            ended: false,
            unclear: None,
        })
    }

    /// What the run is.
    pub fn run(&self) -> &RunRecord {
        &self.run
    }

    /// Checks that the run is one of this project of this service.
    ///
    /// # Errors
    /// [`Foreign`](JournalErrorKind::Foreign).
    pub fn belongs_to(&self, endpoint: &Endpoint, project: &ProjectId) -> Result<(), JournalError> {
        let run = &self.run;
        // Parsed, since hosts may be written in any case.
        if run.endpoint.parse().ok().as_ref() == Some(endpoint) && run.project == *project {
            return Ok(());
        }
        let words = format!(
            "the journal is of project {} at {}, and this is project {project} at {endpoint}",
            run.project, run.endpoint
        );
        Err(JournalError::new(JournalErrorKind::Foreign, words))
    }

    /// Where a server stands; nothing for one that is not in the run.
    pub fn standing(&self, id: ServerId) -> Option<Standing<'_>> {
        Some(self.standing_of(self.servers.get(&id)?))
    }

    pub(super) fn standing_of<'a>(&self, server: &'a Server) -> Standing<'a> {
        if let Some(verdict) = server.verdict.as_ref().filter(|verdict| verdict.is_final()) {
            return Standing::Done(verdict);
        }
        let batch = server
            .batch
            .and_then(|number| Some((number, self.batches.get(&number)?)));
        match (batch, server.doubt, &server.first) {
            (Some((batch, known)), _, _) if known.state.is_doubtful() => {
                Standing::Doubtful { batch }
            }
            // The first restart of one that is about to be restarted hard.
            (Some((_, known)), _, Some(first)) if known.purpose != Purpose::Escalate => {
                Standing::Done(first)
            }
            (Some((batch, known)), _, _) if known.state != State::Free => {
                Standing::Accepted { batch }
            }
            // The last batch was not executed: what is known of the one before holds.
            (_, Some(batch), _) => Standing::Doubtful { batch },
            (_, None, Some(first)) => Standing::Done(first),
            (_, None, None) => Standing::Unsent,
        }
    }

    /// The servers that may be sent, in the order of the run.
    pub fn unsent(&self) -> Vec<ServerId> {
        let unsent = |id: &ServerId| self.standing(*id) == Some(Standing::Unsent);
        self.run.servers.iter().copied().filter(unsent).collect()
    }

    /// The batches whose jobs must be waited for.
    pub fn accepted(&self) -> Vec<AcceptedBatch> {
        let mut servers = self.by_batch(|standing| match standing {
            Standing::Accepted { batch } => Some(batch),
            _ => None,
        });
        let batch = |job: &KnownJob| {
            let servers = servers.remove(&job.batch)?;
            let batch = self.batches.get(&job.batch)?;
            let place = Place {
                endpoint: self.run.endpoint.clone(),
                project_id: self.run.project.clone(),
            };
            let action = match batch.purpose {
                Purpose::Escalate => PowerAction::Reboot(RebootType::Hard),
                Purpose::First | Purpose::Resubmit => self.run.action,
            };
            let ticket = JobTicket::new(
                job.job_id.clone(),
                place,
                action,
                batch.servers.clone(),
                job.accepted,
                job.request_id.clone(),
            );
            Some(AcceptedBatch {
                batch: job.batch,
                ticket,
                servers,
            })
        };
        self.jobs.iter().filter_map(batch).collect()
    }

    /// The batches of unknown fate.
    pub fn doubtful(&self) -> Vec<DoubtfulBatch> {
        let servers = self.by_batch(|standing| match standing {
            Standing::Doubtful { batch } => Some(batch),
            _ => None,
        });
        let batch = |(number, servers)| {
            let known = self.batches.get(&number)?;
            Some(DoubtfulBatch {
                batch: number,
                sent: known.sent,
                error: known.error.clone(),
                servers,
                touched: known.servers.iter().any(|id| self.shows_a_trace(id)),
            })
        };
        servers.into_iter().filter_map(batch).collect()
    }

    /// Whether the server itself showed that it was acted on.
    fn shows_a_trace(&self, id: &ServerId) -> bool {
        let verdict = self
            .servers
            .get(id)
            .and_then(|server| server.verdict.as_ref());
        verdict.is_some_and(|verdict| {
            verdict.outcome == Verdict::Succeeded && verdict.job_id.is_none()
        })
    }

    /// The verdicts that nothing changes any more, in the order of the run.
    pub fn verdicts(&self) -> impl Iterator<Item = &ServerVerdict> {
        self.run
            .servers
            .iter()
            .filter_map(|id| match self.standing(*id)? {
                Standing::Done(verdict) => Some(verdict),
                _ => None,
            })
    }

    /// Servers whose first restart ended badly and whose hard one was announced and has not been executed, in the order
    /// of the run.
    pub fn escalating(&self) -> Vec<ServerId> {
        let due = |id: &ServerId| {
            let server = self.servers.get(id)?;
            let announced = server.first.is_some() && server.verdict.is_none();
            let done = matches!(self.standing_of(server), Standing::Done(_));
            (announced && done).then_some(*id)
        };
        self.run.servers.iter().filter_map(due).collect()
    }

    /// How the soft restart of each server ended that was to be restarted hard after it.
    pub fn escalated(&self) -> impl Iterator<Item = &ServerVerdict> {
        let servers = self.run.servers.iter();
        servers.filter_map(|id| self.servers.get(id)?.first.as_ref())
    }

    /// Servers that were sent a second time, because the fate of the first request was unknown.
    pub(crate) fn resubmitted(&self) -> impl Iterator<Item = ServerId> {
        let servers = self.servers.iter();
        servers.filter_map(|(id, server)| {
            (server.resubmitted && server.doubt.is_some()).then_some(*id)
        })
    }

    /// All jobs, in the order of their acceptance.
    pub fn jobs(&self) -> &[KnownJob] {
        &self.jobs
    }

    /// The servers as they were before the run.
    pub fn before(&self) -> &[Seen] {
        &self.before
    }

    /// The number of the next batch.
    pub fn next_batch(&self) -> usize {
        let last = self.batches.keys().next_back().copied().unwrap_or(0);
        last.saturating_add(1)
    }

    /// When it was written down for the last time that an answer was lost, or that a job will not tell what became of its
    /// servers.
    pub(crate) fn unclear(&self) -> Option<Timestamp> {
        self.unclear
    }

    /// Whether the run ended with a report, and nobody has gone on since.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    fn by_batch(
        &self,
        batch: impl Fn(Standing<'_>) -> Option<usize>,
    ) -> BTreeMap<usize, Vec<ServerId>> {
        let mut batches: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for id in &self.run.servers {
            if let Some(batch) = self.standing(*id).and_then(&batch) {
                batches.entry(batch).or_default().push(*id);
            }
        }
        batches
    }
}
