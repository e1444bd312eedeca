//! How long a run will take, and what stops it before: for `--dry-run -o json`.

use std::time::Duration;

use ecs_ops::Plan;
use ecs_ops::fleet::{Estimate, Pace, USUAL_JOB};
use jiff::SignedDuration;
use serde::Serialize;

use crate::args::{FailureLimit, Run};

/// What is expected of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Expectation {
    /// In seconds, with short jobs.
    from_s: u64,
    /// In seconds, with the longest usual jobs.
    to_s: u64,
    /// What stops the run before its end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stops: Vec<String>,
}

impl Expectation {
    /// Calculates it for a run of these requests.
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
}

fn stops(plan: &Plan, estimate: &Estimate, args: &Run) -> Vec<String> {
    let mut stops = Vec::new();
    if let Some(FailureLimit::AtMost(budget)) = args.rolling.max_failures {
        let most = budget.of(plan.servers());
        stops.push(match most {
            0 => "at the first server that fails".to_owned(),
            1 => "when more than 1 server has failed".to_owned(),
            most => format!("when more than {most} servers have failed"),
        });
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
            shown(deadline)
        ));
    }
    stops
}

/// In hours, minutes and seconds.
fn shown(duration: Duration) -> String {
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    format!("{:#}", SignedDuration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_in_its_units() {
        for (seconds, expected) in [(0, "0s"), (35, "35s"), (95, "1m 35s"), (3725, "1h 2m 5s")] {
            assert_eq!(shown(Duration::from_secs(seconds)), expected);
        }
    }
}
