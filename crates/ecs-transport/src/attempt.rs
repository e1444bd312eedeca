//! The parameters of one attempt.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{Delivery, SendMark, TransportError, TransportErrorKind};

/// An attempt to send a request.
///
/// ```
/// use std::time::Duration;
/// use ecs_transport::{Attempt, Delivery};
///
/// let attempt = Attempt::new(2).with_timeout(Duration::from_secs(30));
/// assert_eq!(attempt.number(), 2);
/// let mark = attempt.mark().clone(); // keep it, and ask it when the future is gone
/// assert_eq!(mark.delivery(), Delivery::MaybeSent);
/// ```
#[derive(Clone, Debug)]
pub struct Attempt {
    number: u32,
    operation: Option<&'static str>,
    timeout: Option<Duration>,
    mark: SendMark,
    check: Option<SendCheck>,
}

/// A check whether an attempt may still be sent: an earlier permission may have been lost.
///
/// ```
/// use ecs_transport::{Attempt, SendCheck};
///
/// let attempt = Attempt::first().with_send_check(SendCheck::new(|| false));
/// assert!(attempt.check().unwrap_err().is_not_sent());
///
/// let attempt = Attempt::first();
/// assert!(attempt.check().is_ok());
/// attempt.mark().set();
/// assert!(!attempt.check().unwrap_err().is_not_sent()); // it was sent before
/// ```
#[derive(Clone)]
pub struct SendCheck(Arc<dyn Fn() -> bool + Send + Sync>);

impl SendCheck {
    /// Creates a check that calls this function, which must neither block nor panic.
    pub fn new(may_be_sent: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(may_be_sent))
    }
}

impl fmt::Debug for SendCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SendCheck").field(&(self.0)()).finish()
    }
}

impl Attempt {
    /// Creates the attempt `number`, counted from 1, without a time limit of its own.
    pub fn new(number: u32) -> Self {
        Self {
            number,
            operation: None,
            timeout: None,
            mark: SendMark::new(),
            check: None,
        }
    }

    /// Returns the first attempt.
    pub fn first() -> Self {
        Self::new(1)
    }

    /// Names the operation of the request, for metrics.
    #[must_use]
    pub fn with_operation(mut self, name: &'static str) -> Self {
        self.operation = Some(name);
        self
    }

    /// Limits the whole exchange, from taking the request to the last byte of the response.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets a check that must pass when the first byte leaves.
    #[must_use]
    pub fn with_send_check(mut self, check: SendCheck) -> Self {
        self.check = Some(check);
        self
    }

    /// Checks whether the attempt may still be sent. A transport calls it after everything that
    /// takes time, such as connecting, and just before it [sets](SendMark::set) the mark. A
    /// transport that does not call it may send a request late, or a second time.
    /// [`start`](Self::start) does both.
    ///
    /// # Errors
    /// - [`TransportErrorKind::Cancelled`] with [`Delivery::NotSent`]: the attempt must not be sent
    ///   any more, because its permission has expired, or its caller has given up.
    /// - [`TransportErrorKind::Other`] with [`Delivery::MaybeSent`]: its mark is set, so it was sent
    ///   before. A layer above retries, and an attempt is one request.
    pub fn check(&self) -> Result<(), TransportError> {
        if self.mark.is_set() {
            let detail = "this attempt was sent before, by its mark, and an attempt is one request: remove the layer that retries";
            let error = TransportError::new(TransportErrorKind::Other, Delivery::MaybeSent);
            return Err(error.with_detail(detail));
        }
        if self.mark.is_closed() {
            return Err(cancelled("its caller has given up"));
        }
        if self.check.as_ref().is_none_or(|check| (check.0)()) {
            return Ok(());
        }
        let detail = "too much time passed between its permission and its first byte";
        Err(cancelled(detail))
    }

    /// [Checks](Self::check) the attempt and [sets](SendMark::set) its mark: from here on bytes may
    /// leave. A caller that gives up at the same moment either reads the mark as set, or stops this.
    ///
    /// # Errors
    /// As [`check`](Self::check): nothing may be sent.
    ///
    /// ```
    /// use ecs_transport::{Attempt, Delivery};
    ///
    /// let attempt = Attempt::first();
    /// attempt.mark().hold();
    /// attempt.start()?;
    /// assert_eq!(attempt.mark().delivery(), Delivery::MaybeSent);
    /// assert!(attempt.start().is_err()); // once
    ///
    /// let late = Attempt::first();
    /// late.mark().hold();
    /// late.mark().close(); // the caller has given up
    /// assert!(late.start().unwrap_err().is_not_sent());
    /// assert_eq!(late.mark().delivery(), Delivery::NotSent);
    /// # Ok::<_, ecs_transport::TransportError>(())
    /// ```
    pub fn start(&self) -> Result<(), TransportError> {
        self.check()?;
        self.mark.set();
        if self.mark.is_closed() {
            self.mark.retract();
            return Err(cancelled("its caller has given up"));
        }
        Ok(())
    }

    /// Returns the name of the operation, such as `BatchRebootServers` or `ShowJob` (the vendor's),
    /// if whoever sends the request has set it: for metrics without a look at the path.
    pub fn operation(&self) -> Option<&'static str> {
        self.operation
    }

    /// Returns the number of the attempt at its request, counted from 1. Each poll of a job is a
    /// request of its own.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Returns the time limit of the whole exchange, if there is one.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Returns the mark that is set just before the first byte can leave.
    pub fn mark(&self) -> &SendMark {
        &self.mark
    }
}

/// The error of an attempt that is not sent.
fn cancelled(detail: &str) -> TransportError {
    let error = TransportError::new(TransportErrorKind::Cancelled, Delivery::NotSent);
    error.with_detail(detail)
}
