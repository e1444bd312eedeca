//! Peers for tests: transports that follow a script or keep a record, and a misbehaving server on a
//! real socket.
//!
//! | type | purpose |
//! |---|---|
//! | [`ScriptedTransport`] | answers without a network, one step for each call |
//! | [`RecordingTransport`] | requests and outcomes of another transport |
//! | [`Tarpit`], [`Play`], [`Signal`] | a loopback server that cuts, resets, hangs and floods by a script, and counts what it read |

mod record;
mod script;
mod tarpit;
mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use record::{Outcome, Recorded, RecordingTransport};
pub use script::ScriptedTransport;
pub use tarpit::{Play, Signal, Tarpit};

type Exchange = Result<http::Response<bytes::Bytes>, crate::TransportError>;

/// Locks a mutex, also after a test panicked elsewhere, so that the record stays readable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
