//! The settings of a run that is replayed.

use super::*;

#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) servers: usize,
    pub(super) size: usize,
    pub(super) policy: (bool, bool),
    pub(super) verify: bool,
    pub(super) escalate: bool,
    /// The servers of a wave, and how many may fail.
    pub(super) waves: Option<(usize, Option<usize>)>,
    pub(super) recheck: Option<WaveRecheck>,
}

impl Settings {
    pub(super) fn ids(self) -> Vec<ServerId> {
        (0..self.servers).map(id).collect()
    }

    pub(super) fn rolling(self) -> Option<Rolling> {
        let (size, max_failures) = self.waves?;
        let rules = Rules {
            max_failures: max_failures.map(CountOrPercent::Count),
            pause: Duration::ZERO,
            canary: Some(AfterCanary::Ask),
            check_health: true,
            ..Rules::default()
        };
        let waves = self.ids().chunks(size).map(<[ServerId]>::to_vec).collect();
        Some(Rolling::new(waves, rules))
    }

    pub(super) fn options(self, rolling: Option<Rolling>) -> RunOptions {
        let (reconcile, resubmit) = self.policy;
        RunOptions {
            on_unknown: UnknownPolicy {
                reconcile,
                resubmit,
            },
            escalate_after: self.escalate.then_some(Duration::ZERO),
            rolling,
            recheck: self.recheck,
            ..RunOptions::default()
        }
    }

    /// The plan for these servers, or for those among them that remaining waves have.
    pub(super) fn plan(self, servers: &[ServerId], rolling: Option<&Rolling>) -> RequestPlan {
        let action = PowerAction::Reboot(RebootType::Soft);
        let Some(rolling) = rolling else {
            return RequestPlan::new(action, servers, self.size);
        };
        let is_left = |id: &&ServerId| servers.contains(id);
        let left = |(_, wave): (usize, &[ServerId])| wave.iter().filter(is_left).copied().collect();
        let waves: Vec<_> = rolling.remaining().map(left).collect();
        RequestPlan::in_waves(action, waves.iter().map(Vec::as_slice), self.size)
    }
}

pub(super) fn settings() -> impl Strategy<Value = Settings> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let recheck = prop_oneof![
        Just(None),
        Just(Some(WaveRecheck::skip())),
        Just(Some(WaveRecheck::stop()))
    ];
    let waves = prop::option::of((1_usize..6, prop::option::of(0_usize..3)));
    let strategy = (1_usize..12, 1_usize..5, flags, waves, recheck);
    strategy.prop_map(|(servers, size, flags, waves, recheck)| {
        let (reconcile, resubmit, verify, escalate) = flags;
        Settings {
            servers,
            size,
            policy: (reconcile, resubmit),
            verify,
            escalate,
            waves,
            recheck,
        }
    })
}
