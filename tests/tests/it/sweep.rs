//! The simulation sweep: a few thousand seeds without a violation; the same seed gives the same
//! trace.

use std::fmt::Write as _;

use ecs_sim::Fault;
use ecs_tests::sweep::{Crowded, simulate, sweep, sweep_with};

const SEEDS: u64 = 3000;

#[test]
fn no_server_is_restarted_twice_or_lost() {
    let total = sweep(0..SEEDS, 2, 1, &|_| {});
    let mut expected = String::new();
    for outcome in &total.failed {
        let seed = outcome.seed;
        writeln!(
            expected,
            "seed {seed}; replay with: cargo xtask sweep --show {seed}\n{outcome}"
        )
        .unwrap();
    }
    assert!(expected.is_empty(), "{expected}");
    assert_eq!(total.seeds, SEEDS);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in (0..SEEDS).step_by(20) {
        let (first, second) = (simulate(seed), simulate(seed));
        assert_eq!(first, second, "seed {seed}");
    }
}

/// A sweep without faults proves nothing: every kind of fault and every outcome occurs often
/// enough.
#[test]
fn every_fault_and_outcome_occurs() {
    use std::collections::BTreeMap;
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut count = |finding: String| *seen.entry(finding).or_default() += 1;
    for seed in 0..400 {
        let outcome = simulate(seed);
        for exchange in &outcome.trace.exchanges {
            match &exchange.fault {
                Some(Fault::Shaped(shapes)) => {
                    shapes.iter().for_each(|shape| count(format!("{shape:?}")));
                }
                Some(fault) => count(format!("{fault:?}")),
                None => {}
            }
            if exchange.is_late() {
                count("arrived late".to_owned());
            }
        }
        outcome
            .trace
            .clock_steps
            .iter()
            .for_each(|_| count("clock step".to_owned()));
        for run in &outcome.runs {
            match &run.report {
                Some(report) => {
                    for server in &report.servers {
                        let job = server.outcome.job_id().map_or("without", |_| "with");
                        count(format!("{} {job} a job", server.outcome.name()));
                    }
                }
                None => count("dropped".to_owned()),
            }
        }
    }
    let often = seen.values().filter(|count| **count >= 20).count();
    assert_eq!((often, seen.len()), (37, 37), "{seen:#?}");
}

/// While others act on the same servers, no run treats their actions as its own.
#[test]
fn others_act_on_the_same_servers() {
    let total = sweep_with(&Crowded, 0..150, 2, 1, &|_| {});
    let expected: Vec<String> = total.failed.iter().map(ToString::to_string).collect();
    assert!(expected.is_empty(), "{}", expected.join("\n"));
}
