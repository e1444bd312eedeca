//! Scripted answers.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};

use super::{Exchange, lock};
use crate::{Attempt, BoxFuture, Delivery, Transport, TransportError, TransportErrorKind};

type Step = Box<dyn FnOnce(Request<Bytes>, Attempt) -> BoxFuture<'static, Exchange> + Send>;

/// A transport that answers each call with the next step of its script. Clones share the script.
///
/// It uses the mark of an attempt as a real transport does: the mark stays armed if a step fails
/// with [`Delivery::NotSent`], and is set by every other step.
///
/// A call after the last step fails with [`TransportErrorKind::Other`] and [`Delivery::MaybeSent`],
/// after which no caller may send an action again.
///
/// ```
/// use bytes::Bytes;
/// use ecs_transport::testing::ScriptedTransport;
/// use ecs_transport::{Attempt, Delivery, Transport, TransportErrorKind};
/// use http::StatusCode;
///
/// let transport = ScriptedTransport::new()
///     .fail(TransportErrorKind::Connect, Delivery::NotSent)
///     .respond(StatusCode::OK, r#"{"job_id":"j"}"#)
///     .then(|request, attempt| {
///         assert_eq!(attempt.number(), 1);
///         Ok(http::Response::new(Bytes::copy_from_slice(request.uri().path().as_bytes())))
///     });
/// # futures_util::FutureExt::now_or_never(async {
/// let request = http::Request::get("http://ecs.example/path").body(Bytes::new())?;
/// let attempt = Attempt::first();
/// assert!(transport.send(request.clone(), &attempt).await.unwrap_err().is_not_sent());
/// assert_eq!(attempt.mark().delivery(), Delivery::NotSent);
/// assert_eq!(transport.send(request.clone(), &attempt).await?.status(), StatusCode::OK);
/// assert_eq!(transport.send(request, &attempt).await?.body(), "/path");
/// assert_eq!((transport.calls(), transport.remaining()), (3, 0));
/// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap().unwrap();
/// ```
#[derive(Clone, Default)]
pub struct ScriptedTransport(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    steps: VecDeque<Step>,
    calls: usize,
}

impl ScriptedTransport {
    /// Creates a transport with an empty script.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers with this status and body.
    #[must_use]
    pub fn respond(self, status: StatusCode, body: impl Into<Bytes>) -> Self {
        let mut response = Response::new(body.into());
        *response.status_mut() = status;
        self.response(response)
    }

    /// Answers with this response.
    #[must_use]
    pub fn response(self, response: Response<Bytes>) -> Self {
        self.then(move |_, _| Ok(response))
    }

    /// Fails with an error of this class and delivery.
    #[must_use]
    pub fn fail(self, kind: TransportErrorKind, delivery: Delivery) -> Self {
        self.then(move |_, _| Err(TransportError::new(kind, delivery).with_detail("by the script")))
    }

    /// Takes the request, marks it as sent, and never answers.
    #[must_use]
    pub fn hang(self) -> Self {
        self.then_async(|_, attempt| {
            attempt.mark().set();
            std::future::pending()
        })
    }

    /// Answers with the result of the closure.
    #[must_use]
    pub fn then(
        self,
        answer: impl FnOnce(&Request<Bytes>, &Attempt) -> Exchange + Send + 'static,
    ) -> Self {
        self.then_async(|request, attempt| {
            let exchange = answer(&request, &attempt);
            attempt.mark().hold();
            if !exchange.as_ref().is_err_and(TransportError::is_not_sent) {
                attempt.mark().set();
            }
            std::future::ready(exchange)
        })
    }

    /// Answers with the future that the closure returns, which handles the mark itself.
    #[must_use]
    pub fn then_async<F>(
        self,
        answer: impl FnOnce(Request<Bytes>, Attempt) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Exchange> + Send + 'static,
    {
        lock(&self.0).steps.push_back(Box::new(|request, attempt| {
            Box::pin(answer(request, attempt))
        }));
        self
    }

    /// Returns the number of calls, including those after the end of the script.
    pub fn calls(&self) -> usize {
        lock(&self.0).calls
    }

    /// Returns the number of unused steps.
    pub fn remaining(&self) -> usize {
        lock(&self.0).steps.len()
    }
}

impl fmt::Debug for ScriptedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let script = lock(&self.0);
        f.debug_struct("ScriptedTransport")
            .field("calls", &script.calls)
            .field("remaining", &script.steps.len())
            .finish()
    }
}

impl Transport for ScriptedTransport {
    fn send<'a>(
        &'a self,
        request: Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Exchange> {
        let (step, call) = {
            let mut script = lock(&self.0);
            script.calls += 1;
            (script.steps.pop_front(), script.calls)
        };
        match step {
            Some(step) => step(request, attempt.clone()),
            None => {
                let detail = format!("the script has no step for call {call}");
                let error = TransportError::new(TransportErrorKind::Other, Delivery::MaybeSent)
                    .with_detail(detail);
                Box::pin(std::future::ready(Err(error)))
            }
        }
    }
}
