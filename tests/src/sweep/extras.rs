//! Extras of a run: waves, a journal, deaths, resubmission. Drawn from their own stream, so that
//! nothing else that follows from a seed depends on them.

use std::time::Duration;

use ecs_ops::PowerAction;
use ecs_ops::model::{RebootType, ServerId};
use ecs_ops::rolling::{AfterCanary, CountOrPercent, Member, Order, Rules, Waves};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::draw::{pick, secs, sometime};
use super::scenario::{LAST, RunPlan, Scenario};
use crate::death::{Death, When};

/// The streams of one seed: what is drawn, and the answers of callbacks.
const DRAWN: u64 = 1;
const ANSWERS: u64 = 2;
const RECHECKS: u64 = 3;

/// The extras of the first run of a scenario.
#[derive(Clone, Debug)]
pub(super) struct Extras {
    pub(super) waves: Option<WavePlan>,
    pub(super) verify: Option<Duration>,
    pub(super) escalate_after: Option<Duration>,
    pub(super) journal: bool,
    /// Its lives, at least one; several only with a journal.
    pub(super) lives: Vec<LifePlan>,
}

/// The waves of a run.
#[derive(Clone, Debug)]
pub(super) struct WavePlan {
    pub(super) wave: CountOrPercent,
    pub(super) canary: Option<usize>,
    order: u8,
    /// The number of groups over which the servers are spread; zero: they are in no group.
    groups: usize,
    pub(super) rules: Rules,
    /// The time limit of a health check, if there is one.
    pub(super) health: Option<Duration>,
    /// The probability that a check or an answer is negative.
    pub(super) no: f64,
    /// The read of servers before their wave, if there is one.
    pub(super) recheck: Option<Recheck>,
}

/// The reaction when servers are not ready before their wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recheck {
    Skip,
    Stop,
}

/// A process that works on the run.
#[derive(Clone, Debug)]
pub(super) struct LifePlan {
    /// The time between the end of the previous process and the start of this one.
    pub(super) after: Duration,
    pub(super) death: Death,
    /// `true` if it may resubmit servers of unknown outcome.
    pub(super) resubmit: bool,
    /// Its disturbances and other settings.
    pub(super) plan: RunPlan,
}

impl Extras {
    /// Draws extras for the first run of the scenario, with this probability.
    pub(super) fn draw(seed: u64, scenario: &Scenario, share: f64) -> Option<Self> {
        let mut rng = stream(seed, DRAWN);
        let rng = &mut rng;
        if rng.random::<f64>() >= share {
            return None;
        }
        let base = scenario.runs.first()?;
        let soft = base.action == PowerAction::Reboot(RebootType::Soft);
        let mut waves = rng.random_bool(0.65).then(|| WavePlan::draw(rng));
        if let Some(waves) = &mut waves {
            let rechecks = [None, Some(Recheck::Skip), Some(Recheck::Stop)];
            waves.recheck = pick(&mut stream(seed, RECHECKS), &rechecks);
        }
        let escalates = rng.random_bool(0.6);
        let after = pick(rng, &[1, 30, 300]);
        let escalate_after = (soft && escalates).then(|| Duration::from_secs(after));
        let verify = rng.random_bool(0.3).then(|| secs(rng, 5..300));
        let journal = rng.random_bool(0.85);
        let count = if journal { rng.random_range(1..=4) } else { 1 };
        let rolls = waves.is_some() || escalate_after.is_some();
        let endless = scenario.faults.stuck_jobs > 0.0;
        let mut lives: Vec<_> = (0..count)
            .map(|life| LifePlan::draw(rng, base, life, endless))
            .collect();
        if let Some(first) = lives.first_mut() {
            first.plan.wait |= rolls;
            first.plan.dropped = base.dropped.filter(|_| !journal);
        }
        // A resumed rolling run may not send beside its waves.
        for life in lives.iter_mut().skip(1).filter(|_| rolls) {
            life.resubmit = false;
        }
        if let Some(last) = lives.last_mut() {
            last.death = Death::Never;
        }
        if journal {
            // Once more, to see that nothing is left to do.
            let mut again = LifePlan::draw(rng, base, count, endless);
            again.death = Death::Never;
            again.resubmit = false;
            (again.plan.stop, again.plan.end) = (None, None);
            lives.push(again);
        }
        Some(Self {
            waves,
            verify,
            escalate_after,
            journal,
            lives,
        })
    }

    /// Returns the randomness of the callbacks' answers.
    pub(super) fn answers(seed: u64) -> ChaCha8Rng {
        stream(seed, ANSWERS)
    }
}

fn stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

impl WavePlan {
    fn draw(rng: &mut impl Rng) -> Self {
        // Not too many waves: each can take a quarter of an hour.
        let wave = if rng.random_bool(0.6) {
            CountOrPercent::Percent(rng.random_range(10..=60))
        } else {
            CountOrPercent::Count(rng.random_range(15..=40))
        };
        let canary = rng.random_bool(0.4).then(|| rng.random_range(1..=3));
        let pause = if rng.random_bool(0.5) {
            Duration::ZERO
        } else {
            secs(rng, 1..120)
        };
        let after = if rng.random() {
            AfterCanary::Ask
        } else {
            AfterCanary::Pause(secs(rng, 0..600))
        };
        let max_failures = rng.random_bool(0.6).then(|| {
            if rng.random() {
                CountOrPercent::Percent(rng.random_range(0..=50))
            } else {
                CountOrPercent::Count(rng.random_range(0..=5))
            }
        });
        Self {
            wave,
            canary,
            order: rng.random_range(0..3),
            groups: pick(rng, &[0, 0, 1, 2, 5]),
            rules: Rules {
                max_failures,
                pause,
                canary: canary.map(|_| after),
                ..Rules::default()
            },
            health: rng.random_bool(0.5).then(|| secs(rng, 1..60)),
            no: pick(rng, &[0.0, 0.0, 0.05, 0.2]),
            recheck: None,
        }
    }

    /// Returns the waves of these servers.
    pub(super) fn waves(&self, servers: &[ServerId]) -> Result<Waves, ecs_ops::Error> {
        let member = |(index, id): (usize, &ServerId)| {
            let member = Member::new(*id).named(format!("web-{}", index * 7919 % 1000));
            match self.groups {
                0 => member,
                groups => member.in_group(format!("host {}", index % groups)),
            }
        };
        let members: Vec<_> = servers.iter().enumerate().map(member).collect();
        let order = match self.order {
            0 => Order::AsGiven,
            1 => Order::ByName,
            _ => Order::Random { seed: 7 },
        };
        let most = self.most(servers.len());
        let canary = self.canary.map(|canary| canary.min(most));
        Waves::plan(&members, self.wave, canary, order)
    }

    /// Returns the largest number of servers that may be in flight at once, of this number in all.
    pub(super) fn most(&self, servers: usize) -> usize {
        self.wave.of(servers).max(1)
    }
}

impl LifePlan {
    fn draw(rng: &mut impl Rng, base: &RunPlan, life: usize, endless: bool) -> Self {
        let when = pick(rng, &[When::Before, When::After]);
        let death = match rng.random_range(0..5) {
            0 => Death::Never,
            1 => Death::At(sometime(rng, 1.0).unwrap_or_default()),
            2 | 3 => Death::Write(rng.random_range(0..40), when),
            _ => Death::Send(rng.random_range(0..40), when),
        };
        let longest = pick(rng, &[100, 20_000, 600_000, 3_000_000]);
        let after = Duration::from_millis(rng.random_range(1..longest));
        let resubmit = rng.random_bool(0.15);
        let changes = rng.random_bool(0.2);
        let (stop, end) = (sometime(rng, 0.1), sometime(rng, 0.05));
        let deadline = sometime(rng, 0.1).map(|deadline| deadline * 4);
        let plan = match life {
            0 => RunPlan {
                dropped: None,
                ..base.clone()
            },
            _ => RunPlan {
                wait: true,
                reconcile: base.reconcile != changes,
                starts_after: Duration::ZERO,
                deadline: deadline.or((endless && base.stalled_after.is_none()).then_some(LAST)),
                stop,
                end,
                dropped: None,
                ..base.clone()
            },
        };
        Self {
            after,
            death,
            resubmit,
            plan,
        }
    }
}
