//! A network that loses one action.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use ecs_ops::transport::{
    Attempt, BoxFuture, Delivery, Transport, TransportError, TransportErrorKind,
};
use ecs_sim::SimTransport;
use http::{Method, Request, Response};

/// A transport that loses the next action once this is set: it is sent, and never arrives.
#[derive(Debug)]
pub(crate) struct LossyTransport {
    pub(crate) loses_request: Arc<AtomicBool>,
    pub(crate) inner: SimTransport,
}

impl Transport for LossyTransport {
    fn send<'a>(
        &'a self,
        request: Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Result<Response<Bytes>, TransportError>> {
        let is_action = *request.method() == Method::POST;
        if !(is_action && self.loses_request.swap(false, Ordering::SeqCst)) {
            return self.inner.send(request, attempt);
        }
        attempt.mark().set();
        let error = TransportError::new(TransportErrorKind::Timeout, Delivery::MaybeSent);
        Box::pin(async { Err(error.with_detail("no answer within the time limit")) })
    }
}
