//! Builds a run.

mod check;
mod escalate;
mod not_begun;
mod plan;
mod reconcile_limit;
mod record;
mod rolling;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::ResolvedTarget;
use ecs_model::{BatchRebootServers, ServerId};

use super::callbacks::{CanaryQuestion, HealthCheck};
use super::on_unknown::OnUnknown;
use super::state::UnknownPolicy;
use crate::action::{DEFAULT_BATCH_SIZE, PowerAction};
use crate::fleet::{SkippedServer, UnreadyServer, WaveRecheck};
use crate::journal::{Invocation, Journal, Recovered};
use crate::rolling::Rules;
use crate::{Client, Error, journal::ServerNames};

/// Settings of a run: [`plan`](Self::plan) checks them, [`begin`](Self::begin) begins the run,
/// [`report`](Self::report) does all of it.
///
/// Nothing that is set is passed over: what cannot be used, because it contradicts another setting or
/// was given twice (waves, a journal, a health check, a question), is an error of
/// [`plan`](Self::plan). A number, a duration or a policy that is set again replaces the former one.
#[derive(Debug)]
#[must_use]
pub struct RunBuilder {
    pub(super) client: Client,
    pub(super) action: PowerAction,
    pub(super) servers: Vec<ServerId>,
    pub(super) batch_size: usize,
    pub(super) deadline: Option<Duration>,
    pub(super) wait: bool,
    pub(super) stalled_after: Option<Duration>,
    pub(super) verify: Option<Duration>,
    pub(super) on_unknown: UnknownPolicy,
    pub(super) reconcile_after: Option<Duration>,
    pub(super) traces: Option<Client>,
    pub(super) check_service: bool,
    pub(super) keeps_events: bool,
    /// The waves and their rules, if there are any.
    pub(super) rolling: Option<(Vec<Vec<ServerId>>, Rules)>,
    /// `Some(true)` if the waves were planned with a canary; `None` if they were not planned here.
    pub(super) has_canary: Option<bool>,
    /// Settings that cannot be used, for the error of the plan.
    pub(super) violations: Vec<String>,
    pub(super) health: Option<HealthCheck>,
    pub(super) question: Option<CanaryQuestion>,
    pub(super) escalate_after: Option<Duration>,
    pub(super) escalate_hang: Option<Duration>,
    pub(super) recheck: Option<WaveRecheck>,
    pub(super) journal: Option<Arc<dyn Journal>>,
    /// The directory of a journal that is named after the run.
    pub(super) journal_directory: Option<PathBuf>,
    /// The id of the run, if the caller chose it.
    pub(super) run_id: Option<String>,
    pub(super) resumed: Option<Box<Recovered>>,
    /// `true` if the requested stop of the journal no longer binds.
    pub(super) continues_stopped: bool,
    pub(super) target: Option<ResolvedTarget>,
    pub(super) invocation: Option<Invocation>,
    pub(super) simulated: bool,
    pub(super) skipped: Vec<SkippedServer>,
    pub(super) unready: Vec<UnreadyServer>,
    pub(super) names: ServerNames,
}

impl RunBuilder {
    /// The default number of servers in a request.
    pub const DEFAULT_BATCH_SIZE: usize = DEFAULT_BATCH_SIZE;
    /// The default limit for polling a job without progress. The vendor's pages call an operation
    /// that takes longer stuck.
    pub const DEFAULT_STALLED_AFTER: Duration = Duration::from_secs(1800);
    /// For [`stalled_after`](Self::stalled_after): a job is polled until the deadline.
    pub const NEVER: Duration = Duration::from_millis(u64::MAX);
    /// The most servers in one request (vendor's batch operations).
    pub const MAX_BATCH_SIZE: usize = BatchRebootServers::MAX_SERVERS;

    pub(crate) fn new(client: Client, action: PowerAction, servers: Vec<ServerId>) -> Self {
        Self {
            check_service: client.0.check_service,
            target: client.0.target.clone(),
            keeps_events: false,
            client,
            action,
            servers,
            batch_size: Self::DEFAULT_BATCH_SIZE,
            deadline: None,
            wait: true,
            stalled_after: None,
            verify: None,
            on_unknown: UnknownPolicy::default(),
            reconcile_after: None,
            traces: None,
            rolling: None,
            has_canary: None,
            violations: Vec::new(),
            health: None,
            question: None,
            escalate_after: None,
            escalate_hang: None,
            recheck: None,
            journal: None,
            journal_directory: None,
            run_id: None,
            resumed: None,
            continues_stopped: false,
            invocation: None,
            simulated: false,
            skipped: Vec::new(),
            unready: Vec::new(),
            names: ServerNames::default(),
        }
    }

    /// A run that resumes another one with its settings; but it waits for its jobs.
    pub(crate) fn resume(
        client: Client,
        journal: Arc<dyn Journal>,
        recovered: Recovered,
    ) -> Result<Self, Error> {
        let belongs = recovered.belongs_to(client.0.core.endpoint(), client.0.core.project());
        belongs.map_err(|error| {
            Error::invalid_because("the run cannot be resumed by this client", error)
        })?;
        let run = recovered.run();
        let rolling = run.rolling.as_ref();
        let milliseconds = |value: Option<u64>| value.map(Duration::from_millis);
        Ok(Self {
            batch_size: run.batch_size,
            stalled_after: milliseconds(run.stalled_after_ms),
            verify: milliseconds(run.verify_ms),
            reconcile_after: milliseconds(run.reconcile_after_ms),
            rolling: rolling.map(|rolling| (rolling.waves.clone(), rolling.rules())),
            escalate_after: milliseconds(rolling.and_then(|rolling| rolling.escalate_after_ms)),
            escalate_hang: milliseconds(rolling.and_then(|rolling| rolling.escalate_hang_ms)),
            recheck: rolling.and_then(|rolling| rolling.recheck),
            on_unknown: UnknownPolicy {
                reconcile: run.reconcile,
                // Consent to a second request is not inherited.
                resubmit: false,
            },
            journal: Some(journal),
            target: run.target.clone(),
            unready: run.unready.clone(),
            names: run.names.clone(),
            ..Self::new(client, run.action, recovered.unsent())
        }
        .resuming(recovered))
    }

    fn resuming(mut self, recovered: Recovered) -> Self {
        self.resumed = Some(Box::new(recovered));
        self
    }

    /// Records each step in this journal before it counts, so that another process can
    /// [resume](Client::resume) the run.
    ///
    /// If the journal cannot be written, the run sends no further request. A run has one journal; one
    /// that is resumed keeps its own.
    pub fn journal(mut self, journal: impl Journal) -> Self {
        self.refuse_second_journal();
        self.journal = Some(Arc::new(journal));
        self
    }

    /// Writes a new [`JsonlJournal`](crate::journal::JsonlJournal) in this directory, named after the run: `<run
    /// id>.jsonl`. It is made when the run starts, so that a run that is refused leaves no file.
    pub fn journal_in(mut self, directory: impl Into<PathBuf>) -> Self {
        self.refuse_second_journal();
        self.journal_directory = Some(directory.into());
        self
    }

    /// The id of the run, in place of a random one: 1 to 128 letters, digits, `-`, `_`, `.` and
    /// `:`, not beginning with a dot. It names the run in journal, events and report; nothing
    /// checks that it is the only one of its name. A run that is resumed keeps its id.
    pub fn run_id(mut self, run_id: impl Into<String>) -> Self {
        self.run_id = Some(run_id.into());
        self
    }

    /// Continues a run that was asked to stop: without this, one that is resumed keeps to the stop
    /// that its journal has. It waits for what was accepted, then, sends nothing, and ends as
    /// [`Stopped::Requested`](crate::Stopped::Requested). Only for a run that is resumed.
    pub fn continue_stopped(mut self) -> Self {
        self.continues_stopped = true;
        self
    }

    /// Sets the place at which the run acts, and the account, for its journal and its report. A
    /// resumed run keeps that of its journal.
    pub fn target(mut self, target: ResolvedTarget) -> Self {
        let known = self.resumed.as_ref().and(self.target.as_ref());
        self.refuse_change(known.is_some_and(|known| *known != target), "target");
        self.target = Some(target);
        self
    }

    /// Sets the process that begins or resumes the run, for its journal.
    pub fn invocation(mut self, invocation: Invocation) -> Self {
        self.invocation = Some(invocation);
        self
    }

    /// `true` if the service is a simulated one that ends with this process, for the journal.
    pub fn simulated(mut self, simulated: bool) -> Self {
        let known = self.resumed.as_ref().map(|known| known.run().simulated);
        self.refuse_change(known.is_some_and(|known| known != simulated), "simulated");
        self.simulated = simulated;
        self
    }

    /// Servers that a selection skipped, for the report. They are no part of the run.
    pub fn skipped(mut self, servers: Vec<SkippedServer>) -> Self {
        self.skipped = servers;
        self
    }

    /// Servers that are not ready for the action, for the report and the journal: not attempted. They
    /// are not among the servers of the run, and a resumed run does not send them.
    pub fn unready(mut self, servers: Vec<UnreadyServer>) -> Self {
        let is_changed = self.resumed.is_some() && self.unready != servers;
        self.refuse_change(is_changed, "unready");
        self.unready = servers;
        self
    }

    /// The names of the servers, as far as they are known: for the journal, the events and the
    /// report. A run that is resumed keeps those of its journal.
    pub fn names(mut self, names: ServerNames) -> Self {
        let is_known = self.resumed.is_some() && self.names != ServerNames::default();
        self.refuse_change(is_known && self.names != names, "names");
        self.names = names;
        self
    }

    /// The most servers in one request, 1 to [`MAX_BATCH_SIZE`](Self::MAX_BATCH_SIZE).
    pub fn batch_size(mut self, servers: usize) -> Self {
        self.batch_size = servers;
        self
    }

    /// Limits the time from the start of the run to its report.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Does not wait for the jobs: the run ends when every request was answered and, with
    /// [`OnUnknown::Reconcile`], lost answers were reconciled.
    pub fn no_wait(mut self) -> Self {
        self.wait = false;
        self
    }

    /// Keeps every event in memory until the run and its handles are gone, so that readers that
    /// come late get all of them from the beginning: [`Control::events`](crate::Control::events).
    /// By default a reader gets those from when it comes.
    pub fn keep_events(mut self) -> Self {
        self.keeps_events = true;
        self
    }

    /// Stops polling a job that makes no progress for this long; its unfinished servers are
    /// reported as running. Default: [`DEFAULT_STALLED_AFTER`](Self::DEFAULT_STALLED_AFTER), 30
    /// minutes. With [`NEVER`](Self::NEVER) it is polled until the deadline. A run that does not wait
    /// keeps it in its journal, for whoever resumes it.
    pub fn stalled_after(mut self, limit: Duration) -> Self {
        self.stalled_after = Some(limit);
        self
    }

    /// Verifies each server whose job succeeded: lists the project's servers until it is at rest in
    /// the wanted state. A server that is not so `within` this time after its job failed.
    ///
    /// Not together with [`no_wait`](Self::no_wait): a run that is resumed without waiting does not
    /// verify, whatever its journal says.
    pub fn verify(mut self, within: Duration) -> Self {
        self.verify = Some(within);
        self
    }

    /// Sets the policy for servers whose outcome is unknown. Default: [`OnUnknown::Report`]. A run that
    /// is resumed reconciles if its journal says so; consent to resubmit is not inherited.
    pub fn on_unknown(mut self, on_unknown: OnUnknown) -> Self {
        self.on_unknown = on_unknown.into();
        self
    }
}

#[cfg(test)]
mod tests;
