//! A check before the first action that the service itself answers at the endpoint.
//! acts.

use std::time::Duration;

use ecs_model::ListServersDetails;

use crate::context::RequestContext;
use crate::policy::Classification;
use crate::{Client, Error, ErrorKind, Problem, RequestError};

/// The time for which the service needs no second check.
const CHECKED_FOR: Duration = Duration::from_secs(60);

/// The result of [`Client::check_service`] if the service itself answered.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ServiceCheck {
    /// The service's refusal to list servers, in its own documented form. It may accept other requests.
    pub refused: Option<Problem>,
    /// The reason why the answer is not current, if a cache made it: lists may be old.
    pub cached: Option<Problem>,
    /// The number of servers of the project, as the answer counts them.
    pub servers: Option<u64>,
}

impl Client {
    /// Checks before the first action that the service itself answers, by one harmless read (a list
    /// of one server). The read is retried as every read. Within a minute after a successful check
    /// nothing is sent.
    ///
    /// # Errors
    /// - [`ErrorKind::NotTheService`]: a redirect of the whole site, a proxy that wants
    ///   credentials, a page of a proxy or a web server, another program.
    /// - [`ErrorKind::Credentials`]: the service refused the credentials, or there are none.
    /// - [`ErrorKind::Unreachable`], [`ErrorKind::Deadline`]: no answer shows who made it; a later
    ///   one may.
    ///
    /// ```
    /// # async fn example(client: ecs_client::Client) -> Result<(), ecs_client::Error> {
    /// let check = client.check_service().await?;
    /// if let Some(cached) = &check.cached {
    ///     eprintln!("warning: {cached}");
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn check_service(&self) -> Result<ServiceCheck, Error> {
        let identified = self.health().last_identified();
        if identified.is_some_and(|then| then.elapsed() < CHECKED_FOR) {
            return Ok(ServiceCheck::default());
        }
        let query = ListServersDetails::builder().limit(1).build()?;
        let mut context = RequestContext::read();
        let mut check = ServiceCheck::default();
        match self.execute(&query, &mut context).await {
            Ok(page) => {
                check.servers = page.count;
                let cached = context.stale();
                check.cached = cached.map(|stale| Problem::new(stale.to_string()));
            }
            Err(error) => {
                check.refused = Some(refusal(error)?);
                self.health().identified();
            }
        }
        Ok(check)
    }
}

/// Returns the refusal, if the service itself refused the read and may still accept other requests.
fn refusal(error: RequestError) -> Result<Problem, Error> {
    let Some(status) = error.status() else {
        return Err(error.into());
    };
    let status = status.as_u16();
    let is_proven = error.is_authentic();
    let credentials = error.classification() == Classification::RefusedCredentials;
    match status {
        // A user who may not list servers may be allowed to restart them.
        _ if is_proven && (status == 403 || !credentials) => Ok(error.into_problem()),
        _ if is_proven => Err(error.into()),
        // A timeout, a limit or a fault behind a gateway: the next answer may differ.
        408 | 429 | 499 | 500.. => Err(error.into()),
        200..300 => {
            const MESSAGE: &str = "not an answer of the service";
            let problem = error.problem().clone().because(MESSAGE);
            Err(Error::new(ErrorKind::NotTheService, problem).caused_by(MESSAGE, error))
        }
        _ => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
