//! The expected duration of a run, and what may stop it earlier.

use ecs_ops::Plan;
use ecs_ops::fleet::{Estimate, Pace, USUAL_JOB};
use ecs_ops::rolling::AfterCanary;
use serde::Serialize;

use crate::args::Run;
use crate::command_line::written;
use crate::render::duration::to_minutes_up;

/// The expectation of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Expectation {
    /// The duration in seconds, with short jobs.
    from_s: u64,
    /// The duration in seconds, with the longest usual jobs.
    to_s: u64,
    /// The rules that stop the run before its end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stops: Vec<String>,
}

impl Expectation {
    /// Calculates the expectation of a run of these requests.
    pub(crate) fn of(plan: &Plan, args: &Run) -> Self {
        let rolling = &args.rolling;
        let pace = Pace {
            servers_per_minute: args.servers_per_minute,
            pause: rolling.pause.unwrap_or_default(),
            canary_pause: rolling.canary.and(rolling.canary_pause),
            job: USUAL_JOB,
            waits: !args.no_wait,
        };
        let estimate = Estimate::of(plan, &pace);
        Self {
            from_s: estimate.shortest.as_secs(),
            to_s: estimate.longest.as_secs(),
            stops: stops(plan, &estimate, args),
        }
    }

    /// Formats the range: `15–35 s`, `2–3 min`, `95 s–2 min`.
    pub(crate) fn range(&self) -> String {
        let (from, to) = (to_minutes_up(self.from_s), to_minutes_up(self.to_s));
        if from == to {
            return to;
        }
        match (from.split_once(' '), to.split_once(' ')) {
            // `2 h 5 min` has two units, so it is not shortened.
            (Some((number, unit @ ("s" | "min"))), Some((_, same))) if unit == same => {
                format!("{number}–{to}")
            }
            _ => format!("{from}–{to}"),
        }
    }
}

fn stops(plan: &Plan, estimate: &Estimate, args: &Run) -> Vec<String> {
    let (servers, waves) = (plan.servers(), plan.waves().len());
    let rules = args.rolling.rules(servers);
    let mut stops = Vec::new();
    // A run without waves has no rules, and the default brake cannot stop a run of few servers.
    let most = rules.max_failures.filter(|_| waves > 0);
    let most = most.map(|limit| limit.of(servers));
    if let Some(most) = most.filter(|most| !rules.brake || *most < servers) {
        stops.push(match most {
            0 => "at the first server that fails".to_owned(),
            1 => "when more than 1 server has failed".to_owned(),
            most => format!("when more than {most} servers have failed"),
        });
    }
    if rules.brake && waves > 1 {
        stops.push("after a wave without a success".to_owned());
        if let Some(AfterCanary::Pause(_)) = rules.canary {
            stops.push("after a canary of which a server failed".to_owned());
        }
    }
    if let Some(deadline) = args.deadline.filter(|limit| *limit < estimate.longest) {
        let which = match estimate.first_wave_after(deadline) {
            Some(wave) => format!(
                "before wave {wave} of {} at the latest durations",
                estimate.waves.len()
            ),
            None => "before all jobs have ended".to_owned(),
        };
        stops.push(format!(
            "by --deadline {}, perhaps {which}",
            written(deadline)
        ));
    }
    stops
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_rounded_up_and_names_its_unit_once() {
        for (from_s, to_s, text) in [
            (0, 0, "0 s"),
            (15, 35, "15–35 s"),
            (95, 115, "95 s–2 min"),
            (165, 225, "3–4 min"),
            (5999, 5999, "100 min"),
            (5700, 7500, "95 min–2 h 5 min"),
            (7500, 7515, "2 h 5 min–2 h 6 min"),
            (7500, 11_100, "2 h 5 min–3 h 5 min"),
        ] {
            let stops = Vec::new();
            let expectation = Expectation {
                from_s,
                to_s,
                stops,
            };
            assert_eq!(expectation.range(), text);
        }
    }
}
