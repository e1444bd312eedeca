//! The duration of a run, from its requests, waves and pauses: a pure calculation.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use crate::Plan;

/// The window of the service's quota.
const WINDOW: Duration = Duration::from_secs(60);

/// The usual duration of the job of a power action, by observation on Open Telekom Cloud.
pub const USUAL_JOB: Range<Duration> = Duration::from_secs(15)..Duration::from_secs(35);

/// The settings, beside its requests, that the duration of a run depends on.
#[derive(Clone, Debug)]
pub struct Pace {
    /// The most servers in any 60 seconds.
    pub servers_per_minute: usize,
    /// Between two waves.
    pub pause: Duration,
    /// After the first wave, in place of the pause, if it is a canary.
    pub canary_pause: Option<Duration>,
    /// The shortest and the longest duration of a job.
    pub job: Range<Duration>,
    /// `true` if the run waits for its jobs.
    pub waits: bool,
}

/// The expected duration of a run.
///
/// ```
/// # fn example(plan: &ecs_ops::Plan) {
/// use std::time::Duration;
/// use ecs_ops::fleet::{Estimate, Pace, USUAL_JOB};
///
/// let pace = Pace {
///     servers_per_minute: 1000,
///     pause: Duration::from_secs(60),
///     canary_pause: None,
///     job: USUAL_JOB,
///     waits: true,
/// };
/// let estimate = Estimate::of(plan, &pace);
/// println!("{:?} to {:?}", estimate.shortest, estimate.longest);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Estimate {
    /// With the shortest jobs.
    pub shortest: Duration,
    /// With the longest usual jobs. Retries, health checks and questions are not in it.
    pub longest: Duration,
    /// The latest beginning of each wave; the first one is zero. A run without waves has one entry.
    pub waves: Vec<Duration>,
}

impl Estimate {
    /// Estimates the requests of this plan at this pace.
    pub fn of(plan: &Plan, pace: &Pace) -> Self {
        let sizes: Vec<usize> = plan.requests().iter().map(Vec::len).collect();
        Self::of_sizes(&sizes, plan.waves(), pace)
    }

    /// The same of requests of these sizes, with the number of requests of each wave.
    fn of_sizes(requests: &[usize], waves: &[usize], pace: &Pace) -> Self {
        let (shortest, _) = run(requests, waves, pace, pace.job.start);
        let (longest, waves) = run(requests, waves, pace, pace.job.end);
        Self {
            shortest,
            longest,
            waves,
        }
    }

    /// The waves that have not begun when this time is over, counted from 1: the first of them.
    pub fn first_wave_after(&self, deadline: Duration) -> Option<usize> {
        let late = self.waves.iter().position(|begin| *begin >= deadline);
        late.map(|index| index + 1)
    }
}

/// The end of the run, and when each wave begins.
fn run(
    requests: &[usize],
    waves: &[usize],
    pace: &Pace,
    job: Duration,
) -> (Duration, Vec<Duration>) {
    let whole = [requests.len()];
    let waves = match waves {
        [] => &whole[..],
        waves => waves,
    };
    let mut quota = Quota {
        left: pace.servers_per_minute.max(1),
        held: VecDeque::new(),
    };
    let mut requests = requests.iter();
    let (mut now, mut begins) = (Duration::ZERO, Vec::new());
    for (index, count) in waves.iter().enumerate() {
        if index > 0 {
            let canary = pace.canary_pause.filter(|_| index == 1);
            now += canary.unwrap_or(pace.pause);
        }
        begins.push(now);
        for request in requests.by_ref().take(*count) {
            now = quota.take(*request, now);
        }
        if pace.waits {
            now += job;
        }
    }
    (now, begins)
}

/// Servers in the last 60 seconds.
struct Quota {
    left: usize,
    /// The times at which servers were sent, with their number.
    held: VecDeque<(Duration, usize)>,
}

impl Quota {
    /// Takes servers at `now` or as soon as that many are free, and returns that time. More servers
    /// than the quota are sent when all of it is free.
    fn take(&mut self, servers: usize, mut now: Duration) -> Duration {
        while self.left < servers {
            let Some((at, freed)) = self.held.pop_front() else {
                break;
            };
            now = now.max(at + WINDOW);
            self.left += freed;
        }
        let taken = servers.min(self.left);
        self.left -= taken;
        self.held.push_back((now, taken));
        now
    }
}

#[cfg(test)]
mod tests;
