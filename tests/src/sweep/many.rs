//! Many seeds, on several threads.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::{Faithful, Outcome, Subject, simulate_with};

/// The results of many seeds.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Sweep {
    /// The number of simulated seeds.
    pub seeds: u64,
    /// The number of requests in all.
    pub exchanges: u64,
    /// The number of servers in runs with a report.
    pub servers: u64,
    /// The number of those with an unknown outcome because of a lost answer.
    pub unknown: u64,
    /// The outcomes of the seeds with violations, by seed.
    pub failed: Vec<Outcome>,
}

impl Sweep {
    fn count(&mut self, outcome: &Outcome) {
        let reports = outcome.runs.iter().filter_map(|run| run.report.as_ref());
        for server in reports.flat_map(|report| &report.servers) {
            self.servers += 1;
            let unknown = matches!(
                server.outcome,
                ecs_ops::Outcome::Unknown { job_id: None, .. }
            );
            self.unknown += u64::from(unknown);
        }
    }
}

/// Simulates these seeds on this many threads. Ends early when `most_failures` seeds have failed.
/// `progress` is called from time to time with the number of finished seeds.
pub fn sweep(
    seeds: Range<u64>,
    threads: usize,
    most_failures: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Sweep {
    sweep_with(&Faithful, seeds, threads, most_failures, progress)
}

/// Like `sweep`, with this client.
pub fn sweep_with(
    subject: &(dyn Subject + Sync),
    seeds: Range<u64>,
    threads: usize,
    most_failures: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Sweep {
    const CHUNK: u64 = 64;
    let next = AtomicU64::new(seeds.start);
    let total = Mutex::new(Sweep::default());
    let work = || {
        loop {
            let first = next.fetch_add(CHUNK, Ordering::Relaxed);
            let mut done = Sweep::default();
            for seed in first..first.saturating_add(CHUNK).min(seeds.end) {
                let outcome = simulate_with(seed, subject);
                done.seeds += 1;
                done.exchanges += outcome.trace.exchanges.len() as u64;
                done.count(&outcome);
                if !outcome.violations.is_empty() {
                    done.failed.push(outcome);
                }
            }
            let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
            let over = done.seeds < CHUNK;
            total.seeds += done.seeds;
            total.exchanges += done.exchanges;
            total.servers += done.servers;
            total.unknown += done.unknown;
            total.failed.append(&mut done.failed);
            if over || total.failed.len() >= most_failures {
                break;
            }
            progress(total.seeds);
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(work);
        }
    });
    let mut total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    total.failed.sort_by_key(|outcome| outcome.seed);
    total
}
