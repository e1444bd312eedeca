//! Builds a run.

mod check;
mod not_begun;
mod reconcile_limit;
mod start;

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ecs_auth::ResolvedTarget;
use ecs_client::chain;
use ecs_model::{BatchRebootServers, ServerId};
use rustc_hash::FxHashMap;

use super::callbacks::{CanaryQuestion, FinishedWave, HealthCheck};
use super::plan::Plan;
use super::state::UnknownPolicy;
use crate::action::{DEFAULT_BATCH_SIZE, PowerAction};
use crate::fleet::{SkippedServer, UnreadyServer};
use crate::journal::{Journal, Recovered};
use crate::rolling::{Rolling, Rules, Waves};
use crate::{Client, Error};

/// Settings of a run. Nothing is sent before the [`Run`](crate::Run) is awaited.
#[derive(Debug)]
#[must_use]
pub struct RunBuilder {
    client: Client,
    action: PowerAction,
    servers: Vec<ServerId>,
    batch_size: usize,
    deadline: Option<Duration>,
    wait: bool,
    stalled_after: Option<Duration>,
    verify: Option<Duration>,
    on_unknown: UnknownPolicy,
    reconcile_after: Option<Duration>,
    check_service: bool,
    /// The waves and their rules, if there are any.
    rolling: Option<(Vec<Vec<ServerId>>, Rules)>,
    /// Whether the first wave was planned as a canary.
    has_canary: bool,
    health: Option<HealthCheck>,
    question: Option<CanaryQuestion>,
    escalate_after: Option<Duration>,
    journal: Option<Arc<dyn Journal>>,
    /// The directory of a journal that is named after the run.
    journal_directory: Option<PathBuf>,
    /// The id of the run, if the caller chose it.
    run_id: Option<String>,
    resumed: Option<Box<Recovered>>,
    /// Whether a stop that was asked for, by the journal, no longer binds.
    continues_stopped: bool,
    target: Option<ResolvedTarget>,
    skipped: Vec<SkippedServer>,
    unready: Vec<UnreadyServer>,
}

impl RunBuilder {
    /// The default number of servers in a request.
    pub const DEFAULT_BATCH_SIZE: usize = DEFAULT_BATCH_SIZE;
    /// How long a job without progress is polled by default. The vendor's pages call an operation
    /// that takes longer stuck.
    pub const DEFAULT_STALLED_AFTER: Duration = Duration::from_secs(1800);
    /// For [`stalled_after`](Self::stalled_after): a job is polled until the deadline.
    pub const NEVER: Duration = Duration::from_millis(u64::MAX);
    /// The most servers in one request (vendor's batch operations).
    pub const MAX_BATCH_SIZE: usize = BatchRebootServers::MAX_SERVERS;

    pub(crate) fn new(client: Client, action: PowerAction, servers: Vec<ServerId>) -> Self {
        Self {
            check_service: client.0.check_service,
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
            rolling: None,
            has_canary: false,
            health: None,
            question: None,
            escalate_after: None,
            journal: None,
            journal_directory: None,
            run_id: None,
            resumed: None,
            continues_stopped: false,
            target: None,
            skipped: Vec::new(),
            unready: Vec::new(),
        }
    }

    /// A run that resumes another one with its settings; but it waits for its jobs.
    pub(crate) fn resume(
        client: Client,
        journal: Arc<dyn Journal>,
        recovered: Recovered,
    ) -> Result<Self, Error> {
        let belongs = recovered.belongs_to(client.0.core.endpoint(), client.0.core.project());
        belongs.map_err(|error| Error::invalid(chain(&error)))?;
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
            on_unknown: UnknownPolicy {
                reconcile: run.reconcile,
                // Consent to a second request is not inherited.
                resubmit: false,
            },
            journal: Some(journal),
            target: run.target.clone(),
            unready: run.unready.clone(),
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
    /// If the journal cannot be written, the run sends no further request.
    pub fn journal(mut self, journal: impl Journal) -> Self {
        self.journal = Some(Arc::new(journal));
        self.journal_directory = None;
        self
    }

    /// The same with a new [`JsonlJournal`](crate::journal::JsonlJournal) in this directory, named after the run: `<run
    /// id>.jsonl`. It is made when the run starts, so that a run that is refused leaves no file.
    pub fn journal_in(mut self, directory: impl Into<PathBuf>) -> Self {
        self.journal_directory = Some(directory.into());
        self.journal = None;
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
    /// [`Stopped::Requested`](crate::Stopped::Requested).
    pub fn continue_stopped(mut self) -> Self {
        self.continues_stopped = true;
        self
    }

    /// Where the run acts and as whom, for its journal and its report. A resumed run keeps that of
    /// its journal.
    pub fn target(mut self, target: ResolvedTarget) -> Self {
        self.target = Some(target);
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
        self.unready = servers;
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

    /// Whether to wait for the jobs. Without waiting the run ends when every request was answered
    /// and, with [`reconcile`](Self::reconcile), lost answers were reconciled.
    pub fn wait(mut self, wait: bool) -> Self {
        self.wait = wait;
        self
    }

    /// Stops polling a job that makes no progress for this long; its unfinished servers are
    /// reported as running. Default: [`DEFAULT_STALLED_AFTER`](Self::DEFAULT_STALLED_AFTER), 30
    /// minutes. With [`NEVER`](Self::NEVER) it is polled until the deadline.
    pub fn stalled_after(mut self, limit: Duration) -> Self {
        self.stalled_after = Some(limit);
        self
    }

    /// Verifies each server whose job succeeded: lists the project's servers until it is at rest in
    /// the wanted state. A server that is not so `within` this time after its job failed.
    ///
    /// Has no effect without [waiting](Self::wait).
    pub fn verify(mut self, within: Duration) -> Self {
        self.verify = Some(within);
        self
    }

    /// Whether to list the servers of a request whose outcome is unknown, until
    /// [`reconcile_after`](Self::reconcile_after). A server that was changed since the sending, is
    /// at rest and in the state that was wanted has succeeded; one that is as it was before the
    /// run, while no server of its request shows a trace, was not attempted. What stays unclear
    /// stays unknown.
    ///
    /// A server that changed since the request was sent and is at rest in the wanted state
    /// succeeded. A server that is as it was before the run, while no other server of its request
    /// changed, was not attempted. All others stay unknown.
    ///
    /// Listing a large project takes one query for each 200 servers.
    pub fn reconcile(mut self, reconcile: bool) -> Self {
        self.on_unknown.reconcile = reconcile;
        self
    }

    /// Whether to send servers with an unknown outcome again, once. **They may be restarted
    /// twice.** With [`reconcile`](Self::reconcile), servers are sent again only if they are still
    /// unknown after it or were certainly not attempted.
    pub fn resubmit_unknown(mut self, resubmit: bool) -> Self {
        self.on_unknown.resubmit = resubmit;
        self
    }

    /// Acts on the servers in these waves by these rules; see [`rolling`](crate::rolling). Each
    /// server of the run must be in exactly one wave. Servers left when the run stops are reported
    /// as not attempted.
    ///
    /// ```no_run
    /// # async fn restart(client: ecs_ops::Client, servers: Vec<ecs_ops::model::ServerId>) -> Result<(), Box<dyn std::error::Error>> {
    /// # async fn probe(servers: Vec<ecs_ops::model::ServerId>) -> Result<(), String> { Ok(()) }
    /// use std::time::Duration;
    /// use ecs_ops::{Stopped, model::RebootType};
    /// use ecs_ops::rolling::{AfterCanary, Member, Order, Rules, Waves};
    ///
    /// let members: Vec<_> = servers.iter().map(|id| Member::new(*id)).collect();
    /// let waves = Waves::plan(&members, "10%".parse()?, Some(1), Order::AsGiven)?;
    /// let rules = Rules {
    ///     max_failures: Some("2%".parse()?),
    ///     canary: Some(AfterCanary::Pause(Duration::from_secs(300))),
    ///     ..Rules::default()
    /// };
    /// let run = client
    ///     .reboot(RebootType::Soft, servers)
    ///     .rolling(waves, rules)
    ///     .health_check("probe", Duration::from_secs(60), |wave| async move { probe(wave).await });
    /// let report = run.start().await?.await;
    /// if let Some(Stopped::Rolling(reason)) = &report.stopped {
    ///     println!("stopped: {reason}; {} not attempted", report.summary().not_attempted);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn rolling(mut self, waves: Waves, rules: Rules) -> Self {
        self.has_canary = waves.has_canary;
        self.rolling = Some((waves.waves, rules));
        self
    }

    /// Runs this health check after each wave; an error stops the run. `check` gets the servers of
    /// the wave and has `within` to finish. The journal stores `description`; a resumed run must be
    /// given the check again.
    ///
    /// It runs within the future of the run: one that blocks the thread holds up the run and its
    /// deadline, and belongs into `tokio::task::spawn_blocking`. However it spends its time, more
    /// of it than `within` counts as not healthy.
    pub fn health_check<C, F>(
        self,
        description: impl Into<String>,
        within: Duration,
        check: C,
    ) -> Self
    where
        C: Fn(Vec<ServerId>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.health_check_of_wave(description, within, move |wave: FinishedWave| {
            check(wave.servers.into_iter().map(|server| server.id).collect())
        })
    }

    /// As [`health_check`](Self::health_check), with a check that gets the number of the wave and
    /// the outcome of each of its servers, and that fails with whatever displays.
    ///
    /// ```
    /// # fn example(run: ecs_ops::RunBuilder) -> ecs_ops::RunBuilder {
    /// # async fn probe(server: &ecs_ops::ServerReport) -> std::io::Result<()> { Ok(()) }
    /// use std::time::Duration;
    /// use ecs_ops::{FinishedWave, Outcome};
    ///
    /// run.health_check_of_wave("probe", Duration::from_secs(60), |wave: FinishedWave| async move {
    ///     println!("wave {} of {}", wave.number, wave.waves);
    ///     for server in &wave.servers {
    ///         if let Outcome::Succeeded { .. } = server.outcome {
    ///             probe(server).await?; // any error that displays
    ///         }
    ///     }
    ///     Ok::<_, std::io::Error>(())
    /// })
    /// # }
    /// ```
    pub fn health_check_of_wave<C, F, E>(
        mut self,
        description: impl Into<String>,
        within: Duration,
        check: C,
    ) -> Self
    where
        C: Fn(FinishedWave) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        self.health = Some(HealthCheck::new(description.into(), within, check));
        self
    }

    /// The question after the canary; required by
    /// [`AfterCanary::Ask`](crate::rolling::AfterCanary::Ask). `false` stops the run.
    pub fn canary_question<A, F>(mut self, ask: A) -> Self
    where
        A: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = bool> + Send + 'static,
    {
        self.question = Some(CanaryQuestion::new(ask));
        self
    }

    /// Restarts a server hard, once, if its soft restart failed or, with [`verify`](Self::verify),
    /// if it is not back `after` this time from the acceptance. A server whose soft restart is
    /// still running or has an unknown outcome is not restarted again: see
    /// [`escalate`](crate::rolling::escalate).
    pub fn escalate_after(mut self, after: Duration) -> Self {
        self.escalate_after = Some(after);
        self
    }

    /// Checks the run and returns the requests that it would send.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with all violations: no server, a
    /// duplicate server, a batch size out of range.
    pub fn plan(&self) -> Result<Plan, Error> {
        let mut wrong = Vec::new();
        if self.servers.is_empty() && self.resumed.is_none() {
            wrong.push("no server is given".to_owned());
        }
        let mut first = FxHashMap::default();
        first.reserve(self.servers.len());
        for (index, id) in self.servers.iter().enumerate() {
            if let Some(first) = first.insert(id, index) {
                wrong.push(format!(
                    "server {id} is given twice (as number {} and {})",
                    first + 1,
                    index + 1
                ));
            }
        }
        if !(1..=Self::MAX_BATCH_SIZE).contains(&self.batch_size) {
            let max = Self::MAX_BATCH_SIZE;
            wrong.push(format!(
                "the batch size must be from 1 to {max}, not {}",
                self.batch_size
            ));
        }
        wrong.extend(self.reconcile_violation());
        wrong.extend(self.run_id_violation());
        let rolling = self.current_rolling();
        wrong.extend(self.wave_violations(rolling.is_some()));
        if !wrong.is_empty() {
            return Err(Error::invalid(wrong.join("; ")));
        }
        // A request larger than the quota could never be sent, and sizes that do not divide the
        // quota waste a part of each minute.
        let limit = self.client.0.quota.limit();
        // A resumed run may restart further servers hard.
        let resumed = self.resumed.as_ref();
        let servers = resumed.map_or(self.servers.len(), |known| known.run().servers.len());
        let size = if servers > limit {
            limit / limit.div_ceil(self.batch_size.min(limit))
        } else {
            self.batch_size
        };
        // What a request requires, from 1 to 1,000 different servers, holds for each of these.
        Ok(match rolling {
            Some(rolling) => {
                let requested: HashSet<_> = self.servers.iter().collect();
                let of_requested = |wave: &[ServerId]| {
                    let servers = wave.iter().filter(|id| requested.contains(id));
                    servers.copied().collect::<Vec<_>>()
                };
                let remaining = rolling.remaining();
                let waves: Vec<_> = remaining.map(|(_, wave)| of_requested(wave)).collect();
                Plan::in_waves(self.action, &waves, size)
            }
            None => Plan::new(self.action, &self.servers, size),
        })
    }

    /// The state of the waves; `None` for a run without waves. Escalation and health checks make
    /// one wave of all servers.
    fn current_rolling(&self) -> Option<Rolling> {
        if let Some(recovered) = &self.resumed {
            let mut rolling = recovered.rolling()?;
            rolling.on(recovered.resumption());
            return Some(rolling);
        }
        let (waves, mut rules) = match &self.rolling {
            Some((waves, rules)) => (waves.clone(), rules.clone()),
            None if self.escalate_after.is_some() || self.health.is_some() => {
                (vec![self.servers.clone()], Rules::default())
            }
            None => return None,
        };
        rules.check_health |= self.health.is_some();
        Some(Rolling::new(waves, rules))
    }
}
