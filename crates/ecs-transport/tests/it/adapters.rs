//! Transports made of other things say what they know about delivery, and no more.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use ecs_transport::testing::ScriptedTransport;
use ecs_transport::{
    Attempt, Delivery, FnTransport, ServiceTransport, Transport, TransportError,
    TransportErrorKind as Kind,
};
use http::{Request, Response, StatusCode};
use tower::service_fn;

fn request() -> Request<Bytes> {
    Request::post("http://ecs.example/")
        .body(Bytes::from_static(b"{}"))
        .unwrap()
}

/// The error of one exchange, and what the mark says after it.
async fn fail(transport: &impl Transport) -> (TransportError, Delivery) {
    let attempt = Attempt::first();
    let error = transport.send(request(), &attempt).await.unwrap_err();
    (error, attempt.mark().delivery())
}

#[tokio::test]
async fn arcs_and_boxes_are_transports() {
    let script = || ScriptedTransport::new().respond(StatusCode::ACCEPTED, "");
    let shared: Arc<dyn Transport> = Arc::new(script());
    let boxed: Box<dyn Transport> = Box::new(script());
    for transport in [
        Arc::new(boxed),
        Arc::new(Box::new(shared) as Box<dyn Transport>),
    ] {
        let attempt = Attempt::first();
        let response = transport.send(request(), &attempt).await.unwrap();
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        assert_eq!(attempt.mark().delivery(), Delivery::MaybeSent);
    }
    let failing = ScriptedTransport::new().fail(Kind::Connect, Delivery::NotSent);
    let (error, mark) = fail(&Arc::new(failing)).await;
    assert_eq!(
        (error.delivery(), mark),
        (Delivery::NotSent, Delivery::NotSent)
    );
}

#[tokio::test]
async fn a_closure_that_knows_nothing_of_marks_is_not_believed_to_have_sent_nothing() {
    let transport = FnTransport::new(|_, _| async { std::future::pending().await });
    let attempt = Attempt::first();
    drop(transport.send(request(), &attempt));
    assert_eq!(attempt.mark().delivery(), Delivery::MaybeSent);
}

#[tokio::test]
async fn a_closure_shares_the_mark_with_its_caller() {
    let transport = FnTransport::new(|_, attempt: Attempt| async move {
        attempt.mark().hold();
        Err(TransportError::new(Kind::Connect, Delivery::NotSent))
    });
    let (error, mark) = fail(&transport).await;
    assert_eq!(
        (error.delivery(), mark),
        (Delivery::NotSent, Delivery::NotSent)
    );
}

#[tokio::test]
async fn a_service_answers() {
    let transport = ServiceTransport::new(service_fn(|request: Request<Bytes>| async move {
        Ok::<_, Infallible>(Response::new(request.into_body()))
    }));
    let attempt = Attempt::first();
    assert_eq!(
        transport.send(request(), &attempt).await.unwrap().body(),
        "{}"
    );
    assert_eq!(attempt.mark().delivery(), Delivery::MaybeSent);
}

#[tokio::test]
async fn the_error_of_a_service_may_have_been_sent() {
    // Even one that sounds as if nothing was: the service may have tried before.
    let transport = ServiceTransport::new(service_fn(|_: Request<Bytes>| async {
        Err::<Response<Bytes>, _>(io::Error::from(io::ErrorKind::ConnectionRefused))
    }));
    let (error, mark) = fail(&transport).await;
    assert_eq!(
        (error.kind(), error.delivery(), mark),
        (Kind::Other, Delivery::MaybeSent, Delivery::MaybeSent)
    );
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn a_transport_error_passes_through_a_service() {
    let transport = ServiceTransport::new(service_fn(|_: Request<Bytes>| async {
        Err::<Response<Bytes>, _>(TransportError::new(Kind::Dns, Delivery::NotSent))
    }));
    let (error, _) = fail(&transport).await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Dns, Delivery::NotSent)
    );

    let boxed = ServiceTransport::new(service_fn(|_: Request<Bytes>| async {
        let error = TransportError::new(Kind::Dns, Delivery::NotSent);
        Err::<Response<Bytes>, Box<dyn std::error::Error + Send + Sync>>(error.into())
    }));
    assert!(fail(&boxed).await.0.is_not_sent());
}

/// Never becomes ready: fails, or waits for ever.
#[derive(Clone)]
struct NotReady {
    waits: bool,
    calls: Arc<AtomicUsize>,
}

impl tower_service::Service<Request<Bytes>> for NotReady {
    type Response = Response<Bytes>;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<Response<Bytes>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.waits {
            Poll::Pending
        } else {
            Poll::Ready(Err(io::Error::other("overloaded")))
        }
    }

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        self.calls.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok(Response::default()))
    }
}

#[tokio::test]
async fn a_service_that_does_not_become_ready_was_sent_nothing() {
    let calls = Arc::new(AtomicUsize::new(0));
    let failing = ServiceTransport::new(NotReady {
        waits: false,
        calls: Arc::clone(&calls),
    });
    let (error, mark) = fail(&failing).await;
    assert_eq!(
        (error.kind(), error.delivery(), mark),
        (Kind::Cancelled, Delivery::NotSent, Delivery::NotSent)
    );

    let waiting = ServiceTransport::new(NotReady {
        waits: true,
        calls: Arc::clone(&calls),
    });
    let attempt = Attempt::first();
    assert!(futures_util::FutureExt::now_or_never(waiting.send(request(), &attempt)).is_none());
    assert_eq!(attempt.mark().delivery(), Delivery::NotSent);
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[test]
fn a_service_that_was_never_polled_was_sent_nothing() {
    let transport = ServiceTransport::new(NotReady {
        waits: true,
        calls: Arc::default(),
    });
    let attempt = Attempt::first();
    drop(transport.send(request(), &attempt));
    assert_eq!(attempt.mark().delivery(), Delivery::NotSent);
}
