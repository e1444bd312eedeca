//! Checks of rolling runs.

use ecs_model::ServerId;
use rustc_hash::FxHashSet;

use super::RunBuilder;
use crate::Error;
use crate::journal::Recovered;
use crate::rolling::{AfterCanary, Rolling};

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

    /// Violations about waves.
    pub(super) fn wave_violations(&self, is_rolling: bool) -> Vec<String> {
        let mut wrong: Vec<_> = self.refused_waves.iter().cloned().collect();
        if is_rolling && !self.wait {
            wrong.push("a rolling run must wait for its jobs".to_owned());
        }
        wrong.extend(self.escalation_violations());
        if let Some(recovered) = &self.resumed {
            wrong.extend(self.resume_violation(recovered).map(str::to_owned));
            return wrong;
        }
        let Some((waves, rules)) = &self.rolling else {
            return wrong;
        };
        if self.has_canary && rules.canary.is_none() {
            wrong.push(
                "the first wave is a canary, and Rules::canary does not say what follows it: a question or a pause"
                    .to_owned(),
            );
        }
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
