//! One region, used from several places.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Region;

/// A [`Region`] that a transport or a server works on and a test looks at. Clones are the same region.
///
/// ```
/// use ecs_sim::{Region, SharedRegion};
///
/// let region = SharedRegion::new(Region::builder().build()?);
/// let same = region.clone();
/// let first = region.with(|region| region.servers().next());
/// assert!(first.is_some_and(|id| same.with(|region| region.set_locked(&id, true))));
/// # Ok::<_, ecs_sim::SimError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SharedRegion(Arc<Mutex<Region>>);

impl SharedRegion {
    /// Shares a region.
    pub fn new(region: Region) -> Self {
        Self(Arc::new(Mutex::new(region)))
    }

    /// Looks at the region, or changes it. Requests wait meanwhile, so `look` should be quick, and must not call
    /// `with` itself.
    pub fn with<T>(&self, look: impl FnOnce(&mut Region) -> T) -> T {
        look(&mut self.lock())
    }

    /// Returns a panic in somebody's `with` leaves the region as it is at that point; it is not a
    /// reason for another.
    fn lock(&self) -> MutexGuard<'_, Region> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Region> for SharedRegion {
    fn from(region: Region) -> Self {
        Self::new(region)
    }
}
