//! Waves, health checks, canaries and escalation.

use std::fmt;
use std::time::Duration;

use ecs_model::ServerId;

use super::RunBuilder;
use crate::fleet::WaveRecheck;
use crate::rolling::{CountOrPercent, Member, Order, Rules, Waves};
use crate::runs::callbacks::{CanaryQuestion, FinishedWave, HealthCheck};

impl RunBuilder {
    /// Acts on the servers in waves of at most this size, in the given order, by these rules. With
    /// [`Rules::canary`] the first wave is one server.
    ///
    /// ```
    /// # async fn restart(client: ecs_ops::Client, servers: Vec<ecs_ops::model::ServerId>) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use ecs_ops::model::RebootType;
    /// use ecs_ops::rolling::{AfterCanary, Rules};
    ///
    /// let rules = Rules {
    ///     max_failures: Some("2%".parse()?),
    ///     canary: Some(AfterCanary::Pause(Duration::from_secs(300))),
    ///     ..Rules::default()
    /// };
    /// let run = client.reboot(RebootType::Soft, servers).waves("10%".parse()?, rules);
    /// # let _ = run; Ok(()) }
    /// ```
    pub fn waves(mut self, size: CountOrPercent, rules: Rules) -> Self {
        let members: Vec<_> = self.servers.iter().copied().map(Member::new).collect();
        let canary = rules.canary.is_some().then_some(1);
        match Waves::plan(&members, size, canary, Order::AsGiven) {
            Ok(waves) => self.rolling(waves, rules),
            Err(error) => {
                self.violations.push(error.to_string());
                self
            }
        }
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
    /// let report = run.report().await?;
    /// if let Some(Stopped::Rolling(reason)) = &report.stopped {
    ///     println!("stopped: {reason}; {} not attempted", report.summary().not_attempted);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn rolling(mut self, waves: Waves, rules: Rules) -> Self {
        if self.rolling.is_some() && self.resumed.is_none() {
            self.violations
                .push("the run has waves already: plan them once".to_owned());
        }
        self.has_canary = waves.has_canary;
        self.rolling = Some((waves.waves, rules));
        self
    }

    /// Reads the servers of each wave again before it begins, except those of the first one, which
    /// the caller has just read; and of a resumed run those of the first one, too. A server that is
    /// gone, locked or busy, that was stopped, or that changed since the run was planned and may have
    /// been restarted, is skipped, or stops the run before its wave. They are read by the fewest queries
    /// that the service allows. If they cannot be read for ten minutes (an empty list
    /// shows nothing), or reading is refused, the run stops before the wave. Only for a run with
    /// waves. A resumed run does as its journal says, unless this or
    /// [`skip_recheck`](Self::skip_recheck) says otherwise.
    pub fn recheck_waves(mut self, recheck: WaveRecheck) -> Self {
        let clock = self.client.0.core.clock();
        let recheck = recheck.since_of(self.recheck);
        self.recheck = Some(recheck.since_or(clock.now(), |local| clock.remote_at(local)));
        self
    }

    /// Does not read the servers of a wave again, whatever the journal of a resumed run says.
    pub fn skip_recheck(mut self) -> Self {
        self.recheck = None;
        self
    }

    /// Runs this health check after each wave; an error stops the run. `check` gets the servers of
    /// the wave and has `within` to finish. The journal stores `description`; a resumed run must be
    /// given the check again. A run has one check; without waves it runs once, after all servers.
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

    /// Like [`health_check`](Self::health_check), with a check that gets the number of the wave and
    /// the outcome of each of its servers, and that fails with whatever displays.
    ///
    /// ```
    /// # fn example(run: ecs_ops::RunBuilder) -> ecs_ops::RunBuilder {
    /// # async fn probe(server: &ecs_ops::ServerReport) -> std::io::Result<()> { Ok(()) }
    /// use std::time::Duration;
    /// use ecs_ops::{Outcome, FinishedWave};
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
        let check = HealthCheck::new(description.into(), within, check);
        if let Some(first) = &self.health {
            self.violations.push(format!(
                "two health checks are given ({:?} and {:?}): a run has one, which can call both",
                first.description, check.description
            ));
        }
        self.health = Some(check);
        self
    }

    /// The question after the canary; required by
    /// [`AfterCanary::Ask`](crate::rolling::AfterCanary::Ask), and only for a run with that rule.
    /// `false` stops the run.
    pub fn canary_question<A, F>(mut self, ask: A) -> Self
    where
        A: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = bool> + Send + 'static,
    {
        if self.question.is_some() {
            self.violations
                .push("two questions after the canary are given: a run asks one".to_owned());
        }
        self.question = Some(CanaryQuestion::new(ask));
        self
    }
}
