//! Groups of auto-scaling, as far as restarting their members needs them.

use std::ops::Range;

/// A group of auto-scaling. What it would do to unhealthy members it does not do here.
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
    /// Creates a group that is in service, of the servers at these places of the list, from 0. It
    /// made them itself.
    pub fn new(name: impl Into<String>, members: Range<usize>) -> Self {
        Self {
            name: name.into(),
            members,
            status: "INSERVICE",
        }
    }

    /// Disabled: it removes no members.
    #[must_use]
    pub fn paused(mut self) -> Self {
        self.status = "PAUSED";
        self
    }
}
