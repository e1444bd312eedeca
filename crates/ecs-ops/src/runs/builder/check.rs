//! Checks of settings.

use ecs_model::ServerId;
use rustc_hash::FxHashSet;

use super::RunBuilder;
use crate::Error;
use crate::journal::Recovered;
use crate::rolling::{AfterCanary, Rolling, Rules};

impl RunBuilder {
    /// Returns the fault of the id that the caller chose.
    pub(super) fn run_id_violation(&self) -> Option<String> {
        let run_id = self.run_id.as_ref()?;
        if let Some(recovered) = &self.resumed {
            let known = &recovered.run().run_id;
            return (known != run_id).then(|| {
                format!("a run that is resumed keeps its id ({known}), which run_id cannot change")
            });
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        let is_valid = (1..=128).contains(&run_id.len())
            && run_id.bytes().all(fits)
            && !run_id.starts_with('.');
        let wrong = "the run id must have 1 to 128 letters, digits, '-', '_', '.' and ':', and must not begin with a dot";
        (!is_valid).then(|| format!("{wrong}, not {run_id:?}"))
    }

    /// Notes a second journal: only one could be written.
    pub(super) fn refuse_second_journal(&mut self) {
        if self.resumed.is_some() {
            self.violations
                .push("a resumed run keeps the journal that it is resumed from".to_owned());
        } else if self.journal.is_some() || self.journal_directory.is_some() {
            self.violations
                .push("two journals are given: a run has one".to_owned());
        }
    }

    /// Notes a change of what a resumed run keeps.
    pub(super) fn refuse_change(&mut self, is_changed: bool, name: &str) {
        if is_changed {
            let message =
                format!("a resumed run keeps what its journal says: {name} cannot change it");
            self.violations.push(message);
        }
    }

    /// Settings that would have no effect.
    pub(super) fn ignored_settings(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let (client, traces) = (&self.client.0.core, self.traces.as_ref());
        if let Some(other) = traces.map(|traces| traces.0.core.project())
            && other != client.project()
        {
            wrong.push(format!(
                "the client of Cloud Trace Service is of project {other}, and the run of {}",
                client.project()
            ));
        }
        if self.resumed.is_some() {
            return wrong;
        }
        let without_effect = [
            (
                self.verify.is_some() && !self.wait,
                "servers can only be verified by a run that waits for its jobs: verify and no_wait exclude each other",
            ),
            (
                self.recheck.is_some() && self.rolling.is_none(),
                "recheck_waves is for a run with waves",
            ),
            (
                self.continues_stopped,
                "continue_stopped is for a run that is resumed",
            ),
        ];
        let messages = without_effect.into_iter().filter(|(is_set, _)| *is_set);
        wrong.extend(messages.map(|(_, message)| message.to_owned()));
        wrong
    }

    /// Violations about waves.
    pub(super) fn wave_violations(&self, rolling: Option<&Rolling>) -> Vec<String> {
        let mut wrong = Vec::new();
        if rolling.is_some() && !self.wait {
            wrong.push("a rolling run must wait for its jobs".to_owned());
        }
        let after_canary = rolling.and_then(|rolling| rolling.rules().canary);
        if self.question.is_some() && after_canary != Some(AfterCanary::Ask) {
            wrong.push(
                "canary_question is given, and no rule asks it: set Rules::canary to AfterCanary::Ask"
                    .to_owned(),
            );
        }
        wrong.extend(self.escalation_violations());
        if let Some(recovered) = &self.resumed {
            wrong.extend(self.resume_violation(recovered).map(str::to_owned));
            return wrong;
        }
        let Some((waves, rules)) = &self.rolling else {
            return wrong;
        };
        wrong.extend(self.canary_violation(rules).map(str::to_owned));
        let mut missing: FxHashSet<_> = self.servers.iter().collect();
        let twice = ServerId::duplicates(&self.servers).into_iter();
        let twice: FxHashSet<_> = twice.filter_map(|(at, _)| self.servers.get(at)).collect();
        for (number, wave) in (1..).zip(waves) {
            // A server that is named twice was reported before.
            let of_once = wave.iter().filter(|id| !twice.contains(id));
            let twice_or_strange = of_once.filter(|id| !missing.remove(id));
            wrong.extend(twice_or_strange.map(|id| {
                format!("server {id} of wave {number} is in another wave or not in the run")
            }));
        }
        wrong.extend(
            missing
                .iter()
                .filter(|id| !twice.contains(*id))
                .map(|id| format!("server {id} is in no wave")),
        );
        wrong
    }

    /// A canary without a rule for it, or the reverse.
    fn canary_violation(&self, rules: &Rules) -> Option<&'static str> {
        match (self.has_canary, rules.canary) {
            (Some(true), None) => Some(
                "the first wave is a canary, and Rules::canary does not say what follows it: a question or a pause",
            ),
            (Some(false), Some(_)) => Some(
                "Rules::canary says what follows a canary, and Waves::plan was given none: give it the canary's size, or set Rules::canary to None",
            ),
            _ => None,
        }
    }

    /// A setting of a resumed run that contradicts its journal.
    fn resume_violation(&self, recovered: &Recovered) -> Option<&'static str> {
        let planned = recovered.run().rolling.as_ref();
        let of_journal = planned.map(|planned| (planned.waves.clone(), planned.rules()));
        if self.rolling != of_journal {
            return Some("a resumed run keeps the waves and rules of its journal");
        }
        if self.health.is_some() && planned.is_none_or(|planned| planned.health.is_none()) {
            return Some("the run of this journal has no health check");
        }
        if self.on_unknown.resubmit && planned.is_some() {
            return Some(
                "a resumed rolling run cannot resubmit unknown servers: they would be outside its waves",
            );
        }
        (self.escalates() && planned.is_none())
            .then_some("the run of this journal has no escalation")
    }

    /// Checks that the required callbacks are set.
    pub(super) fn check_callbacks(&self, rolling: &Rolling) -> Result<(), Error> {
        let rules = rolling.rules();
        let message = if rules.check_health && self.health.is_none() {
            let journal = self.resumed.as_ref();
            let known = journal.and_then(|known| known.run().rolling.as_ref()?.health.clone());
            let known = known
                .map(|message| format!(" ({message})"))
                .unwrap_or_default();
            format!("the rules require a health check after each wave{known}: set health_check")
        } else if rules.canary == Some(AfterCanary::Ask) && self.question.is_none() {
            "the rules require a question after the canary: set canary_question".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::invalid(message))
    }
}
