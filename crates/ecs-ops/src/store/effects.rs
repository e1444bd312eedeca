//! The effects of a record on quota and leases. Pure.

use ecs_model::ServerId;

use crate::journal::{OutcomeKind, Record};

/// The changes of quota and leases that a record makes. Requests are counted from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Their share of the quota is held for a window from now on.
    pub answered: Vec<i32>,
    /// Their share of the quota is given back: they were certainly not counted.
    pub freed: Vec<i32>,
    /// They are over, and their servers were not acted on: their leases end.
    pub over: Vec<i32>,
    /// The outcome of these servers is known: their leases end.
    pub released: Vec<ServerId>,
    /// The run has ended: all of its leases end.
    pub ended: bool,
}

impl Effects {
    /// Returns the effects of this record.
    pub fn of(record: &Record) -> Self {
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
                // A server with an unknown outcome may still be at work.
                let known = servers
                    .iter()
                    .filter(|server| server.outcome != OutcomeKind::Unknown);
                effects.released = known.map(|server| server.id).collect();
            }
            Record::Ended {} => effects.ended = true,
            _ => {}
        }
        effects
    }
}

/// The number of a request, as the store has it.
pub(crate) fn number(request: usize) -> i32 {
    i32::try_from(request).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
