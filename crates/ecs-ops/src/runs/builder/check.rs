//! What cannot go in waves.

use std::collections::HashSet;

use ecs_model::RebootType;

use super::RunBuilder;
use crate::Error;
use crate::action::PowerAction;
use crate::journal::Recovered;
use crate::rolling::{AfterCanary, Rolling};

impl RunBuilder {
    /// What is wrong with the waves, or about going in waves.
    pub(super) fn wave_violations(&self, is_rolling: bool) -> Vec<String> {
        let mut wrong = Vec::new();
        if is_rolling && !self.wait {
            wrong.push(
                "waves come one after the other, so that they have to be waited for".to_owned(),
            );
        }
        if self.escalate_after.is_some() && self.action != PowerAction::Reboot(RebootType::Soft) {
            wrong.push("only a soft restart can be tried hard".to_owned());
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
                format!("server {id} of wave {number} is in another wave, too, or not in the run")
            }));
        }
        wrong.extend(
            missing
                .iter()
                .map(|id| format!("server {id} is in no wave")),
        );
        wrong
    }

    /// What a run that goes on cannot have, since its journal does not.
    fn resume_violation(&self, recovered: &Recovered) -> Option<&'static str> {
        let planned = recovered.run().rolling.as_ref();
        let of_journal = planned.map(|planned| (planned.waves.clone(), planned.rules()));
        if self.rolling != of_journal {
            return Some("a run that goes on keeps the waves of its journal, and their rules");
        }
        if self.health.is_some() && planned.is_none_or(|planned| planned.health.is_none()) {
            return Some("health is not checked in the run of this journal");
        }
        if self.on_unknown.resubmit && planned.is_some() {
            return Some(
                "what is unknown is not sent again in a rolling run that goes on: it would come beside the waves",
            );
        }
        let escalates = self.escalate_after.is_some();
        (escalates && planned.is_none()).then_some("a run without waves restarts nothing hard")
    }

    /// Checks that whoever is to be asked is there.
    pub(super) fn check_callbacks(&self, rolling: &Rolling) -> Result<(), Error> {
        let rules = rolling.rules();
        let message = if rules.check_health && self.health.is_none() {
            let journal = self.resumed.as_ref();
            let known = journal.and_then(|known| known.run().rolling.as_ref()?.health.clone());
            let known = known
                .map(|message| format!(" ({message})"))
                .unwrap_or_default();
            format!("health is to be checked after each wave{known}, and there is no health_check")
        } else if rules.canary == Some(AfterCanary::Ask) && self.question.is_none() {
            "somebody is to be asked after the canary, and there is no canary_question".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::invalid(message))
    }
}
