//! Peers for tests: transports that follow a script or keep a record, and a server that misbehaves on a real socket.
//!
//! | type | for |
//! |---|---|
//! | [`ScriptedTransport`] | answers without a network, one step for each call |
//! | [`RecordingTransport`] | what went through another transport, and what became of it |
//! | [`Tarpit`], [`Play`], [`Signal`] | a loopback server that cuts, resets, hangs and floods as told, and counts what it read |

mod record;
mod script;
mod tarpit;
mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use record::{Outcome, Recorded, RecordingTransport};
pub use script::ScriptedTransport;
pub use tarpit::{Play, Signal, Tarpit};

type Exchange = Result<http::Response<bytes::Bytes>, crate::TransportError>;

/// Returns a test that panicked elsewhere must not hide what was recorded.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
