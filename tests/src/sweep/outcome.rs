//! What came of one seed, and how it is shown.

use std::fmt;
use std::time::Duration;

use ecs_ops::model::{JobId, ServerId};
use ecs_ops::{Outcome as ServerOutcome, Report, ServerReport, jobs::WatchedJob};
use ecs_sim::Trace;

use super::lives::Lived;

/// What came of one seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What was wrong; nothing, one hopes.
    pub violations: Vec<String>,
    /// What was simulated.
    pub scenario: String,
    /// What happened on the way.
    pub trace: Trace,
    /// What became of each run.
    pub runs: Vec<Played>,
    /// What became of the first run, if it may have more than one plain life: it is not among the others.
    pub lived: Option<Lived>,
    /// What became of the jobs that were waited for afterwards.
    pub waited: Waited,
}

/// One run, as seen from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// What was asked for, in order.
    pub servers: Vec<ServerId>,
    /// When it began and ended, by the clock of the trace.
    pub began: Duration,
    /// When it ended or was dropped.
    pub ended: Duration,
    /// When another process went on with it.
    pub until: Duration,
    /// Its report, unless its future was dropped. The random id is taken out.
    pub report: Option<Report>,
    /// What its events said of servers.
    pub events: Vec<ServerReport>,
    /// Its process died.
    pub died: bool,
    /// It did not end.
    pub endless: bool,
}

/// A wait for all jobs, as seen from outside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Waited {
    /// What was asked for, in order.
    pub jobs: Vec<JobId>,
    /// How long it took.
    pub took: Duration,
    /// What became of each; nothing if it did not end.
    pub ends: Option<Vec<WatchedJob>>,
}

/// All that is needed to understand what went wrong.
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
