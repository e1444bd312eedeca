//! The consequence of a refused request for its servers.

use ecs_client::{Classification, Problem};
use ecs_model::{ErrorInfo, Executed, ServerId};

use super::{RequestState, RunState};
use crate::event::Event;
use crate::report::Stopped;

/// The scope of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The request as a whole: smaller ones would be refused alike.
    Request,
    /// The number of servers in the request.
    TooManyServers,
    /// Possibly some of its servers only.
    Servers,
    /// A permission, which may differ by server.
    Permission,
}

const TOO_MANY_SERVERS: &str = "Ecs.0118";
const FORBIDDEN: u16 = 403;
/// Permissions that policies can grant for some servers and not for others.
const PERMISSIONS: &[&str] = &["Ecs.0003", "Ecs.0110", "Pdp.0001"];
/// Malformed requests, and quotas.
const ABOUT_THE_REQUEST: &[&str] = &[
    "Common.0002",
    "Ecs.0001",
    "Ecs.0005",
    "Ecs.0013",
    "Ecs.0021",
    "Ecs.0913",
];
/// The statuses with which a service refuses because of an object in a request. 412 and 424 are about
/// a condition that it does not meet, 423 is a lock.
const ABOUT_AN_OBJECT: &[u16] = &[400, 403, 404, 409, 410, 412, 422, 423, 424];

/// Decides what a refusal that proves that nothing was executed is about. Pure.
pub(super) fn scope(
    classification: Classification,
    error: &Problem,
    servers: &[ServerId],
) -> Scope {
    let code = error.code.as_deref().unwrap_or_default();
    let info = ErrorInfo::of(code);
    let maybe_executed = |info: &ErrorInfo| info.disposition.executed != Executed::No;
    let named = named(error, servers).len();
    let names_some = named > 0 && named < servers.len();
    let object = match error.status() {
        Some(status) => names_some || ABOUT_AN_OBJECT.contains(&status),
        // A request without an answer was refused by the client itself.
        None => info.is_some(),
    };
    if !object || info.is_some_and(maybe_executed) || ErrorInfo::is_of_gateway(code) {
        return Scope::Request;
    }
    let is = |known: &str| known.eq_ignore_ascii_case(code);
    match classification {
        Classification::RefusedCredentials => {
            let undocumented = info.is_none() && error.status() == Some(FORBIDDEN);
            if undocumented || PERMISSIONS.iter().any(|known| is(known)) {
                Scope::Permission
            } else {
                Scope::Request
            }
        }
        Classification::Refused if is(TOO_MANY_SERVERS) => Scope::TooManyServers,
        Classification::Refused if ABOUT_THE_REQUEST.iter().any(|known| is(known)) => {
            if names_some {
                Scope::Servers
            } else {
                Scope::Request
            }
        }
        Classification::Refused => Scope::Servers,
        _ => Scope::Request,
    }
}

/// The servers that a refusal names.
fn named(error: &Problem, servers: &[ServerId]) -> Vec<ServerId> {
    let message = error.message.to_ascii_lowercase();
    let named = |id: &&ServerId| message.contains(&id.to_string().to_ascii_lowercase());
    servers.iter().filter(named).copied().collect()
}

impl RunState {
    /// A request was refused. Returns the event of its split, if its servers are sent again in
    /// smaller requests.
    pub(super) fn split_refused(
        &mut self,
        index: usize,
        classification: Classification,
        error: &Problem,
    ) -> Option<Event> {
        let servers = self.servers(index).to_vec();
        let scope = scope(classification, error, &servers);
        self.queue.refused();
        if scope == Scope::Request || servers.len() < 2 || self.queue.gives_up().is_some() {
            return None;
        }
        // The only place where servers are sent again after a refusal: only on proof.
        match scope {
            Scope::TooManyServers => self.queue.too_many(servers.clone()),
            _ => {
                let named = named(error, &servers);
                self.queue.split(servers.clone(), &named);
            }
        }
        if let Some(request) = self.requests.get_mut(index) {
            request.state = RequestState::Ended;
        }
        Some(Event::Split {
            request: index + 1,
            servers: servers.len(),
            error: error.clone(),
        })
    }

    /// Notes that a request was refused and is not split. Returns whether its servers are to blame,
    /// and the event of a stop.
    pub(super) fn end_refused(
        &mut self,
        index: usize,
        classification: Classification,
        error: &Problem,
    ) -> (bool, Option<Event>) {
        let servers = self.servers(index);
        let scope = scope(classification, error, servers);
        // A request that could have been split says nothing about each of its servers.
        let blames_servers = scope == Scope::Request || servers.len() < 2;
        if classification == Classification::RefusedCredentials {
            match scope {
                // Other servers may be permitted.
                Scope::Permission => self.refused = self.refused.take().or(Some(error.clone())),
                // Other requests would be refused alike.
                _ => self.refuse(error.clone()),
            }
        }
        let gives_up = self.queue.gives_up().filter(|_| self.halted.is_none());
        let Some(refusals) = gives_up else {
            return (blames_servers, None);
        };
        let reason = format!("the service refused {refusals} requests in a row");
        let last = error.clone().because(&reason);
        self.halt(last.clone().because("not sent"));
        let event = Event::stopping(Stopped::Refused(last));
        (blames_servers, Some(event))
    }
}

#[cfg(test)]
mod tests;
