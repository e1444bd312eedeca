//! What the tests on real sockets share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ecs_transport::{
    Attempt, Delivery, HyperTransport, HyperTransportBuilder, Transport, TransportError,
};
use http::{Request, Response};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A transport that no environment and no certificate of the machine has a say in.
pub fn builder() -> HyperTransportBuilder {
    HyperTransport::builder().no_proxy().native_roots(false)
}

pub fn transport() -> HyperTransport {
    builder().build().unwrap()
}

pub fn get(url: impl AsRef<str>) -> Request<Bytes> {
    Request::get(url.as_ref()).body(Bytes::new()).unwrap()
}

pub fn post(url: impl AsRef<str>) -> Request<Bytes> {
    Request::post(url.as_ref())
        .body(Bytes::from_static(b"{\"reboot\":{}}"))
        .unwrap()
}

/// Sends, and checks what must hold whenever an exchange ends: the mark never promises more than the error does.
pub async fn send(
    transport: &HyperTransport,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, TransportError> {
    send_as(transport, request, Attempt::first()).await
}

pub async fn send_as(
    transport: &HyperTransport,
    request: Request<Bytes>,
    attempt: Attempt,
) -> Result<Response<Bytes>, TransportError> {
    let result = transport.send(request, &attempt).await;
    if attempt.mark().delivery() == Delivery::NotSent {
        assert!(
            result.as_ref().unwrap_err().is_not_sent(),
            "the mark promises too much: {result:?}"
        );
    }
    result
}

/// Like [`send`], for failures of which mark and error must say the same.
pub async fn fail(transport: &HyperTransport, request: Request<Bytes>) -> TransportError {
    let attempt = Attempt::first();
    let error = transport.send(request, &attempt).await.unwrap_err();
    assert_eq!(attempt.mark().delivery(), error.delivery(), "{error:?}");
    error
}

/// Lets all time limits run out at once, at a point where the test knows what has happened before.
pub async fn let_time_run_out() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3600)).await;
}

/// An address that refuses connections.
pub async fn closed_port() -> std::net::SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
}

/// A certificate authority and a certificate that it issued.
pub struct Pki {
    pub ca_pem: String,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

pub fn pki(names: &[&str]) -> Pki {
    pki_of("An Authority", names)
}

pub fn pki_of(authority: &str, names: &[&str]) -> Pki {
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.distinguished_name = DistinguishedName::new();
    ca.distinguished_name.push(DnType::CommonName, authority);
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let certificate = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    Pki {
        ca_pem: issuer.pem(),
        chain: vec![certificate.der().clone()],
        key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
    }
}

/// An https server that answers every request with 200 and the TLS version in a header.
pub struct TlsServer {
    pub port: u16,
    requests: Arc<AtomicUsize>,
    server: tokio::task::AbortHandle,
}

impl TlsServer {
    pub async fn start(pki: &Pki, versions: &[&'static rustls::SupportedProtocolVersion]) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(pki.chain.clone(), pki.key.clone_key())
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, counter) = (acceptor.clone(), Arc::clone(&counter));
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let version = stream.get_ref().1.protocol_version().unwrap();
                    let response = format!(
                        "HTTP/1.1 200 OK\r\nX-Tls: {version:?}\r\nContent-Length: 2\r\n\r\nok"
                    );
                    let mut seen = Vec::new();
                    while stream.read_buf(&mut seen).await.is_ok_and(|read| read > 0) {
                        if seen.windows(4).any(|window| window == b"\r\n\r\n") {
                            counter.fetch_add(1, Ordering::SeqCst);
                            seen.clear();
                            stream.write_all(response.as_bytes()).await.unwrap();
                        }
                    }
                });
            }
        });
        Self {
            port,
            requests,
            server: server.abort_handle(),
        }
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}
