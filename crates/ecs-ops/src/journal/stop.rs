//! The reason why a run stopped, and the resources that it used, by its journal.

use std::time::Duration;

use jiff::Timestamp;

use super::progress::RequestProgress;
use super::recovered::Recovered;
use crate::report::Stopped;

impl Recovered {
    /// Returns the number of records.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// Returns the reason why the run stopped before its end, if it did and was not resumed
    /// since. One that was asked to stop and then died stopped, too.
    pub fn stopped(&self) -> Option<&Stopped> {
        self.stopped.as_ref()
    }

    /// Returns the requested stop, if there was one: a [`Stopped::Requested`]. It binds
    /// a resumed run, until it is [continued](crate::RunBuilder::continue_stopped) all
    /// the same.
    pub fn stop_request(&self) -> Option<&Stopped> {
        self.stop_request.as_ref()
    }

    /// The servers that the service may count in its current minute: of each request that it took, or may have
    /// taken, how many servers, and the latest moment at which that can have been, if `open` is for
    /// how long after its sending a request without an answer may still be counted.
    pub(crate) fn counted(&self, now: Timestamp, open: Duration) -> Vec<(usize, Timestamp)> {
        let counted = self.requests.values().filter_map(|request| {
            let (sent, _) = request.sent.or(request.intended.map(|at| (at, None)))?;
            let at = match request.state {
                RequestProgress::NotExecuted => return None,
                RequestProgress::Accepted(job) => self.ledger.jobs.get(job)?.accepted,
                _ => sent.checked_add(open).unwrap_or(now).min(now),
            };
            Some((request.servers.len(), at))
        });
        counted.collect()
    }
}

#[cfg(test)]
mod tests;
