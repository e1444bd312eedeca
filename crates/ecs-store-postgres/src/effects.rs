//! What follows from a record for what the runs share. Pure.

use ecs_ops::journal::{OutcomeKind, Record};
use ecs_ops::model::ServerId;
use uuid::Uuid;

/// What a record changes beside itself. Requests are counted from 1.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Effects {
    /// Their share of the quota is held for a window from now on.
    pub(crate) answered: Vec<i32>,
    /// Their share of the quota is given back: they were certainly not counted.
    pub(crate) freed: Vec<i32>,
    /// They are over, and their servers were not acted on: their leases end.
    pub(crate) over: Vec<i32>,
    /// The outcome of these servers is known: their leases end.
    pub(crate) released: Vec<Uuid>,
    /// The run has ended: all of its leases end.
    pub(crate) ended: bool,
}

impl Effects {
    pub(crate) fn of(record: &Record) -> Self {
        let mut effects = Self::default();
        match record {
            Record::Accepted { request, .. } | Record::AnswerLost { request, .. } => {
                effects.answered.push(number(*request));
            }
            Record::NotExecuted {
                request,
                retry_after_ms,
                ..
            } => {
                effects.freed.push(number(*request));
                if retry_after_ms.is_none() {
                    effects.over.push(number(*request));
                }
            }
            Record::Outcomes { servers } => {
                // One that is unknown may still be at work.
                let known = servers
                    .iter()
                    .filter(|server| server.outcome != OutcomeKind::Unknown);
                effects.released = known.map(|server| uuid(&server.id)).collect();
            }
            Record::Ended {} => effects.ended = true,
            _ => {}
        }
        effects
    }
}

/// The id of a server, as the store has it.
pub(crate) fn uuid(id: &ServerId) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}

/// The number of a request, as the store has it.
pub(crate) fn number(request: usize) -> i32 {
    i32::try_from(request).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
