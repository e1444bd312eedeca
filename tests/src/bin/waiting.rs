//! Measures the cost of waiting for jobs on simulated time and prints the tables of
//! `docs/job-waiting.md`: `cargo xtask waiting`.
#![allow(
    clippy::print_stdout,
    reason = "a program for a terminal: what it prints is what it is for"
)]

use std::time::Duration;

use ecs_ops::jobs::Polling;
use ecs_tests::waiting::{Case, Measured, measure, quantile};

fn main() {
    let seconds = Duration::from_secs;
    println!("Jobs of one server each, which take 15 to 35 s:\n");
    let ways = [
        ("every 5 s", Polling::fixed(seconds(5)), 0),
        (
            "1 s doubling to 15 s",
            Polling::exponential(seconds(1), seconds(15)),
            0,
        ),
        ("adaptive, first jobs", Polling::default(), 0),
        ("adaptive, after 40 jobs", Polling::default(), 40),
    ];
    table(&[(1, 400), (100, 20), (1000, 5), (10_000, 1)], 1, &ways);
    println!("\nJobs of 100 servers each, which take as long as the slowest of them:\n");
    table(&[(1, 100), (10, 20), (100, 5)], 100, &ways);
}

fn table(sizes: &[(usize, u64)], servers: usize, ways: &[(&str, Polling, usize)]) {
    println!(
        "| jobs | polls | polls per job | delay p50 | delay p95 | most requests in a second |"
    );
    println!("|---|---|---|---|---|---|");
    for (jobs, seeds) in sizes {
        for (name, polling, seen_before) in ways {
            let mut all = Measured::default();
            for seed in 0..*seeds {
                let one = measure(&Case {
                    jobs: *jobs,
                    servers,
                    polling: polling.clone(),
                    seen_before: *seen_before,
                    seed,
                });
                all.polls.extend(one.polls);
                all.delays.extend(one.delays);
                all.peak = all.peak.max(one.peak);
            }
            let polls = all.polls.iter().sum::<usize>() as f64 / all.polls.len().max(1) as f64;
            println!(
                "| {jobs} | {name} | {polls:.2} | {:.1} s | {:.1} s | {} |",
                quantile(&mut all.delays, 0.5).as_secs_f64(),
                quantile(&mut all.delays, 0.95).as_secs_f64(),
                all.peak
            );
        }
    }
}
