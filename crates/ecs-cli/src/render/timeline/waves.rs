//! The waves of a rolling run, from its journal.

use std::collections::HashMap;

use ecs_ops::journal::Recovered;
use ecs_ops::model::ServerId;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::builder::TimelineBuilder;
use super::{Server, Summary};

/// A wave with the outcomes of its servers.
#[derive(Debug, Serialize)]
pub(crate) struct Wave {
    /// Counted from 1.
    pub(crate) wave: usize,
    pub(crate) began: Option<Timestamp>,
    /// The time at which all of its servers had an outcome.
    pub(crate) over: Option<Timestamp>,
    /// The health checks after the wave, in their order. A resumed run checks again.
    pub(crate) checks: Vec<Health>,
    pub(crate) summary: Summary,
    /// The number of its servers that were restarted hard after a soft restart.
    pub(crate) restarted_hard: usize,
}

/// The result of a health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Health {
    pub(crate) at: Timestamp,
    pub(crate) healthy: bool,
    /// The message; empty for a check that passed without one.
    #[serde(rename = "words")]
    pub(crate) text: String,
}

impl Wave {
    /// Returns the time from the beginning of the wave to its last outcome.
    pub(crate) fn took(&self) -> Option<SignedDuration> {
        Some(self.over?.duration_since(self.began?))
    }

    /// Describes the health checks, such as `bad: message (2 times), then good`.
    pub(crate) fn health(&self) -> String {
        let same = |one: &Health, next: &Health| one.text() == next.text();
        let descriptions = self.checks.chunk_by(same).filter_map(|same| {
            let text = same.first()?.text();
            Some(match same.len() {
                1 => text,
                times => format!("{text} ({times} times)"),
            })
        });
        let descriptions: Vec<_> = descriptions.collect();
        if descriptions.is_empty() {
            "-".to_owned()
        } else {
            descriptions.join(", then ")
        }
    }
}

impl Health {
    pub(crate) fn text(&self) -> String {
        match (self.healthy, self.text.as_str()) {
            (true, _) => "good".to_owned(),
            (false, "") => "bad".to_owned(),
            (false, text) => format!("bad: {text}"),
        }
    }
}

/// Returns the waves, and the wave of each server: the last one that began with it, because a server that is in
/// several was removed from the others.
pub(super) fn of(
    recovered: &Recovered,
    builder: &TimelineBuilder,
    servers: &mut [Server],
) -> Vec<Wave> {
    let waves = recovered.waves();
    let in_waves = waves.iter().map(Vec::len).sum();
    let mut wave_of: HashMap<ServerId, u32> = HashMap::with_capacity(in_waves);
    for (wave, ids) in (0..).zip(waves) {
        let begun = usize::try_from(wave).is_ok_and(|wave| builder.began.contains_key(&wave));
        for id in ids {
            let known = wave_of.entry(*id).or_insert(wave);
            if begun {
                *known = wave;
            }
        }
    }
    let mut members: Vec<Vec<&Server>> = waves.iter().map(|_| Vec::new()).collect();
    for server in &mut *servers {
        let wave = wave_of.get(&server.report.id);
        server.wave = wave.map(|wave| wave + 1);
    }
    drop(wave_of);
    for server in &*servers {
        let index = server
            .wave
            .and_then(|wave| usize::try_from(wave).ok()?.checked_sub(1));
        let wave = index.and_then(|index| members.get_mut(index));
        wave.into_iter().for_each(|wave| wave.push(server));
    }
    let wave = |(index, members): (usize, Vec<&Server>)| {
        let summary = Summary::of(members.iter().copied());
        let hard = members
            .iter()
            .filter(|server| server.report.escalated.is_some());
        let over = summary.running + summary.not_attempted == 0;
        let ends = members
            .iter()
            .map(|server| builder.concluded(server.report.id));
        Wave {
            wave: index + 1,
            began: builder.began.get(&index).copied(),
            over: ends.max().flatten().filter(|_| over),
            checks: builder.checked.get(&index).cloned().unwrap_or_default(),
            summary,
            restarted_hard: hard.count(),
        }
    };
    members.into_iter().enumerate().map(wave).collect()
}
