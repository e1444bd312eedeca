//! Randomness by seed: the same seed gives the same region.
//!
//! Every purpose has streams of its own, so that what one draws doesn't move what another gets. What happens to a
//! server hangs on the server and on how often it was acted on, not on the order of requests: clients that
//! run at the same time cannot make it differ.

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What randomness is for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// What servers there are.
    Fleet = 1,
    /// Who may come in.
    Identity = 2,
    /// The ids of jobs and requests.
    Ids = 3,
    /// How long the network takes.
    Latency = 4,
    /// What becomes of an action on a server.
    Fate = 5,
    /// The tokens and keys that are handed out.
    Admission = 6,
    /// Which host a server runs on.
    Hosts = 7,
    /// When records come, and the ids in them.
    Records = 8,
    /// When traces come, and their ids.
    Traces = 9,
}

/// Returns the randomness for one purpose.
pub(crate) fn rng(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    stream(seed, purpose, 0, 0)
}

/// Returns the randomness for what the `nth` action on a server does.
pub(crate) fn course(seed: u64, server: u32, nth: u32) -> ChaCha8Rng {
    stream(seed, Purpose::Fate, server, nth)
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

/// Random letters and digits, of 32 kinds.
pub(crate) fn letters(rng: &mut ChaCha8Rng, count: usize) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    (0..count)
        .map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())]))
        .collect()
}

/// 32 hex digits, as the service's job, project and request ids have.
pub(crate) fn hex_id(rng: &mut ChaCha8Rng) -> String {
    hex(rng.random())
}

/// 16 bytes as 32 hex digits.
pub(crate) fn hex(id: u128) -> String {
    format!("{id:032x}")
}

/// Draws whether something happens that has this share, from 0 to 1.
pub(crate) fn happens(rng: &mut impl Rng, share: f64) -> bool {
    rng.random::<f64>() < share
}

/// Draws one of these. Every list that is drawn from has an entry.
pub(crate) fn pick<T: Clone>(rng: &mut impl Rng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())].clone()
}
