//! The waves of a rolling run, as far as its journal goes.

use std::collections::HashMap;

use ecs_ops::journal::Recovered;
use ecs_ops::model::ServerId;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::story::Story;
use super::{Server, Summary};

/// One wave, and what became of its servers.
#[derive(Debug, Serialize)]
pub(crate) struct Wave {
    /// Counted from 1.
    pub(crate) wave: usize,
    pub(crate) began: Option<Timestamp>,
    /// When nothing more was to be awaited of its servers.
    pub(crate) over: Option<Timestamp>,
    /// The health checks after it, in their order: whoever goes on checks again.
    pub(crate) checks: Vec<Health>,
    pub(crate) summary: Summary,
    /// How many of its servers were restarted hard after a soft restart.
    pub(crate) restarted_hard: usize,
}

/// What a health check said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Health {
    pub(crate) at: Timestamp,
    pub(crate) healthy: bool,
    /// Nothing if all was well.
    #[serde(rename = "words")]
    pub(crate) text: String,
}

impl Wave {
    /// From its beginning to its last verdict.
    pub(crate) fn took(&self) -> Option<SignedDuration> {
        Some(self.over?.duration_since(self.began?))
    }

    /// What its checks said, such as `bad: words (2 times), then good`.
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
        match descriptions.is_empty() {
            true => "-".to_owned(),
            false => descriptions.join(", then "),
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

/// The waves, and to each server the one that it is in: of several that have begun the last one, since it was left by the
/// others.
pub(super) fn of(recovered: &Recovered, story: &Story, servers: &mut [Server]) -> Vec<Wave> {
    let waves = recovered.waves();
    let mut wave_of: HashMap<ServerId, usize> = HashMap::new();
    for (wave, ids) in waves.iter().enumerate() {
        let begun = story.began.contains_key(&wave);
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
    for server in &*servers {
        let wave = server.wave.and_then(|wave| members.get_mut(wave - 1));
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
            .map(|server| story.concluded.get(&server.report.id));
        Wave {
            wave: index + 1,
            began: story.began.get(&index).copied(),
            over: ends.max().flatten().copied().filter(|_| over),
            checks: story.checked.get(&index).cloned().unwrap_or_default(),
            summary,
            restarted_hard: hard.count(),
        }
    };
    members.into_iter().enumerate().map(wave).collect()
}
