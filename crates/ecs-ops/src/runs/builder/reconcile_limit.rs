//! The time at which the absence of a trace proves that a request was not executed.

use std::time::Duration;

use super::RunBuilder;
use crate::Client;

/// The time after which the servers of an unknown request are listed, unless the caller says
/// otherwise or attempts may take nearly as long. What shows no trace then was not executed, if
/// no gateway held the request for longer.
const DEFAULT_LIMIT: Duration = Duration::from_secs(180);
/// The least difference between that time and the limit of an attempt.
const LONGER_THAN_AN_ATTEMPT: Duration = Duration::from_secs(60);

impl RunBuilder {
    /// Sets the time after which a server that shows no trace of a request of unknown outcome was
    /// not attempted: counted from the moment at which the request became unknown, by the service's
    /// clock. Absence proves nothing before: a gateway can hold a request in its queue and deliver
    /// it after its client has given up. So it must be longer than any gateway can hold a
    /// request (HAProxy: `timeout queue`), and is at least the [time limit of an
    /// attempt](crate::ClientBuilder::attempt_timeout). Default: 3 minutes, or a minute more than
    /// an attempt may take if that is longer.
    ///
    /// It is also how long a rolling run waits after a request of unknown outcome before anything
    /// follows its wave. A run that does neither keeps it in its journal, for whoever resumes it.
    pub fn reconcile_after(mut self, limit: Duration) -> Self {
        self.reconcile_after = Some(limit);
        self
    }

    /// A client of Cloud Trace Service (`cts.REGION…`), of the same project and with credentials that
    /// may read its traces: with [reconciling](crate::OnUnknown), a trace of a request whose answer was
    /// lost has its job, which is then watched like any other.
    pub fn traces(mut self, client: Client) -> Self {
        self.traces = Some(client);
        self
    }

    /// Sends without a read beforehand, whatever
    /// [the client](crate::ClientBuilder::skip_service_check) does otherwise.
    pub fn skip_service_check(mut self) -> Self {
        self.check_service = false;
        self
    }

    pub(in crate::runs) fn reconcile_limit(&self) -> Duration {
        let attempt = self.client.0.core.attempt_timeout();
        let least = attempt.saturating_add(LONGER_THAN_AN_ATTEMPT);
        self.reconcile_after
            .unwrap_or_else(|| least.max(DEFAULT_LIMIT))
    }

    pub(super) fn reconcile_violation(&self) -> Option<String> {
        let attempt = self.client.0.core.attempt_timeout();
        let limit = self.reconcile_after?;
        (limit < attempt).then(|| {
            format!(
                "the reconcile limit ({limit:?}) is shorter than one attempt may take ({attempt:?})"
            )
        })
    }
}
