//! Records of actions in the sweep: late, unreadable, and of other users.

use std::collections::HashSet;
use std::time::Duration;

use ecs_ops::model::{RebootType, ServerId};
use ecs_sim::{Action, ActionRecords, OtherAction, SimTransport, TraceAccess};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Subject;
use super::draw::pick;

/// The records of the region, and the actions of other users.
#[derive(Clone, Debug)]
pub(super) struct RecordsPlan {
    pub(super) readable: ActionRecords,
    /// The shortest and the longest delay of a record, in seconds.
    pub(super) delay: (u64, u64),
    pub(super) others: Vec<OtherAction>,
    /// The access to traces of Cloud Trace Service, and the shortest and the longest delay of one,
    /// in seconds.
    pub(super) traces: TraceAccess,
    pub(super) trace_delay: (u64, u64),
}

impl RecordsPlan {
    /// Drawn separately from the rest, so that nothing else of a seed changes.
    pub(super) fn draw(seed: u64, servers: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x7265_636f_7264_7321);
        let rng = &mut rng;
        let readable = [
            ActionRecords::Readable,
            ActionRecords::Readable,
            ActionRecords::Readable,
            ActionRecords::Denied,
            ActionRecords::Absent,
        ];
        let count = if rng.random_bool(0.3) {
            rng.random_range(1..6)
        } else {
            0
        };
        let other = |_| OtherAction {
            at: Duration::from_millis(rng.random_range(0..200_000)),
            place: rng.random_range(0..servers.max(1)),
            action: Action::Reboot(pick(rng, &[RebootType::Soft, RebootType::Hard])),
        };
        let others = (0..count).map(other).collect();
        Self {
            readable: pick(rng, &readable),
            // Beyond the reconciliation, records can be three times as late as others.
            delay: pick(rng, &[(0, 0), (0, 5), (20, 60), (200, 600)]),
            others,
            traces: pick(
                rng,
                &[
                    TraceAccess::Readable,
                    TraceAccess::Readable,
                    TraceAccess::WithoutJobs,
                    TraceAccess::NotEnabled,
                    TraceAccess::Denied,
                    TraceAccess::Absent,
                ],
            ),
            trace_delay: pick(rng, &[(0, 0), (0, 5), (20, 60), (200, 600)]),
        }
    }

    /// Returns the servers on which others acted or were to act.
    pub(super) fn servers(&self, sim: &SimTransport) -> HashSet<ServerId> {
        sim.region().with(|region| {
            let servers: Vec<_> = region.servers().collect();
            let places = self.others.iter().map(|other| other.place);
            places
                .filter_map(|place| servers.get(place).copied())
                .collect()
        })
    }
}

/// The real client, while others act on the same servers.
#[derive(Clone, Copy, Debug)]
pub struct Crowded;

impl Subject for Crowded {
    fn others_act(&self) -> bool {
        true
    }

    fn extras(&self) -> f64 {
        0.0
    }
}

/// The real client whose runs all reconcile, with readable or unreadable records; no other user acts.
#[derive(Clone, Copy, Debug)]
pub struct Reconciling {
    /// `true` if the records are readable.
    pub records: bool,
}

impl Subject for Reconciling {
    fn records(&self) -> Option<bool> {
        Some(self.records)
    }
}
