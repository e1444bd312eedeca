//! The mark that says whether a request can have left.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::Delivery;

const SILENT: u8 = 0;
const HELD: u8 = 1;
const SENT: u8 = 2;

/// Whether the bytes of one attempt can have left, readable by whoever still holds a clone: also
/// after the transport's future timed out or was dropped.
///
/// A mark starts silent, and silence means [`Delivery::MaybeSent`]: a transport that knows nothing
/// of marks is never believed to have sent nothing. A transport that uses it calls [`hold`] when
/// it takes the request, and [`set`] just before the first byte can leave.
///
/// [`hold`]: SendMark::hold
/// [`set`]: SendMark::set
///
/// ```
/// use ecs_transport::{Delivery, SendMark};
///
/// let mark = SendMark::new();
/// assert_eq!(mark.delivery(), Delivery::MaybeSent); // silence proves nothing
/// mark.hold();
/// assert_eq!(mark.delivery(), Delivery::NotSent);
/// mark.set();
/// mark.hold(); // too late: sent stays sent
/// assert_eq!(mark.delivery(), Delivery::MaybeSent);
/// ```
#[derive(Clone, Debug, Default)]
pub struct SendMark(Arc<AtomicU8>);

impl SendMark {
    /// Creates a silent mark.
    pub fn new() -> Self {
        Self::default()
    }

    /// Promises that nothing has left yet and that [`set`](Self::set) will be called before anything does.
    /// Has no effect once the mark is set.
    pub fn hold(&self) {
        let _ = self
            .0
            .compare_exchange(SILENT, HELD, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Says that from now on a byte can leave. Only [`retract`](Self::retract) takes that back.
    pub fn set(&self) {
        self.0.store(SENT, Ordering::SeqCst);
    }

    /// Takes a promise back: from now on nobody says whether anything leaves. For who passes a request on to something
    /// that knows nothing of marks, as [`ServiceTransport`](crate::ServiceTransport) does. Has no effect once the mark is set.
    pub fn release(&self) {
        let _ = self
            .0
            .compare_exchange(HELD, SILENT, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Says that what left, if anything did, was certainly never read: a TLS server that refused the handshake, a
    /// connection that gave the request back. Only for the transport that set the mark and holds the proof. It promises
    /// to [`set`](Self::set) the mark anew before anything else leaves.
    pub fn retract(&self) {
        self.0.store(HELD, Ordering::SeqCst);
    }

    /// Returns whether the mark says that something may have left. A silent mark says nothing.
    ///
    /// A [`TransportError`](crate::TransportError) that claims [`Delivery::NotSent`] while the mark of its attempt is set
    /// contradicts it, and the caller goes by the mark.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst) == SENT
    }

    /// What is certain at this moment: [`Delivery::NotSent`] only while a promise to say otherwise holds.
    pub fn delivery(&self) -> Delivery {
        match self.0.load(Ordering::SeqCst) {
            HELD => Delivery::NotSent,
            _ => Delivery::MaybeSent,
        }
    }
}
