//! Services whose bodies are streams.

use std::error::Error as StdError;
use std::fmt;

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tower_service::Service;

use super::exchange;
use crate::{Attempt, BoxFuture, Delivery, Transport, TransportError, TransportErrorKind};

/// The default of [`BodyTransport::response_limit`]: 16 MiB, as for the hyper transport.
const RESPONSE_LIMIT: usize = 16 * 1024 * 1024;

/// A transport over a tower service whose bodies are [`http_body::Body`], created by
/// [`ServiceTransport::with_bodies`](super::ServiceTransport::with_bodies), with the same rules of
/// delivery. An incomplete response is an error, which keeps the head.
///
/// ```
/// use bytes::Bytes;
/// use ecs_transport::{Attempt, ServiceTransport, Transport};
/// use http_body_util::Full;
///
/// // In practice: layers of tower-http around a client of hyper-util.
/// let service = tower::service_fn(|request: http::Request<Full<Bytes>>| async move {
///     Ok::<_, std::convert::Infallible>(http::Response::new(request.into_body()))
/// });
/// let transport = ServiceTransport::with_bodies(service).response_limit(1024);
/// # futures_util::FutureExt::now_or_never(async {
/// let request = http::Request::post("http://ecs.example/").body(Bytes::from("{}"))?;
/// assert_eq!(transport.send(request, &Attempt::first()).await?.body(), "{}");
/// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap().unwrap();
/// ```
#[derive(Clone)]
pub struct BodyTransport<S> {
    service: S,
    limit: usize,
}

impl<S> BodyTransport<S> {
    pub(super) fn new(service: S) -> Self {
        Self {
            service,
            limit: RESPONSE_LIMIT,
        }
    }

    /// Sets the largest response body, in bytes. No more than this and one frame is held of a
    /// response. Default: 16 MiB.
    #[must_use]
    pub fn response_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }
}

impl<S> fmt::Debug for BodyTransport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyTransport")
            .field("response_limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl<S, B> Transport for BodyTransport<S>
where
    S: Service<http::Request<Full<Bytes>>, Response = http::Response<B>>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    fn send<'a>(
        &'a self,
        request: http::Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Result<http::Response<Bytes>, TransportError>> {
        let is_first = attempt.mark().hold_first();
        let service = self.service.clone();
        Box::pin(async move {
            let response = exchange(service, request.map(Full::new), attempt, is_first).await?;
            let (parts, body) = response.into_parts();
            match read(body, self.limit).await {
                Ok(body) => Ok(http::Response::from_parts(parts, body)),
                Err(error) => Err(error.with_head(parts.status, parts.headers)),
            }
        })
    }
}

async fn read<B>(body: B, limit: usize) -> Result<Bytes, TransportError>
where
    B: Body,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let mut body = std::pin::pin!(body);
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            TransportError::new(TransportErrorKind::BodyCut, Delivery::MaybeSent).with_source(error)
        })?;
        if let Ok(mut data) = frame.into_data() {
            if data.remaining() > limit - whole.len() {
                let kind = TransportErrorKind::TooLarge;
                return Err(TransportError::new(kind, Delivery::MaybeSent)
                    .with_detail(format!("more than {limit} bytes")));
            }
            while data.has_remaining() {
                let chunk = data.chunk();
                whole.extend_from_slice(chunk);
                let length = chunk.len();
                data.advance(length);
            }
        }
    }
    Ok(whole.freeze())
}
