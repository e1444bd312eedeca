//! Panics of a caller's code stay in it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use ecs_transport::BoxFuture;

/// A future of a caller's code, such as a transport or a journal, whose panics stay in it: while it
/// is made, while it is polled, and while it is dropped, whether it has ended or not.
///
/// ```
/// use ecs_client::{Contained, Panicked};
///
/// # futures_util::FutureExt::now_or_never(async {
/// assert_eq!(Contained::new(|| Box::pin(async { 1 })).await, Ok(1));
/// assert_eq!(Contained::<u8>::new(|| panic!("at once")).await, Err(Panicked));
/// assert_eq!(Contained::<u8>::new(|| Box::pin(async { panic!("later") })).await, Err(Panicked));
/// # });
/// ```
#[must_use = "futures do nothing unless they are awaited"]
pub struct Contained<'a, T>(Option<BoxFuture<'a, T>>);

/// The code of the caller panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panicked;

impl<'a, T> Contained<'a, T> {
    /// Makes the future.
    pub fn new(make: impl FnOnce() -> BoxFuture<'a, T>) -> Self {
        Self(catch_unwind(AssertUnwindSafe(make)).ok())
    }

    fn discard(&mut self) {
        let future = self.0.take();
        // A panic while it is dropped has nowhere to be reported.
        drop(catch_unwind(AssertUnwindSafe(|| drop(future))));
    }
}

impl<T> Future for Contained<'_, T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.0 else {
            return Poll::Ready(Err(Panicked));
        };
        let polled = match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => Ok(value),
            Err(_) => Err(Panicked),
        };
        self.discard();
        Poll::Ready(polled)
    }
}

impl<T> Drop for Contained<'_, T> {
    fn drop(&mut self) {
        self.discard();
    }
}

impl<T> fmt::Debug for Contained<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contained")
    }
}

#[cfg(test)]
mod tests;
