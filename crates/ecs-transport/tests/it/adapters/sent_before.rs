//! An attempt that a service had before is not given to it again.

use super::*;

/// Is ready as long as its gate is open. Sends without a word to the mark, and never answers well.
#[derive(Clone)]
struct Gated {
    open: Arc<AtomicBool>,
    waits: bool,
    calls: Arc<AtomicUsize>,
}

impl tower_service::Service<Request<Bytes>> for Gated {
    type Response = Response<Bytes>;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<Response<Bytes>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match (self.open.load(Ordering::SeqCst), self.waits) {
            (true, _) => Poll::Ready(Ok(())),
            (false, true) => Poll::Pending,
            (false, false) => Poll::Ready(Err(io::Error::other("overloaded"))),
        }
    }

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.open.store(false, Ordering::SeqCst);
        std::future::ready(Err(io::Error::other("the answer was lost")))
    }
}

/// A wrapper that retries around a service that is silent: the attempt is not sent again, and there
/// is no proof that it was not sent, whatever becomes of the second call.
#[tokio::test]
async fn a_service_that_had_the_attempt_before_may_have_sent_it() {
    for waits in [false, true] {
        let calls = Arc::new(AtomicUsize::new(0));
        let transport = ServiceTransport::new(Gated {
            open: Arc::new(AtomicBool::new(true)),
            waits,
            calls: Arc::clone(&calls),
        });
        let attempt = Attempt::first();
        let error = transport.send(request(), &attempt).await.unwrap_err();
        assert_eq!(error.delivery(), Delivery::MaybeSent);
        let again = transport.send(request(), &attempt);
        match futures_util::FutureExt::now_or_never(again) {
            Some(ended) => {
                let error = ended.unwrap_err();
                assert_eq!(error.delivery(), Delivery::MaybeSent);
                assert!(
                    error.to_string().contains("given this attempt before"),
                    "{error}"
                );
            }
            None => assert!(waits),
        }
        assert_eq!(attempt.mark().delivery(), Delivery::MaybeSent);
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}

/// A layer that retries over a service that uses the mark.
#[tokio::test]
async fn a_service_is_not_given_a_sent_attempt() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let transport = ServiceTransport::new(service_fn(move |request: Request<Bytes>| {
        counted.fetch_add(1, Ordering::SeqCst);
        let attempt = request.extensions().get::<Attempt>().unwrap().clone();
        attempt.mark().set();
        async { Err::<Response<Bytes>, _>(io::Error::other("the answer was lost")) }
    }));
    let attempt = Attempt::first();
    for _ in 0..3 {
        let error = transport.send(request(), &attempt).await.unwrap_err();
        assert_eq!(error.delivery(), Delivery::MaybeSent);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

/// The wrapper has a time limit of its own, and says what it does not know.
#[tokio::test]
async fn a_dropped_call_of_a_silent_service_sets_the_mark() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let transport = ServiceTransport::new(service_fn(move |_: Request<Bytes>| {
        counted.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<Result<Response<Bytes>, Infallible>>()
    }));
    let attempt = Attempt::first();
    let sending = transport.send(request(), &attempt);
    assert!(futures_util::FutureExt::now_or_never(sending).is_none());
    assert!(attempt.mark().is_set());
    let error = transport.send(request(), &attempt).await.unwrap_err();
    assert_eq!(error.delivery(), Delivery::MaybeSent);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}
