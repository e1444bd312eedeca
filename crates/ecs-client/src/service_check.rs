//! Whether what answers at the endpoint is the service: found out before anything is sent that
//! acts.

use std::time::Duration;

use ecs_model::ListServersDetails;

use crate::context::RequestContext;
use crate::policy::Classification;
use crate::{Client, Error, ErrorKind, Problem, RequestError};

/// For so long the service needs no second check.
const CHECKED_FOR: Duration = Duration::from_secs(60);

/// What [`Client::check_service`] found, where the service answers as itself.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ServiceCheck {
    /// The service refused to list servers, in a form of its own: this says why. It may do what
    /// else it is asked for.
    pub refused: Option<Problem>,
    /// A cache on the way answered: what lists show may be old.
    pub cached: Option<Problem>,
    /// How many servers the project has, as the answer counts them.
    pub servers: Option<u64>,
}

impl Client {
    /// Makes one harmless read, a list of one server, to find out before the first action whether
    /// what answers is the service. It is tried again as every read; within a minute after the
    /// service has answered as itself, nothing is sent.
    ///
    /// # Errors
    /// - [`ErrorKind::NotTheService`]: a redirect of the whole site, a proxy that wants
    ///   credentials, a page of a proxy or a web server, another program.
    /// - [`ErrorKind::Credentials`]: the service refused the credentials, or there are none.
    /// - [`ErrorKind::Unreachable`], [`ErrorKind::Deadline`]: no answer that shows what it is; the
    ///   next may.
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
        let query = ListServersDetails::builder().limit(1).build();
        let query = query.map_err(|error| Error::invalid(error.to_string()))?;
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

/// Returns the refusal, if the service itself refused that read and may still accept others.
fn refusal(error: RequestError) -> Result<Problem, Error> {
    let Some(status) = error.status() else {
        return Err(error.into());
    };
    let status = status.as_u16();
    let is_proven = error.is_authentic();
    let credentials = error.classification() == Classification::RefusedCredentials;
    match status {
        // Whoever may not list servers may be allowed to restart them.
        _ if is_proven && (status == 403 || !credentials) => Ok(error.into_problem()),
        _ if is_proven => Err(error.into()),
        // A wait that ended, a limit, trouble behind a gateway: the next answer may be another.
        408 | 429 | 499 | 500.. => Err(error.into()),
        200..300 => {
            let problem = error.into_problem();
            let problem = problem.because("not an answer of the service");
            Err(Error::new(ErrorKind::NotTheService, problem))
        }
        _ => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
