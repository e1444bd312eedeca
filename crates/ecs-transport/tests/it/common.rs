//! Helpers of the tests on real sockets.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
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
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};

/// Returns a builder that ignores the environment and the machine's certificates.
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

/// Sends, and checks the invariant of every exchange: the mark never promises more than the error
/// does.
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

/// Like [`send`], for failures after which mark and error must agree.
pub async fn fail(transport: &HyperTransport, request: Request<Bytes>) -> TransportError {
    let attempt = Attempt::first();
    let error = transport.send(request, &attempt).await.unwrap_err();
    assert_eq!(attempt.mark().delivery(), error.delivery(), "{error:?}");
    error
}

/// Lets all time limits expire at once, at a point where the test knows what has happened before.
pub async fn let_time_run_out() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3600)).await;
}

/// Returns an address that refuses connections.
pub fn closed_port() -> std::net::SocketAddr {
    // Bound and never listening: nobody else gets the port.
    static SOCKET: LazyLock<TcpSocket> = LazyLock::new(|| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        socket
    });
    SOCKET.local_addr().unwrap()
}

/// A certificate authority and a certificate that it issued.
pub struct Pki {
    pub ca_pem: String,
    /// The certificate and its key.
    pub own_pem: String,
    authority: CertificateDer<'static>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

pub fn pki(names: &[&str]) -> Pki {
    pki_of("An Authority", names)
}

pub fn pki_of(authority: &str, names: &[&str]) -> Pki {
    issue(authority, names, None)
}

/// Creates a certificate that is valid from the beginning of the first of these years to the
/// beginning of the second.
pub fn pki_at(names: &[&str], years: std::ops::Range<i32>) -> Pki {
    issue("An Authority", names, Some(years))
}

fn issue(authority: &str, names: &[&str], years: Option<std::ops::Range<i32>>) -> Pki {
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.distinguished_name = DistinguishedName::new();
    ca.distinguished_name.push(DnType::CommonName, authority);
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    if let Some(years) = years {
        params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
    }
    let certificate = params.signed_by(&key, &issuer).unwrap();
    Pki {
        ca_pem: issuer.pem(),
        own_pem: format!("{}{}", certificate.pem(), key.serialize_pem()),
        authority: issuer.der().clone(),
        chain: vec![certificate.der().clone()],
        key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
    }
}

/// The reaction of an https server to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Answers the request.
    Answer,
    /// Ends the TLS session without an answer.
    Close,
    /// Closes the connection without ending the session.
    Cut,
}

/// The settings of a [`TlsServer`].
pub struct ServerSide<'a> {
    pki: &'a Pki,
    versions: Vec<&'static rustls::SupportedProtocolVersion>,
    /// `Some` if it requests a client certificate; `Some(true)` if one is required.
    asks: Option<bool>,
    end: End,
}

impl<'a> ServerSide<'a> {
    pub fn new(pki: &'a Pki) -> Self {
        Self {
            pki,
            versions: rustls::ALL_VERSIONS.to_vec(),
            asks: None,
            end: End::Answer,
        }
    }

    pub fn versions(mut self, versions: &[&'static rustls::SupportedProtocolVersion]) -> Self {
        self.versions = versions.to_vec();
        self
    }

    /// Refuses every handshake, since the clients have no certificate.
    pub fn demanding_certificates(mut self) -> Self {
        self.asks = Some(false);
        self
    }

    pub fn asking_for_certificates(mut self) -> Self {
        self.asks = Some(true);
        self
    }

    pub fn ending(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    pub async fn start(self) -> TlsServer {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&self.versions)
            .unwrap();
        let config = if let Some(optional) = self.asks {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(self.pki.authority.clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = if optional {
                verifier.allow_unauthenticated()
            } else {
                verifier
            };
            config.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            config.with_no_client_auth()
        };
        let config = config
            .with_single_cert(self.pki.chain.clone(), self.pki.key.clone_key())
            .unwrap();
        TlsServer::run(config, self.end).await
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
        ServerSide::new(pki).versions(versions).start().await
    }

    async fn run(config: rustls::ServerConfig, end: End) -> Self {
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
                            match end {
                                End::Answer => {}
                                End::Close => {
                                    stream.shutdown().await.unwrap();
                                    return;
                                }
                                End::Cut => return,
                            }
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
