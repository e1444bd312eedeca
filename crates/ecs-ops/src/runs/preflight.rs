//! The first read of a run, before it sends anything: it shows whether what answers is
//! the service.

use std::time::Duration;

use ecs_client::Problem;

use crate::event::Event;
use crate::{Client, Error, ErrorKind};

/// The result of the read.
#[derive(Debug, Default)]
pub(super) struct Preflight {
    /// A warning that does not stop the run.
    pub(super) events: Vec<Event>,
    /// The reason why nothing can be sent.
    pub(super) obstacle: Option<Obstacle>,
}

/// The reason why nothing can be sent. All servers are then not attempted.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// The service refused the credentials, or there are none.
    Credentials(Problem),
    /// Nothing could be read from the service.
    Unreachable(Problem),
}

impl Preflight {
    /// Reads, for at most this long.
    ///
    /// # Errors
    /// [`ErrorKind::NotTheService`].
    pub(super) async fn run(client: &Client, limit: Option<Duration>) -> Result<Self, Error> {
        let core = &client.0.core;
        let check = match limit {
            Some(limit) => tokio::time::timeout(limit, core.check_service()).await,
            None => Ok(core.check_service().await),
        };
        let mut preflight = Self::default();
        match check {
            // The deadline has come: the run ends before it sends anything.
            Err(_) => {}
            Ok(Ok(check)) => {
                if let Some(servers) = check.servers {
                    let servers = usize::try_from(servers).unwrap_or(usize::MAX);
                    client.0.place.set_project_servers(servers);
                }
                let cached = check.cached.map(|error| {
                    error.because(
                        "a cache answers in place of the service, so lists of servers prove nothing",
                    )
                });
                let refused = check.refused.map(|error| {
                    error.because("the service did not list a server before the first request")
                });
                let warnings = refused.into_iter().chain(cached);
                preflight.events = warnings
                    .map(|error| Event::ServiceWarning { error })
                    .collect();
            }
            Ok(Err(error)) => preflight.obstacle = Some(obstacle(error)?),
        }
        Ok(preflight)
    }
}

fn obstacle(error: Error) -> Result<Obstacle, Error> {
    let problem = error.problem().clone();
    match error.kind() {
        ErrorKind::NotTheService => {
            const MESSAGE: &str = "nothing was sent";
            let problem = problem.because(MESSAGE);
            Err(Error::new(ErrorKind::NotTheService, problem).caused_by(MESSAGE, error))
        }
        ErrorKind::Credentials => Ok(Obstacle::Credentials(problem)),
        _ => Ok(Obstacle::Unreachable(problem)),
    }
}

#[cfg(test)]
mod tests;
