//! Builds the state of a resumed run from its journal.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{RequestState, RunOptions, RunRequest, RunState};
use crate::event::Event;
use crate::journal::{Purpose, Recovered};
use crate::runs::request_plan::RequestPlan;

/// The state that a resumed run starts from.
#[derive(Debug, Default)]
pub(crate) struct Resumption {
    /// The earlier steps, as events.
    pub(crate) known: Vec<Event>,
    /// The first new events.
    pub(crate) news: Vec<Event>,
    /// The time at which the last answer was lost, or the last job turned out not to report all of its servers.
    pub(crate) lost_answer_at: Option<Timestamp>,
    /// The time at which the pause between waves began that the run is in.
    pub(crate) pause_began: Option<Timestamp>,
    /// The servers sent before that may still count: how many, and when at the latest.
    pub(crate) counted: Vec<(usize, Timestamp)>,
}

impl RunState {
    /// The state of a resumed run; `plan` covers the servers that were never sent.
    pub(crate) fn resumed(
        plan: RequestPlan,
        recovered: &Recovered,
        options: RunOptions,
    ) -> (Self, Resumption) {
        let run = recovered.run();
        let mut state = Self::new(run.run_id.clone(), run.servers.clone(), plan, options);
        if let Some(waves) = &mut state.waves {
            waves.is_resumed = true;
        }
        let unsent = state.unsent().len();
        // Requests keep their numbers; new ones follow.
        let last = recovered.next_request().saturating_sub(1);
        let request = |number| {
            let known = recovered.request(number);
            let (servers, purpose) = known.map_or((Vec::new(), Purpose::First), |request| {
                (request.servers.clone(), request.purpose)
            });
            RunRequest::new(servers, purpose, RequestState::Ended)
        };
        state.requests = (1..=last).map(request).collect();
        state.planned = state.planned.saturating_add(last);
        let again = recovered.resubmitted();
        state.resubmitted = again.map(|(id, first)| (id, Some(first))).collect();
        state.ledger = recovered.ledger().clone().resumed();

        let escalating = recovered.escalating();
        let reports = run.servers.iter().filter_map(|id| {
            let outcome = state.ledger.outcomes.get(id)?.clone();
            Some(state.ledger.report_of(*id, outcome))
        });
        let mut known: Vec<_> = reports.map(Event::ServerDone).collect();
        let done = known.len();
        let accepted: HashMap<_, _> = recovered
            .accepted_requests()
            .into_iter()
            .map(|request| (request.request, request.servers.len()))
            .collect();
        for (place, job) in recovered.jobs().iter().enumerate() {
            // Servers that already have an outcome are among those of the request and keep it.
            if accepted.contains_key(&job.request) {
                state.replace(job.index(), RequestState::Accepted(place));
            }
            if job.is_found {
                for id in state.servers(job.index()).to_vec() {
                    state.exclude_from_escalation(id);
                }
            }
        }
        let watched = accepted.values().sum();
        let (mut news, mut unknown) = (Vec::new(), 0);
        for request in recovered.unknown_requests() {
            let index = request.request.saturating_sub(1);
            let (error, shows_change) = (request.problem(), request.shows_change);
            unknown += request.servers.len();
            if let Some(place) = state.requests.get_mut(index) {
                place.servers = request.servers;
                place.is_partial = request.is_partial;
            }
            news.extend(state.answer_lost(index, error));
            if shows_change {
                state.mark_changed(index);
            }
        }
        let resumed = Event::Resumed {
            done,
            watched,
            unknown,
            unsent: unsent + escalating.len(),
        };
        known.insert(0, resumed);
        known.extend(state.wave_underway());
        news.extend(state.queue_hard_restarts(escalating));
        let lost_answer_at = recovered.lost_answer_at();
        // Resuming may have changed what comes next.
        let next = recovered.rolling().map(|rolling| rolling.action());
        let is_same = state.next_action() == next;
        let pause_began = recovered.pause_began().filter(|_| is_same);
        let resumed = Resumption {
            known,
            news,
            lost_answer_at,
            pause_began,
            counted: Vec::new(),
        };
        (state, resumed)
    }
}
