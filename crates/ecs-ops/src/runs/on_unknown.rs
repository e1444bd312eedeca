//! The policy for servers whose outcome is unknown.

use super::state::UnknownPolicy;

/// The policy of a run for servers whose outcome is unknown: the answer to their request was lost, so
/// they may or may not have been acted on. As JSON `"report"`, `"reconcile"` and so on.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnUnknown {
    /// Reports them as unknown.
    #[default]
    Report,
    /// Lists them, until [`reconcile_after`](crate::RunBuilder::reconcile_after). A server that
    /// changed since the request was sent and is at rest in the wanted state succeeded. A server
    /// that is as it was before the run, while no other server of its request changed, was not
    /// attempted. All others stay unknown.
    ///
    /// Listing a large project takes one query for each 200 servers.
    Reconcile,
    /// Sends them again, once. **They may be restarted twice.**
    Resubmit,
    /// Lists them, and sends again, once, those that are still unknown then or were certainly not
    /// attempted. **They may be restarted twice.**
    ReconcileThenResubmit,
}

impl OnUnknown {
    /// The one of two settings, for programs that have a flag for each.
    pub fn of(reconcile: bool, resubmit: bool) -> Self {
        match (reconcile, resubmit) {
            (false, false) => Self::Report,
            (true, false) => Self::Reconcile,
            (false, true) => Self::Resubmit,
            (true, true) => Self::ReconcileThenResubmit,
        }
    }
}

impl From<OnUnknown> for UnknownPolicy {
    fn from(on_unknown: OnUnknown) -> Self {
        let (reconcile, resubmit) = match on_unknown {
            OnUnknown::Report => (false, false),
            OnUnknown::Reconcile => (true, false),
            OnUnknown::Resubmit => (false, true),
            OnUnknown::ReconcileThenResubmit => (true, true),
        };
        Self {
            reconcile,
            resubmit,
        }
    }
}
