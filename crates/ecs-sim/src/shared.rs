//! A region with several users.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Region;

/// A [`Region`] that a transport or a server uses and a test inspects. Clones are the same region.
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

    /// Calls `inspect` with the region, to read or change it. Requests wait meanwhile, so `inspect`
    /// should be quick, and must not call `with` itself.
    pub fn with<T>(&self, inspect: impl FnOnce(&mut Region) -> T) -> T {
        inspect(&mut self.lock())
    }

    /// Locks the region. A panic in another `with` leaves the region as it was at that point, and
    /// does not spread.
    fn lock(&self) -> MutexGuard<'_, Region> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Region> for SharedRegion {
    fn from(region: Region) -> Self {
        Self::new(region)
    }
}
