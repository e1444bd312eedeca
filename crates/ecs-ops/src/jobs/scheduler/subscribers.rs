//! The subscribers of a job.

use super::SubscriberId;
use crate::jobs::compact_duration::CompactDuration;

#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) id: SubscriberId,
    pub(super) since: CompactDuration,
    pub(super) deadline: Option<CompactDuration>,
    pub(super) stall_limit: Option<CompactDuration>,
}

/// The subscribers of a job: mostly one, which is held in place.
#[derive(Debug, Default)]
pub(super) struct Subscribers {
    first: Option<Subscriber>,
    #[expect(
        clippy::box_collection,
        reason = "a pointer is smaller, and mostly there is none"
    )]
    others: Option<Box<Vec<Subscriber>>>,
}

impl Subscribers {
    pub(super) fn push(&mut self, subscriber: Subscriber) {
        match &mut self.first {
            None if self.others.is_none() => self.first = Some(subscriber),
            _ => self.others.get_or_insert_default().push(subscriber),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Subscriber> + Clone {
        self.first
            .iter()
            .chain(self.others.iter().flat_map(|others| others.iter()))
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Subscriber) -> bool) {
        self.first = self.first.take().filter(|subscriber| keep(subscriber));
        if let Some(others) = &mut self.others {
            others.retain(keep);
            if others.is_empty() {
                self.others = None;
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none() && self.others.is_none()
    }
}
