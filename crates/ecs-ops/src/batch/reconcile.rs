//! Looking at servers whose fate is unknown: when, and against what.

use std::collections::HashMap;
use std::time::Duration;

use ecs_model::{Server, ServerId, ServerStatus};
use tokio::time::Instant;

use super::evidence::{Sent, Snapshot};
use super::machine::Machine;
use crate::event::{Event, Sink};
use crate::journal::Seen;
use crate::report::Problem;
use crate::{Client, Error};

/// How long after a request of unknown fate its servers are looked at. What shows no trace then was not executed.
pub(super) const PATIENCE: Duration = Duration::from_secs(180);
/// The first pause before a look; each further one is twice as long, up to the longest.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);

/// What looking takes.
#[derive(Debug, Default)]
pub(super) struct Reconciler {
    /// The servers as they were before the run.
    before: Snapshot,
    /// Since when the fate of each batch is unknown.
    since: HashMap<usize, Instant>,
    looks: u32,
    underway: bool,
}

impl Reconciler {
    /// With what the journal says of the servers as they were before the run.
    pub(super) fn knowing(before: &[Seen]) -> Self {
        let seen = before.iter().map(|seen| {
            let mut server = Server::default();
            server.status = seen.status.as_deref().map(ServerStatus::from);
            server.task_state.clone_from(&seen.task);
            server.updated.clone_from(&seen.updated);
            (seen.id, server)
        });
        Self {
            before: seen.collect(),
            ..Self::default()
        }
    }

    /// The servers as they were before the run.
    pub(super) fn before(&self) -> Vec<Seen> {
        let seen = |(id, server): (&ServerId, &Server)| Seen {
            id: *id,
            status: server
                .status
                .as_ref()
                .map(|status| status.as_str().to_owned()),
            task: server.task_state.clone(),
            updated: server.updated.clone(),
        };
        let mut before: Vec<_> = self.before.iter().map(seen).collect();
        before.sort_unstable_by_key(|seen| seen.id);
        before
    }

    /// Looks at servers before anything is done to them. Gives back the refusal, if the credentials were refused.
    pub(super) async fn begin(
        &mut self,
        client: &Client,
        servers: &[ServerId],
        sink: &Sink,
    ) -> Option<Problem> {
        match list(client).await {
            Ok(mut all) => {
                let ours = servers.iter().filter_map(|id| all.remove_entry(id));
                self.before.extend(ours);
            }
            Err(error) => {
                let error = error.problem().clone();
                let refused = (error.status() == Some(401)).then(|| error.clone());
                sink.emit(Event::ListFailed { error });
                return refused;
            }
        }
        None
    }

    /// When to look next, if that is due to be arranged.
    pub(super) fn next_look(&mut self, client: &Client, machine: &Machine) -> Option<Instant> {
        let now = Instant::now();
        let doubtful = machine.doubtful();
        self.since
            .retain(|batch, _| doubtful.binary_search(batch).is_ok());
        for batch in &doubtful {
            if !self.since.contains_key(batch) {
                self.since.insert(*batch, now);
                self.looks = 0;
            }
        }
        if doubtful.is_empty() || self.underway {
            return None;
        }
        self.underway = true;
        let pause = FIRST.saturating_mul(1 << self.looks.min(8)).min(LONGEST);
        let pause = client.0.scaled(pause);
        let patience = client.0.scaled(PATIENCE);
        // A look that would come shortly before the last one is the last one.
        let last = self.since.values().map(|since| *since + patience).min()?;
        Some(match last > now && now + pause + pause / 2 > last {
            true => last,
            false => now + pause,
        })
    }

    /// The servers were listed, from `began` on: the list is no evidence of anything later.
    pub(super) fn looked(
        &mut self,
        client: &Client,
        machine: &mut Machine,
        began: Instant,
        listed: Result<Snapshot, Problem>,
    ) -> Vec<Event> {
        self.underway = false;
        self.looks = self.looks.saturating_add(1);
        let mut events = Vec::new();
        for batch in machine.doubtful() {
            let sent = machine.doubt(batch).and_then(Problem::sent);
            let clock = &client.0.clock;
            let sent = Sent {
                then: sent.and_then(|sent| sent.theirs),
                now: sent.and_then(|sent| clock.theirs(sent.ours)),
            };
            let Some(age) = self
                .since
                .get(&batch)
                .and_then(|since| began.checked_duration_since(*since))
            else {
                // It became doubtful while the list was underway.
                continue;
            };
            let listed = listed.as_ref();
            // A list that failed is not the last word, for a while.
            let patience = match listed {
                Ok(_) => PATIENCE,
                Err(_) => PATIENCE * 3,
            };
            let last = age >= client.0.scaled(patience);
            events.extend(machine.reconcile(batch, &self.before, listed, sent, last));
        }
        events
    }
}

/// All servers of the project.
pub(super) async fn list(client: &Client) -> Result<Snapshot, Error> {
    let servers = crate::fleet::servers_seen(client).await?;
    let with_id = |server: ecs_model::Server| Some((server.id?, server));
    Ok(servers.into_iter().filter_map(with_id).collect())
}
