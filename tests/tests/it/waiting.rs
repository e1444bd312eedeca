//! The claims of docs/job-waiting.md on polls, delays and the rate limit, on fewer seeds than
//! `cargo xtask waiting` takes.

use std::time::Duration;

use ecs_ops::jobs::Polling;
use ecs_tests::waiting::{Case, measure, quantile};

const SECOND: Duration = Duration::from_secs(1);

/// Returns the mean number of polls of a job, and the median of the delays, over these seeds.
fn measured(jobs: usize, seeds: u64, polling: &Polling, seen_before: usize) -> (f64, f64) {
    let (mut polls, mut delays) = (Vec::new(), Vec::new());
    for seed in 0..seeds {
        let one = measure(&Case {
            jobs,
            servers: 1,
            polling: polling.clone(),
            seen_before,
            seed,
        });
        assert_eq!(
            one.delays.len(),
            jobs,
            "each job is seen to have ended, once"
        );
        assert!(
            one.peak <= 50,
            "{} requests in a second, seed {seed}",
            one.peak
        );
        polls.extend(one.polls);
        delays.extend(one.delays);
    }
    let poll_count = polls.iter().sum::<usize>() as f64 / polls.len() as f64;
    (poll_count, quantile(&mut delays, 0.5).as_secs_f64())
}

/// Returns polls and delay of the baselines: every 5 s; from 1 s, doubling, to 15 s.
fn baselines(jobs: usize, seeds: u64) -> [(f64, f64); 2] {
    [
        Polling::fixed(5 * SECOND),
        Polling::exponential(SECOND, 15 * SECOND),
    ]
    .map(|polling| measured(jobs, seeds, &polling, 0))
}

/// Checks that the default, before and after it has learned, is better than either baseline, and
/// returns its measures.
fn is_better_than_the_baselines(jobs: usize, seeds: u64) -> [(f64, f64); 2] {
    let baselines = baselines(jobs, seeds);
    [0, 40].map(|seen_before| {
        let (poll_count, delay) = measured(jobs, seeds, &Polling::default(), seen_before);
        for (other_looks, other_delay) in baselines {
            let expected = format!(
                "{jobs} jobs after {seen_before}: {poll_count:.2} looks against {other_looks:.2}, {delay:.2} s against {other_delay:.2} s"
            );
            assert!(poll_count < other_looks && delay < other_delay, "{expected}");
        }
        (poll_count, delay)
    })
}

#[test]
fn one_job_takes_fewer_polls_and_less_delay() {
    let [first, later] = is_better_than_the_baselines(1, 60);
    // The learned durations save polls and time.
    assert!(
        later.0 < 0.8 * first.0 && later.1 < 0.95 * first.1,
        "{first:?} {later:?}"
    );
}

#[test]
fn a_hundred_jobs_take_fewer_polls_and_less_delay() {
    is_better_than_the_baselines(100, 3);
}

#[test]
fn a_thousand_jobs_are_no_worse_at_the_rate_limit() {
    is_better_than_the_baselines(1000, 1);
}
