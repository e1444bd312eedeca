//! Properties of the crate as a whole.

mod differential;
mod examples;
mod garbage;
mod jobs;
mod responses;
mod round_trip;

use proptest::test_runner::{Config, RngSeed};
use serde_json::Value;

/// Returns a configuration with this many cases and a fixed seed, so that failures are
/// reproducible. `PROPTEST_CASES` and `PROPTEST_RNG_SEED` override them. Failures are shrunk and
/// printed; nothing is written to disk.
pub(crate) fn config(cases: u32) -> Config {
    let given = Config::default();
    Config {
        cases: match std::env::var_os("PROPTEST_CASES") {
            Some(_) => given.cases,
            None => cases,
        },
        rng_seed: match given.rng_seed {
            RngSeed::Random => RngSeed::Fixed(20_261_123),
            fixed => fixed,
        },
        failure_persistence: None,
        ..given
    }
}

/// Returns the description of the API, as JSON.
pub(crate) fn description() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/api/ecs.openapi.json");
    let text = std::fs::read(path).expect("the description is there");
    serde_json::from_slice(&text).expect("the description is JSON")
}
