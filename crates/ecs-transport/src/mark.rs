//! The mark that says whether a request can have left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::Delivery;

const SILENT: u8 = 0;
const HELD: u8 = 1;
const SENT: u8 = 2;
/// Silent again: something that may not use marks has the request.
const RELEASED: u8 = 3;

/// The delivery of one attempt: can its bytes have left? Every holder of a clone can read it, even
/// after the transport's future timed out or was dropped.
///
/// A mark starts silent, and silence means [`Delivery::MaybeSent`]: a transport that does not use
/// marks is never assumed to have sent nothing. A transport that uses it calls [`hold`] when it
/// takes the request, and [`set`] just before the first byte can leave.
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
pub struct SendMark(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// `SILENT` by default.
    delivery: AtomicU8,
    is_closed: AtomicBool,
}

impl SendMark {
    /// Creates a silent mark.
    pub fn new() -> Self {
        Self::default()
    }

    /// Arms the mark: promises that nothing has left yet and that [`set`](Self::set) will be called
    /// before anything does. Has no effect once the mark is set.
    pub fn hold(&self) {
        let arm = |state| matches!(state, SILENT | RELEASED).then_some(HELD);
        let _ = self
            .0
            .delivery
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, arm);
    }

    /// Arms the mark of a request that nothing has had yet. Returns `false` if it was
    /// [released](Self::release) or [set](Self::set) before: the request may have been sent.
    pub(crate) fn hold_first(&self) -> bool {
        let held =
            self.0
                .delivery
                .compare_exchange(SILENT, HELD, Ordering::SeqCst, Ordering::SeqCst);
        matches!(held, Ok(_) | Err(HELD))
    }

    /// Records that from now on a byte can leave. Only [`retract`](Self::retract) reverts it.
    pub fn set(&self) {
        self.0.delivery.store(SENT, Ordering::SeqCst);
    }

    /// Sets a mark that was [released](Self::release) and that nobody has used since.
    pub(crate) fn set_released(&self) {
        let _ =
            self.0
                .delivery
                .compare_exchange(RELEASED, SENT, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Withdraws the promise of [`hold`](Self::hold): the mark is silent again. For transports that
    /// pass a request on to something that does not use marks, as
    /// [`ServiceTransport`](crate::ServiceTransport) does. Has no effect once the mark is set.
    pub fn release(&self) {
        let _ =
            self.0
                .delivery
                .compare_exchange(HELD, RELEASED, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Records that the bytes that left, if any, were certainly never read: a TLS server refused
    /// the handshake, or a connection gave the request back. Only for the transport that set the
    /// mark and has the proof. It promises to [`set`](Self::set) the mark again before anything
    /// else leaves.
    pub fn retract(&self) {
        self.0.delivery.store(HELD, Ordering::SeqCst);
    }

    /// Closes the attempt: its caller has given up, or has the answer. Nothing of it may leave from
    /// now on, also from a task that the transport has left behind:
    /// [`Attempt::check`](crate::Attempt::check) refuses it. The delivery is read afterwards.
    pub fn close(&self) {
        self.0.is_closed.store(true, Ordering::SeqCst);
    }

    /// Returns whether the attempt was [closed](Self::close).
    pub fn is_closed(&self) -> bool {
        self.0.is_closed.load(Ordering::SeqCst)
    }

    /// Returns whether something may have left according to the mark; `false` for a silent mark.
    ///
    /// A [`TransportError`](crate::TransportError) that claims [`Delivery::NotSent`] while the mark
    /// of its attempt is set contradicts it; the mark takes precedence.
    pub fn is_set(&self) -> bool {
        self.0.delivery.load(Ordering::SeqCst) == SENT
    }

    /// Returns the current delivery: [`Delivery::NotSent`] only while the mark is armed and not
    /// set.
    pub fn delivery(&self) -> Delivery {
        match self.0.delivery.load(Ordering::SeqCst) {
            HELD => Delivery::NotSent,
            _ => Delivery::MaybeSent,
        }
    }
}
