//! Auto-scaling groups, as far as restarts of their members need them.

use std::ops::Range;

/// An auto-scaling group. It does not act on unhealthy members here.
///
/// ```
/// use ecs_sim::{Region, ScalingGroup};
///
/// let region = Region::builder()
///     .servers(10)
///     .scaling_group(ScalingGroup::new("web", 0..3))
///     .scaling_group(ScalingGroup::new("batch", 3..5).paused())
///     .build()?;
/// # Ok::<_, ecs_sim::SimError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalingGroup {
    pub(crate) name: String,
    pub(crate) members: Range<usize>,
    pub(crate) status: &'static str,
}

impl ScalingGroup {
    /// Creates a group in service, with the servers at these places of the list, from 0, as
    /// instances that it created.
    pub fn new(name: impl Into<String>, members: Range<usize>) -> Self {
        Self {
            name: name.into(),
            members,
            status: "INSERVICE",
        }
    }

    /// Disables the group: it removes no members.
    #[must_use]
    pub fn paused(mut self) -> Self {
        self.status = "PAUSED";
        self
    }
}
