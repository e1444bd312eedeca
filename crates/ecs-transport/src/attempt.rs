//! What a transport is told about one try.

use std::time::Duration;

use crate::SendMark;

/// One try at one request.
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
    timeout: Option<Duration>,
    mark: SendMark,
}

impl Attempt {
    /// Attempt `number`, counted from 1, without a time limit of its own.
    pub fn new(number: u32) -> Self {
        Self {
            number,
            timeout: None,
            mark: SendMark::new(),
        }
    }

    /// The first attempt.
    pub fn first() -> Self {
        Self::new(1)
    }

    /// Bounds the whole exchange, from taking the request to the last byte of the response.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Which try this is, counted from 1.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The bound on the whole exchange, if there is one.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The mark to set just before the first byte can leave.
    pub fn mark(&self) -> &SendMark {
        &self.mark
    }
}
