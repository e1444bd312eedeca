//! The clients of one project: of the service, and of the services beside it.

use std::sync::Arc;
use std::time::Duration;

use ecs_ops::auth::CredentialsProvider;
use ecs_ops::model::ProjectId;
use ecs_ops::transport::HyperTransport;
use ecs_ops::{Client, Endpoint, RetryPolicy};

use super::Settings;
use super::neighbours::{self, Neighbour};
use crate::args::Global;
use crate::fail::CliError;
use crate::term::Printer;

/// The time within which attempts begin with [`Settings::fails_soon`].
const FIRST_ANSWER: Duration = Duration::from_secs(2);

/// The common settings of the clients of a project.
#[derive(Debug)]
pub(crate) struct Clients<'a> {
    pub(crate) project: ProjectId,
    pub(crate) provider: Arc<dyn CredentialsProvider>,
    pub(crate) transport: HyperTransport,
    pub(crate) settings: &'a Settings,
    /// The speed of the service's clock.
    pub(crate) speed: f64,
}

impl Clients<'_> {
    /// Returns the client of the service at this endpoint.
    pub(crate) fn at(&self, endpoint: Endpoint) -> Result<Client, CliError> {
        let settings = self.settings;
        let mut builder = Client::builder(endpoint, self.project.clone())
            .credentials(Arc::clone(&self.provider))
            .transport(self.transport.clone())
            .time_factor(self.speed)
            .user_agent(concat!("ecsctl/", env!("CARGO_PKG_VERSION")));
        if let Some(timeout) = settings.attempt_timeout {
            builder = builder.attempt_timeout(timeout);
        }
        if let Some(servers) = settings.servers_per_minute {
            builder = builder.servers_per_minute(servers);
        }
        if settings.fails_soon {
            builder = builder.retry(RetryPolicy::default().with_max_first_read_time(FIRST_ANSWER));
        }
        builder
            .build()
            .map_err(|error| CliError::usage(error.problem().to_string()))
    }

    /// Returns the client of a service beside ECS, if its address is known.
    pub(crate) fn beside(
        &self,
        neighbour: Neighbour,
        global: &Global,
        ecs: &Endpoint,
        printer: &Printer,
    ) -> Result<Option<Client>, CliError> {
        let endpoint = neighbours::endpoint(neighbour, global, ecs, printer)?;
        endpoint.map(|endpoint| self.at(endpoint)).transpose()
    }
}
