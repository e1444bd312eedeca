//! Whether whoever reads the records is told what the run itself told.

use ecs_ops::journal::Replay;
use ecs_ops::{Event, Stopped};

use super::{Checker, ManyLives};

impl Checker<'_> {
    /// Each process that came to its end, against its records.
    pub(super) fn is_told_by_its_records(&mut self, many: ManyLives<'_>) {
        if !many.extras.journal || many.lived.unreadable.is_some() {
            return;
        }
        let mut replay = Replay::default();
        let mut told = Vec::new();
        for entry in &many.lived.entries {
            match replay.apply(entry.clone()) {
                Ok(events) => told.push(events),
                Err(error) => {
                    return self.hold(false, || format!("the records are refused: {error}"));
                }
            }
        }
        for (index, life) in many.lived.lives.iter().enumerate() {
            let Some(report) = life.played.report.as_ref() else {
                continue;
            };
            // Nothing more was written then.
            if matches!(
                report.stopped,
                Some(Stopped::JournalFailed(_) | Stopped::Suspended)
            ) {
                continue;
            }
            let records = told.get(life.wrote.clone()).unwrap_or_default();
            let by_records = recorded(records.iter().flatten());
            let by_run = recorded(life.events.iter().map(|(_, event)| event));
            let missing = without(&by_run, &by_records);
            let mut added = without(&by_records, &by_run);
            // Requests that the end of the run cut off are in its report, without an event.
            added.retain(|text| !text.contains(" not_attempted "));
            if report.stopped.is_some() {
                // It may have been stopped between a record and its event.
                added.retain(|text| !text.starts_with("wave "));
            }
            self.hold(missing.is_empty() && added.is_empty(), || {
                format!("life {index}: its records lack {missing:#?} and add {added:#?}")
            });
        }
    }
}

fn without(all: &[String], known: &[String]) -> Vec<String> {
    let mut rest = known.to_vec();
    let is_left = |text: &&String| match rest.iter().position(|known| known == *text) {
        Some(place) => {
            rest.swap_remove(place);
            false
        }
        None => true,
    };
    all.iter().filter(is_left).cloned().collect()
}

/// The events that are in records, in one order: what is recorded together may be told in another one.
fn recorded<'a>(events: impl Iterator<Item = &'a Event>) -> Vec<String> {
    let text = |event: &Event| {
        Some(match event {
            Event::ServerDone(server) => {
                let (id, outcome, first) = (server.id, &server.outcome, &server.escalated);
                // Of a problem, records keep what people read.
                let error = outcome.error().map(|error| (&error.code, &error.message));
                let first = first.as_ref().map(|error| (&error.code, &error.message));
                let (name, job_id) = (outcome.name(), outcome.job_id());
                format!("done {id} {name} {job_id:?} {error:?} {first:?}")
            }
            // How many servers a resumed wave has depends on what its process does about lost answers.
            Event::WaveBegan { wave, .. } => format!("wave {wave} began"),
            Event::Submitting { .. }
            | Event::Accepted { .. }
            | Event::JobFound { .. }
            | Event::Resumed { .. }
            | Event::WaveRechecked { .. }
            | Event::HealthChecked { .. }
            | Event::Answered { .. }
            | Event::Escalating { .. } => format!("{event:?}"),
            _ => return None,
        })
    };
    let mut texts: Vec<String> = events.filter_map(text).collect();
    texts.sort_unstable();
    texts
}
