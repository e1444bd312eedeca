//! The faults of an exchange, drawn from the seed and the number of the exchange, so that the draws
//! of one exchange do not affect another.

use std::ops::RangeInclusive;
use std::time::Duration;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::fault::Fault;
use super::trace::Asked;
use crate::seed::{happens, pick};

/// Purposes of randomness within one exchange.
const EXCHANGE: u64 = 0;
pub(super) const ANSWERS: u64 = 1;
pub(super) const JOB: u64 = 2;
pub(super) const SHAPE: u64 = 3;
/// The most times that the clock is set; each time it stays within the 15
/// minutes that signatures allow.
pub(super) const MOST_STEPS: usize = 3;
const LONGEST_STEP: i64 = 300;

/// The frequencies of faults: shares of exchanges (or of jobs), from 0 to 1. If their sum exceeds
/// 1, the first ones take precedence.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Faults {
    /// The seed of all draws.
    pub seed: u64,
    /// Lost before the region receives it: refused, no connection in time, reset, swallowed, given
    /// back.
    pub loss_before: f64,
    /// Executed without a readable answer: closed, body cut, silence, not HTTP, too large.
    pub loss_after: f64,
    /// Not executed, and throttled: 202, 429, 501.
    pub throttling: f64,
    /// Not executed, and the credentials refused: 401, 403.
    pub denials: f64,
    /// A server error or gateway error of any family, not executed.
    pub error_before: f64,
    /// A server error or gateway error of any family, executed.
    pub error_after: f64,
    /// Executed, and a success without content: no job id, HTML, empty, cut.
    pub garbage: f64,
    /// The share of ways that take `long_delay` instead of `delay`.
    pub slow: f64,
    /// The duration of a way: connecting, there, back.
    pub delay: RangeInclusive<Duration>,
    /// The duration of a slow way.
    pub long_delay: RangeInclusive<Duration>,
    /// The share of jobs that are unknown for up to 90 seconds.
    pub jobs_unknown_at_first: f64,
    /// The share of jobs that stay unknown forever.
    pub lost_jobs: f64,
    /// The share of jobs that are shown as unfinished for up to ten minutes, sometimes with an
    /// undocumented status.
    pub slow_jobs: f64,
    /// The share of jobs that become unknown again, forever, within ten minutes.
    pub forgotten_jobs: f64,
    /// The share of jobs that never end: unfinished forever, or running although all their sub-jobs
    /// have ended.
    pub stuck_jobs: f64,
    /// The share of jobs whose query answers for up to two minutes with status 200 and a code and a
    /// message instead of a job.
    pub failing_job_queries: f64,
    /// The share of jobs without any sub-jobs.
    pub jobs_not_itemised: f64,
    /// The share of jobs with sub-jobs for only some of their servers.
    pub jobs_partly_itemised: f64,
    /// The share of jobs with a sub-job for an unrequested server.
    pub jobs_with_strangers: f64,
    /// The share of jobs that are over while one of their sub-jobs is not, for up to four minutes
    /// or forever.
    pub jobs_over_early: f64,
    /// The share of jobs of one server that name it directly, without a sub-job.
    pub flat_jobs: f64,
    /// The share of jobs that write server ids in upper case.
    pub jobs_in_upper_case: f64,
    /// The share of jobs that report why a server failed only in their entities, and without a
    /// code.
    pub jobs_hiding_reasons: f64,
    /// The share of exchanges before which the region's clock is set by up to five minutes in
    /// either direction; at most three times in all.
    pub clock_steps: f64,
}

impl Faults {
    /// Returns a configuration without faults and delays.
    pub fn none(seed: u64) -> Self {
        Self {
            seed,
            loss_before: 0.0,
            loss_after: 0.0,
            throttling: 0.0,
            denials: 0.0,
            error_before: 0.0,
            error_after: 0.0,
            garbage: 0.0,
            slow: 0.0,
            delay: Duration::ZERO..=Duration::ZERO,
            long_delay: Duration::from_secs(1)..=Duration::from_secs(90),
            jobs_unknown_at_first: 0.0,
            lost_jobs: 0.0,
            slow_jobs: 0.0,
            forgotten_jobs: 0.0,
            stuck_jobs: 0.0,
            failing_job_queries: 0.0,
            jobs_not_itemised: 0.0,
            jobs_partly_itemised: 0.0,
            jobs_with_strangers: 0.0,
            jobs_over_early: 0.0,
            flat_jobs: 0.0,
            jobs_in_upper_case: 0.0,
            jobs_hiding_reasons: 0.0,
            clock_steps: 0.0,
        }
    }

    /// Draws a mixture from the seed. Each kind of fault is absent in about half of the mixtures:
    /// with all of them, each one hides the others.
    pub fn drawn(seed: u64) -> Self {
        let mut faults = Self::none(seed);
        let mut rng = faults.rng(usize::MAX, EXCHANGE);
        let mut share = |shares: &[f64]| {
            if rng.random_bool(0.5) {
                0.0
            } else {
                pick(&mut rng, shares)
            }
        };
        let often = &[0.02, 0.1, 0.3];
        faults.loss_before = share(often);
        faults.loss_after = share(often);
        faults.throttling = share(often);
        faults.denials = share(&[0.0, 0.0, 0.01, 0.1]);
        faults.error_before = share(often);
        faults.error_after = share(often);
        faults.garbage = share(often);
        faults.slow = share(&[0.01, 0.1]);
        faults.jobs_unknown_at_first = share(&[0.2, 1.0]);
        faults.lost_jobs = share(&[0.05, 0.3]);
        faults.slow_jobs = share(&[0.2, 1.0]);
        faults.clock_steps = share(&[0.01, 0.1]);
        faults.leave_room();
        let longest = pick(&mut rng, &[0, 1, 50, 800, 5000]);
        faults.delay = Duration::ZERO..=Duration::from_millis(longest);
        let mut seldom = |shares: &[f64]| {
            if rng.random_bool(0.8) {
                0.0
            } else {
                pick(&mut rng, shares)
            }
        };
        let some = &[0.1, 0.5];
        faults.forgotten_jobs = seldom(some);
        faults.stuck_jobs = seldom(&[0.05, 0.3]);
        faults.failing_job_queries = seldom(&[0.2, 1.0]);
        faults.jobs_not_itemised = seldom(some);
        faults.jobs_partly_itemised = seldom(some);
        faults.jobs_with_strangers = seldom(some);
        faults.jobs_over_early = seldom(some);
        faults.flat_jobs = seldom(&[0.5, 1.0]);
        faults.jobs_in_upper_case = seldom(some);
        faults.jobs_hiding_reasons = seldom(some);
        faults
    }

    /// Reduces the shares so that at least one exchange in three has no fault: otherwise nothing
    /// would ever end.
    fn leave_room(&mut self) {
        let mut shares = [
            &mut self.loss_before,
            &mut self.loss_after,
            &mut self.throttling,
            &mut self.denials,
            &mut self.error_before,
            &mut self.error_after,
            &mut self.garbage,
        ];
        let sum: f64 = shares.iter().map(|share| **share).sum();
        let scale = (2.0 / 3.0 / sum).min(1.0);
        shares.iter_mut().for_each(|share| **share *= scale);
    }

    /// Returns whether no fault can occur (though exchanges may take time).
    pub fn is_none(&self) -> bool {
        let silent = Self {
            delay: self.delay.clone(),
            long_delay: self.long_delay.clone(),
            ..Self::none(self.seed)
        };
        *self == silent
    }

    pub(super) fn rng(&self, index: usize, purpose: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        // 64 bits hold any index and a purpose below it.
        rng.set_stream((index as u64).wrapping_mul(4) | purpose);
        rng
    }

    fn way(&self, rng: &mut impl Rng) -> Duration {
        let range = if happens(rng, self.slow) {
            &self.long_delay
        } else {
            &self.delay
        };
        if range.is_empty() {
            Duration::ZERO
        } else {
            rng.random_range(range.clone())
        }
    }
}

/// The plan of one exchange.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) fault: Option<Fault>,
    pub(super) connecting: Duration,
    pub(super) there: Duration,
    pub(super) back: Duration,
    /// `true` if a request that has left continues when the client gives up.
    pub(super) outlives: bool,
    /// `true` if the transport enforces the time limit itself, or leaves that to its caller.
    pub(super) keeps_time: bool,
    /// The seconds by which the region's clock is set before.
    pub(super) step: Option<i64>,
}

impl Plan {
    pub(super) fn draw(faults: &Faults, index: usize, asked: &Asked) -> Self {
        let mut rng = faults.rng(index, EXCHANGE);
        let connecting = if rng.random_bool(0.5) {
            Duration::ZERO // an existing connection
        } else {
            faults.way(&mut rng)
        };
        let plan = Self {
            fault: draw_fault(faults, &mut rng),
            connecting,
            there: faults.way(&mut rng),
            back: faults.way(&mut rng),
            outlives: rng.random(),
            keeps_time: rng.random(),
            step: happens(&mut rng, faults.clock_steps)
                .then(|| rng.random_range(-LONGEST_STEP..=LONGEST_STEP)),
        };
        // The unlisted ones do not matter here.
        match asked {
            Asked::Other => Self {
                fault: None,
                ..plan
            },
            _ => plan,
        }
    }
}

fn draw_fault(faults: &Faults, rng: &mut impl Rng) -> Option<Fault> {
    let mut left = rng.random::<f64>();
    let mut hit = |share: f64| {
        left -= share;
        left < 0.0
    };
    if hit(faults.loss_before) {
        let kinds = [
            Fault::Refused,
            Fault::ConnectHangs,
            Fault::Reset,
            Fault::Swallowed,
            Fault::GivenBack,
        ];
        Some(pick(rng, &kinds))
    } else if hit(faults.loss_after) {
        let kinds = [
            Fault::Closed,
            Fault::BodyCut,
            Fault::Silent,
            Fault::NotHttp,
            Fault::TooLarge,
        ];
        Some(pick(rng, &kinds))
    } else if hit(faults.throttling) {
        Some(Fault::Throttled)
    } else if hit(faults.denials) {
        Some(Fault::Denied)
    } else if hit(faults.error_before) {
        Some(Fault::ErrorBefore)
    } else if hit(faults.error_after) {
        Some(Fault::ErrorAfter)
    } else if hit(faults.garbage) {
        Some(Fault::Garbage)
    } else {
        None
    }
}
