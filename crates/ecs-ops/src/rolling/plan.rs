//! Plans waves.

use std::collections::{HashMap, VecDeque};

use ecs_model::ServerId;
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use super::CountOrPercent;
use crate::Error;

/// A server, with what the plan of a rolling run may depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// The server.
    pub id: ServerId,
    /// Its name, for [`Order::ByName`].
    pub name: Option<String>,
    /// Its availability zone, host or other group: no wave takes all servers of a group.
    pub group: Option<String>,
}

impl Member {
    /// A server without name and group.
    pub fn new(id: ServerId) -> Self {
        Self {
            id,
            name: None,
            group: None,
        }
    }

    /// With its name.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// In a group.
    pub fn in_group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }
}

/// The order of servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// The given order.
    #[default]
    AsGiven,
    /// A random order.
    Random {
        /// The same seed gives the same order.
        seed: u64,
    },
    /// By name, compared byte by byte; servers without a name come last.
    ByName,
}

/// The waves of a rolling run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waves {
    /// The servers of each wave, in the order in which they are submitted.
    pub waves: Vec<Vec<ServerId>>,
    /// The groups with a single server, sorted by name. A wave unavoidably takes all of such a
    /// group.
    pub single: Vec<String>,
    /// `Some(true)` if they were planned with a canary; `None` if they were not planned here.
    pub(crate) has_canary: Option<bool>,
}

impl Waves {
    /// Waves that were planned before, or by other means. With
    /// [`Rules::canary`](super::Rules::canary) the first of them is the canary.
    pub fn of(waves: Vec<Vec<ServerId>>) -> Self {
        Self {
            waves,
            single: Vec::new(),
            has_canary: None,
        }
    }

    /// Plans waves of at most `wave` servers (a percentage is at least one server); the first one
    /// has `canary`, which [`Rules::canary`](super::Rules::canary) goes with.
    ///
    /// A wave never takes all members of a group of two or more: the last one moves to the next
    /// wave. Otherwise the order is unchanged.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid): a wave or canary of zero servers, a canary
    /// larger than the waves that follow it.
    pub fn plan(
        members: &[Member],
        wave: CountOrPercent,
        canary: Option<usize>,
        order: Order,
    ) -> Result<Self, Error> {
        if matches!(wave, CountOrPercent::Count(0) | CountOrPercent::Percent(0)) {
            return Err(Error::invalid("a wave needs at least one server"));
        }
        if let CountOrPercent::Percent(percent @ 101..) = wave {
            return Err(Error::invalid(format!(
                "a wave of {percent}% is more than all servers"
            )));
        }
        if canary == Some(0) {
            return Err(Error::invalid("a canary needs at least one server"));
        }
        let size = wave.of(members.len()).max(1);
        if let Some(canary) = canary.filter(|canary| *canary > size && members.len() > size) {
            return Err(Error::invalid(format!(
                "a canary of {canary} is larger than the waves of {size} that follow it"
            )));
        }
        let mut sizes: HashMap<&str, usize> = HashMap::new();
        for group in members.iter().filter_map(|member| member.group.as_deref()) {
            *sizes.entry(group).or_default() += 1;
        }
        let mut waiting: VecDeque<&Member> = ordered(members, order).into();
        let mut waves: Vec<Vec<ServerId>> = Vec::new();
        while !waiting.is_empty() {
            let size = match canary {
                Some(canary) if waves.is_empty() => canary.min(size),
                _ => size,
            };
            let mut taken: HashMap<&str, usize> = HashMap::new();
            let mut wave = Vec::new();
            let mut later = Vec::new();
            while wave.len() < size
                && let Some(member) = waiting.pop_front()
            {
                if let Some(group) = member.group.as_deref() {
                    let all = sizes.get(group).copied().unwrap_or(0);
                    let taken = taken.entry(group).or_default();
                    if all > 1 && *taken + 1 == all {
                        later.push(member);
                        continue;
                    }
                    *taken += 1;
                }
                wave.push(member.id);
            }
            for member in later.into_iter().rev() {
                waiting.push_front(member);
            }
            waves.push(wave);
        }
        let mut single: Vec<_> = sizes
            .into_iter()
            .filter(|(_, members)| *members == 1)
            .map(|(group, _)| group.to_owned())
            .collect();
        single.sort_unstable();
        Ok(Self {
            waves,
            single,
            has_canary: Some(canary.is_some()),
        })
    }
}

pub(super) fn ordered(members: &[Member], order: Order) -> Vec<&Member> {
    let mut members: Vec<_> = members.iter().collect();
    match order {
        Order::AsGiven => {}
        Order::Random { seed } => members.shuffle(&mut ChaCha8Rng::seed_from_u64(seed)),
        Order::ByName => {
            members.sort_by_key(|member| (member.name.is_none(), member.name.as_deref()));
        }
    }
    members
}
