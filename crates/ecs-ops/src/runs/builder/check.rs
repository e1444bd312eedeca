//! Checks of rolling runs.

use std::collections::HashSet;

use ecs_model::RebootType;

use super::RunBuilder;
use crate::Error;
use crate::action::PowerAction;
use crate::journal::Recovered;
use crate::rolling::{AfterCanary, Rolling};

impl RunBuilder {
    /// Violations about waves.
    pub(super) fn wave_violations(&self, is_rolling: bool) -> Vec<String> {
        let mut wrong = Vec::new();
        if is_rolling && !self.wait {
            wrong.push("a rolling run must wait for its jobs".to_owned());
        }
        if self.escalate_after.is_some() && self.action != PowerAction::Reboot(RebootType::Soft) {
            wrong.push("only a soft restart can be escalated to a hard one".to_owned());
        }
        if let Some(recovered) = &self.resumed {
            wrong.extend(self.resume_violation(recovered).map(str::to_owned));
            return wrong;
        }
        let Some((waves, _)) = &self.rolling else {
            return wrong;
        };
        let mut missing: HashSet<_> = self.servers.iter().collect();
        for (number, wave) in (1..).zip(waves) {
            let twice_or_strange = wave.iter().filter(|id| !missing.remove(id));
            wrong.extend(twice_or_strange.map(|id| {
                format!("server {id} of wave {number} is in another wave or not in the run")
            }));
        }
        wrong.extend(
            missing
                .iter()
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
        let escalates = self.escalate_after.is_some();
        (escalates && planned.is_none()).then_some("the run of this journal has no escalation")
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
