//! Adapters report exactly what they know about delivery.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use ecs_transport::testing::ScriptedTransport;
use ecs_transport::{
    Attempt, Delivery, FnTransport, ServiceTransport, Transport, TransportError,
    TransportErrorKind as Kind,
};
use futures_util::stream;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use tower::service_fn;

mod sent_before;

fn request() -> Request<Bytes> {
    Request::post("http://ecs.example/")
        .body(Bytes::from_static(b"{}"))
        .unwrap()
}

/// Returns the error of one exchange, and the delivery of its mark.
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
async fn closures_without_marks_may_have_sent() {
    let transport = FnTransport::new(|_, _| async { std::future::pending().await });
    let attempt = Attempt::first();
    drop(transport.send(request(), &attempt));
    assert_eq!(attempt.mark().delivery(), Delivery::MaybeSent);
}

#[tokio::test]
async fn closures_share_the_mark_with_the_caller() {
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
async fn services_answer() {
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
async fn failed_services_may_have_sent() {
    // Even if its message says that nothing was sent: the service may have tried before.
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

/// An adapter never sets the mark for a service that reports that it sent nothing: the caller would
/// trust the mark.
#[tokio::test]
async fn unsent_service_errors_agree_with_the_mark() {
    let transport = ServiceTransport::new(service_fn(|_: Request<Bytes>| async {
        Err::<Response<Bytes>, _>(TransportError::new(Kind::Connect, Delivery::NotSent))
    }));
    let attempt = Attempt::first();
    let error = transport.send(request(), &attempt).await.unwrap_err();
    assert!(error.is_not_sent());
    assert!(!attempt.mark().is_set());
}

#[tokio::test]
async fn services_can_use_the_mark_of_the_extensions() {
    for sends in [false, true] {
        let transport =
            ServiceTransport::new(service_fn(move |request: Request<Bytes>| async move {
                let attempt = request.extensions().get::<Attempt>().unwrap();
                attempt.mark().hold();
                if sends {
                    attempt.mark().set();
                }
                std::future::pending::<Result<Response<Bytes>, Infallible>>().await
            }));
        let attempt = Attempt::new(7);
        let sending = transport.send(request(), &attempt);
        assert!(futures_util::FutureExt::now_or_never(sending).is_none());
        let expected = if sends {
            Delivery::MaybeSent
        } else {
            Delivery::NotSent
        };
        assert_eq!(attempt.mark().delivery(), expected);
        assert_eq!(attempt.mark().is_set(), sends);
    }
}

#[tokio::test]
async fn services_without_marks_may_have_sent() {
    let transport = ServiceTransport::new(service_fn(|_: Request<Bytes>| async {
        std::future::pending::<Result<Response<Bytes>, Infallible>>().await
    }));
    let attempt = Attempt::first();
    let sending = transport.send(request(), &attempt);
    assert!(futures_util::FutureExt::now_or_never(sending).is_none());
    assert_eq!(attempt.mark().delivery(), Delivery::MaybeSent);
}

#[tokio::test]
async fn services_do_not_get_requests_that_may_no_longer_be_sent() {
    let transport = ServiceTransport::new(service_fn(|_: Request<Bytes>| async {
        Err::<Response<Bytes>, _>(std::io::Error::other("it was called"))
    }));
    let attempt = Attempt::first().with_send_check(ecs_transport::SendCheck::new(|| false));
    let error = transport.send(request(), &attempt).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery(), attempt.mark().delivery()),
        (Kind::Cancelled, Delivery::NotSent, Delivery::NotSent),
        "{error:?}"
    );
}

/// The error of a layer around that of a transport.
#[derive(Debug)]
struct Layered(TransportError);

impl std::fmt::Display for Layered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the layer failed")
    }
}

impl std::error::Error for Layered {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[tokio::test]
async fn wrapped_transport_errors_keep_their_delivery() {
    for delivery in [Delivery::NotSent, Delivery::MaybeSent] {
        let transport = ServiceTransport::new(service_fn(move |_: Request<Bytes>| async move {
            Err::<Response<Bytes>, _>(Layered(TransportError::new(Kind::Tls, delivery)))
        }));
        let (error, _) = fail(&transport).await;
        assert_eq!((error.kind(), error.delivery()), (Kind::Tls, delivery));
    }
}

#[tokio::test]
async fn streamed_bodies_are_read_completely() {
    let service = service_fn(|request: Request<Full<Bytes>>| async move {
        assert!(request.extensions().get::<Attempt>().is_some());
        let body = request.into_body().collect().await?.to_bytes();
        let frames =
            [body.slice(..1), body.slice(1..)].map(|data| Ok::<_, Infallible>(Frame::data(data)));
        Ok::<_, Infallible>(Response::new(StreamBody::new(stream::iter(frames))))
    });
    let transport = ServiceTransport::with_bodies(service);
    let answer = transport.send(request(), &Attempt::first()).await.unwrap();
    assert_eq!(answer.body(), "{}");

    let (error, mark) = fail(&transport.clone().response_limit(1)).await;
    assert_eq!(
        (error.kind(), error.delivery(), mark),
        (Kind::TooLarge, Delivery::MaybeSent, Delivery::MaybeSent)
    );
    assert!(error.head().is_some());
}

#[tokio::test]
async fn failed_bodies_are_errors() {
    let service = service_fn(|_: Request<Full<Bytes>>| async move {
        let frames = [
            Ok(Frame::data(Bytes::from("{"))),
            Err(io::Error::other("cut")),
        ];
        let mut response = Response::new(StreamBody::new(stream::iter(frames)));
        *response.status_mut() = StatusCode::ACCEPTED;
        Ok::<_, Infallible>(response)
    });
    let (error, _) = fail(&ServiceTransport::with_bodies(service)).await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::BodyCut, Delivery::MaybeSent)
    );
    assert_eq!(error.head().unwrap().0, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn transport_errors_pass_through_services() {
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

/// A service that never becomes ready: it fails, or waits forever.
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
async fn unready_services_are_sent_nothing() {
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
fn unpolled_services_are_sent_nothing() {
    let transport = ServiceTransport::new(NotReady {
        waits: true,
        calls: Arc::default(),
    });
    let attempt = Attempt::first();
    drop(transport.send(request(), &attempt));
    assert_eq!(attempt.mark().delivery(), Delivery::NotSent);
}

/// Layers around a transport that is a service itself.
#[tokio::test]
async fn services_can_be_nested() {
    let inner = ServiceTransport::new(service_fn(|_: Request<Bytes>| async {
        Ok::<_, Infallible>(Response::new(Bytes::new()))
    }));
    let outer = ServiceTransport::new(service_fn(move |request: Request<Bytes>| {
        let inner = inner.clone();
        async move {
            let attempt = request.extensions().get::<Attempt>().unwrap().clone();
            inner.send(request, &attempt).await
        }
    }));
    let attempt = Attempt::first();
    outer.send(request(), &attempt).await.unwrap();
    assert_eq!(attempt.mark().delivery(), Delivery::MaybeSent);
}
