//! From a builder to a checked plan.

use ecs_model::ServerId;
use rustc_hash::FxHashSet;

use super::RunBuilder;
use crate::Error;
use crate::report::Report;
use crate::rolling::{Rolling, Rules};
use crate::runs::plan::Plan;
use crate::runs::request_plan::RequestPlan;
use crate::runs::run::Run;

impl RunBuilder {
    /// Checks the run and splits it into requests. Nothing is sent, and no journal is written,
    /// until the plan [begins](Plan::begin).
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with all violations: no server, a
    /// duplicate server, a batch size out of range, a missing callback, a setting without effect.
    pub fn plan(mut self) -> Result<Plan, Error> {
        let rolling = self.current_rolling();
        let requests = self.requests(rolling.as_ref())?;
        if let Some(rolling) = &rolling {
            self.check_callbacks(rolling)?;
        }
        // The plan has them.
        self.rolling = None;
        Ok(Plan {
            builder: self,
            requests,
            rolling,
        })
    }

    /// [Plans](Self::plan) the run and [begins](Plan::begin) it, for a caller who has no use for
    /// the plan.
    ///
    /// # Errors
    /// As [`plan`](Self::plan) and [`Plan::begin`].
    pub async fn begin(self) -> Result<Run, Error> {
        self.plan()?.begin().await
    }

    /// Does the whole run, for a caller who needs neither its events nor a way to stop it.
    ///
    /// # Errors
    /// As [`plan`](Self::plan) and [`Plan::begin`]: nothing was sent.
    ///
    /// ```
    /// # async fn restart(client: ecs_ops::Client, servers: Vec<ecs_ops::model::ServerId>) -> Result<(), ecs_ops::Error> {
    /// use ecs_ops::model::RebootType;
    ///
    /// let report = client.reboot(RebootType::Soft, servers).report().await?;
    /// println!("{:?}", report.summary());
    /// # Ok(()) }
    /// ```
    pub async fn report(self) -> Result<Report, Error> {
        Ok(self.begin().await?.await)
    }

    fn requests(&self, rolling: Option<&Rolling>) -> Result<RequestPlan, Error> {
        let mut wrong = self.violations.clone();
        if self.servers.is_empty() && self.resumed.is_none() {
            wrong.push("no server is given".to_owned());
        }
        for (index, first) in ServerId::duplicates(&self.servers) {
            if let Some(id) = self.servers.get(index) {
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
        wrong.extend(self.ignored_settings());
        wrong.extend(self.wave_violations(rolling));
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
        // Each of these meets the requirement of a request: 1 to 1,000 different servers.
        Ok(match rolling {
            Some(rolling) => {
                let waves = rolling.remaining().map(|(_, wave)| wave);
                if resumed.is_none() {
                    // Each of their servers is in the run, as was checked.
                    return Ok(RequestPlan::in_waves(self.action, waves, size));
                }
                let requested: FxHashSet<_> = self.servers.iter().collect();
                let of_requested = |wave: &[ServerId]| {
                    let servers = wave.iter().filter(|id| requested.contains(id));
                    servers.copied().collect::<Vec<_>>()
                };
                let waves: Vec<_> = waves.map(of_requested).collect();
                RequestPlan::in_waves(self.action, waves.iter().map(Vec::as_slice), size)
            }
            None => RequestPlan::new(self.action, &self.servers, size),
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
            Some((waves, rules)) => (waves.clone(), *rules),
            None if self.escalates() || self.health.is_some() => {
                (vec![self.servers.clone()], Rules::default())
            }
            None => return None,
        };
        rules.check_health |= self.health.is_some();
        Some(Rolling::new(waves, rules))
    }
}
