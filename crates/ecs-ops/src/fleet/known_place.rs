//! The facts that a client has learned about the place that it reads servers from.

use std::sync::{Mutex, PoisonError};

use ecs_auth::Operator;
use ecs_client::Endpoint;

/// The support of a way of reading servers at a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Support {
    /// It is not known: a try shows it.
    #[default]
    Untried,
    /// It is documented, or a try has shown it.
    Yes,
    /// A try has shown that it does not.
    No,
}

/// A fact about the place that servers are read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PlaceFacts {
    /// The list takes the ids of the servers wanted: `server_id`.
    pub(crate) id_filter: Support,
    /// Single servers can be queried.
    pub(crate) single_queries: Support,
    /// The number of servers in the project.
    pub(crate) project_servers: Option<usize>,
}

/// The facts that a client has learned about the place that it reads servers from.
#[derive(Debug)]
pub(crate) struct KnownPlace(Mutex<PlaceFacts>);

impl KnownPlace {
    /// Before anything was read: what the operator documents.
    pub(crate) fn of(endpoint: &Endpoint) -> Self {
        let operator = Operator::of_address(&endpoint.to_string()).map(Operator::id);
        let id_filter = match operator {
            Some("huaweicloud" | "huaweicloud-eu") => Support::Yes,
            Some("otc" | "otc-swiss") => Support::No,
            _ => Support::Untried,
        };
        Self(Mutex::new(PlaceFacts {
            id_filter,
            ..PlaceFacts::default()
        }))
    }

    /// Notes the number of servers in the list of the project.
    pub(crate) fn set_project_servers(&self, servers: usize) {
        self.update(|place| place.project_servers = Some(servers));
    }

    pub(super) fn get(&self) -> PlaceFacts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut PlaceFacts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
