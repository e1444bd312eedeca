//! Randomness by seed: the same seed gives the same region.
//!
//! Every purpose has its own streams, so that its draws do not affect others. The outcome of an
//! action on a server depends on the server and on how often it was acted on, not on the order of
//! requests: concurrent clients cannot change it.

use jiff::Timestamp;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// The purposes of randomness.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// The servers.
    Fleet = 1,
    /// The credentials.
    Identity = 2,
    /// The ids of jobs and requests.
    Ids = 3,
    /// The latency of the network.
    Latency = 4,
    /// The outcome of an action on a server.
    Outcome = 5,
    /// Issued tokens and keys.
    Admission = 6,
    /// The hosts of servers.
    Hosts = 7,
    /// The delays and ids of records.
    Records = 8,
    /// The delays and ids of traces.
    Traces = 9,
}

/// Returns the randomness for one purpose.
pub(crate) fn rng(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    stream(seed, purpose, 0, 0)
}

/// Returns the randomness for the ids of a region that began at this time.
pub(crate) fn ids_since(seed: u64, began: Timestamp) -> ChaCha8Rng {
    let mut rng = rng(seed, Purpose::Ids);
    rng.set_stream(u64::try_from(began.as_nanosecond()).unwrap_or_default());
    rng
}

/// Returns the randomness for the `nth` action on a server.
pub(crate) fn course(seed: u64, server: u32, nth: u32) -> ChaCha8Rng {
    stream(seed, Purpose::Outcome, server, nth)
}

/// Returns the randomness for the id of a host of a zone, both counted from 0.
pub(crate) fn host(seed: u64, zone: u32, host: u32) -> ChaCha8Rng {
    stream(seed, Purpose::Hosts, zone.saturating_add(1), host)
}

fn stream(seed: u64, purpose: Purpose, server: u32, nth: u32) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (place, byte) in key.iter_mut().zip(seed.to_le_bytes()) {
        *place = byte;
    }
    // The last byte of the key, which no seed reaches.
    if let Some(place) = key.last_mut() {
        *place = purpose as u8;
    }
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream((u64::from(server) << 32) | u64::from(nth));
    rng
}

/// Draws letters and digits of 32 kinds.
pub(crate) fn letters(rng: &mut ChaCha8Rng, count: usize) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    (0..count)
        .map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())]))
        .collect()
}

/// Draws 32 hex digits, as in the service's job, project and request ids.
pub(crate) fn hex_id(rng: &mut ChaCha8Rng) -> String {
    hex(rng.random())
}

/// Formats 16 bytes as 32 hex digits.
pub(crate) fn hex(id: u128) -> String {
    format!("{id:032x}")
}

/// Draws whether an event with this share, from 0 to 1, occurs.
pub(crate) fn happens(rng: &mut impl Rng, share: f64) -> bool {
    rng.random::<f64>() < share
}

/// Draws an element. The lists are never empty.
pub(crate) fn pick<T: Clone>(rng: &mut impl Rng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())].clone()
}
