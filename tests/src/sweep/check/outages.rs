//! Checks that a run stops sending into an outage.

use ecs_ops::model::ServerId;
use ecs_sim::{Asked, Exchange, Received};

use super::super::Played;
use super::Checker;
use super::reasons::{is_not_sent, is_unresolved};

/// The number of successive lost answers after which a run sends no whole request without an answer
/// in between.
const IN_A_ROW: usize = 3;

impl Checker<'_> {
    /// Returns the actions of a run, ordered by their beginning.
    fn actions_of<'a>(&'a self, run: &'a Played) -> Vec<(&'a Exchange, &'a [ServerId])> {
        let exchanges = self.trace.exchanges.iter();
        let mut actions: Vec<_> = exchanges
            .filter(|exchange| exchange.begun >= run.began && exchange.begun < run.until)
            .filter_map(|exchange| match &exchange.asked {
                Asked::Action(servers) => Some((exchange, servers.as_slice())),
                _ => None,
            })
            .filter(|(_, servers)| servers.iter().all(|id| run.servers.contains(id)))
            .collect();
        actions.sort_by_key(|(exchange, _)| exchange.begun);
        actions
    }

    /// Checks the number of requests of several servers that were sent after three lost answers in
    /// a row, without an answer in between: those that waited for the quota may still be sent.
    pub(super) fn slows_down_in_an_outage(&mut self, run: &Played) {
        let (mut worst, mut lost, mut sent) = (0, 0, 0);
        for (exchange, servers) in self.actions_of(run) {
            // The service received nothing: the same request is tried again.
            if is_not_sent(exchange) {
                continue;
            }
            let answered = matches!(exchange.ended, Some((_, Received::Answer(_))));
            if lost >= IN_A_ROW && servers.len() > 1 {
                sent += 1;
                worst = worst.max(sent);
            }
            if is_unresolved(exchange) {
                lost += 1;
            } else if answered {
                (lost, sent) = (0, 0);
            }
        }
        let allowed = self.scenario.submissions;
        self.hold(worst <= allowed, || {
            format!("{worst} requests were sent into an outage")
        });
    }

    /// Returns whether a run may have given up because of lost answers.
    pub(super) fn had_an_outage(&self, run: &Played) -> bool {
        let actions = self.actions_of(run);
        let unresolved = actions
            .iter()
            .filter(|(exchange, _)| is_unresolved(exchange));
        unresolved.count() >= IN_A_ROW
    }
}
