//! The outcome of one seed, and its display.

use std::fmt;
use std::time::Duration;

use ecs_ops::model::{JobId, ServerId};
use ecs_ops::{Outcome as ServerOutcome, Report, ServerReport, jobs::WatchedJob};
use ecs_sim::Trace;

use super::lives::Lived;

/// The outcome of one seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The violated invariants; none in a correct client.
    pub violations: Vec<String>,
    /// The simulated scenario.
    pub scenario: String,
    /// The trace of the exchanges.
    pub trace: Trace,
    /// The result of each run.
    pub runs: Vec<Played>,
    /// The result of the first run, if it may have several lives: it is not among the others.
    pub lived: Option<Lived>,
    /// The result of the jobs that were waited for afterwards.
    pub waited: Waited,
}

/// A run, as seen from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// The requested servers, in order.
    pub servers: Vec<ServerId>,
    /// The time at which it began, by the clock of the trace.
    pub began: Duration,
    /// The time at which it ended or was dropped.
    pub ended: Duration,
    /// The time at which another process resumed it.
    pub until: Duration,
    /// Its report without the random id, unless its future was dropped.
    pub report: Option<Report>,
    /// The servers in its events.
    pub events: Vec<ServerReport>,
    /// `true` if its process died.
    pub died: bool,
    /// `true` if it did not end.
    pub endless: bool,
}

/// A wait for all jobs, as seen from outside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Waited {
    /// The requested jobs, in order.
    pub jobs: Vec<JobId>,
    /// The duration.
    pub took: Duration,
    /// The end of each; `None` if the wait did not end.
    pub ends: Option<Vec<WatchedJob>>,
}

/// Displays everything that is needed to understand a violation.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.scenario)?;
        write!(f, "{}", self.trace)?;
        let lives = self.lived.iter().flat_map(|lived| &lived.lives);
        let lives = lives.map(|life| &life.played);
        for (index, run) in lives.chain(&self.runs).enumerate() {
            let (began, ended) = (run.began, run.ended);
            writeln!(f, "run {index}: {began:.3?} to {ended:.3?}")?;
            for server in run.report.iter().flat_map(|report| &report.servers) {
                let job = server.outcome.job_id().map_or("-", |job| job.as_str());
                let error = server.outcome.error().map_or("", |error| &error.message);
                let name = ServerOutcome::name(&server.outcome);
                writeln!(f, "  {} {name} {job:.8} {error}", server.id)?;
            }
        }
        if let Some(lived) = &self.lived {
            write!(f, "{lived}")?;
        }
        for violation in &self.violations {
            writeln!(f, "WRONG: {violation}")?;
        }
        Ok(())
    }
}
