use std::io::{Error, ErrorKind};
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{Exchanging, HandshakeRefused, Line, tls};
use crate::hyper::handshake::secure;

/// A connection whose handshake is done with a server that may request a certificate, and that
/// then writes this.
async fn connected(
    version: &'static SupportedProtocolVersion,
    asks: bool,
    writes: &'static [u8],
) -> Exchanging {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let roots = Arc::new(roots);
    let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .unwrap();
    let server = if asks {
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone());
        server.with_client_cert_verifier(verifier.allow_unauthenticated().build().unwrap())
    } else {
        server.with_no_client_auth()
    };
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let server = server.with_single_cert(vec![certificate.der().clone()], key);
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server.unwrap()));
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        stream.write_all(writes).await.unwrap();
        stream.flush().await.unwrap();
        // Open until the client is gone.
        let _ = stream.read_u8().await;
    });
    let line = Line::Plain(TcpStream::connect(address).await.unwrap());
    let Ok(line) = secure(&client, "localhost", line).await else {
        panic!("the handshake failed");
    };
    Exchanging::new(line, false)
}

/// Returns whether an alert on this connection proves that the request was never read.
fn is_refusal(exchanging: &mut Exchanging, alert: AlertDescription) -> bool {
    let failed = exchanging.failed(received(alert));
    tls::find::<HandshakeRefused>(&failed).is_some()
}

/// Only in TLS 1.3 a server judges the certificate after the request may have left, and only one that
/// requested a certificate.
#[tokio::test]
async fn only_alerts_about_a_requested_certificate_are_proof() {
    use AlertDescription::{AccessDenied, CertificateRequired, CloseNotify, InternalError};
    for (version, asks, alert, expected) in [
        (&TLS13, true, CertificateRequired, true),
        (&TLS13, true, AccessDenied, false),
        (&TLS13, true, InternalError, false),
        (&TLS13, true, CloseNotify, false),
        (&TLS13, false, CertificateRequired, false),
        (&TLS12, true, CertificateRequired, false),
    ] {
        let mut exchanging = connected(version, asks, b"").await;
        let shown = is_refusal(&mut exchanging, alert);
        assert_eq!(shown, expected, "{version:?} {asks} {alert:?}");
    }
}

/// A server that began to answer has accepted the handshake.
#[tokio::test]
async fn no_alert_after_the_first_byte_of_an_answer_is_proof() {
    const ALERT: AlertDescription = AlertDescription::CertificateRequired;
    let mut exchanging = connected(&TLS13, true, b"HTTP").await;
    exchanging.read_u8().await.unwrap();
    // The rest is decrypted, and not read.
    assert!(exchanging.line.refusal(&received(ALERT)).is_none());
    assert!(!is_refusal(&mut exchanging, ALERT));
    let mut rest = [0; 3];
    exchanging.read_exact(&mut rest).await.unwrap();
    assert!(!is_refusal(&mut exchanging, ALERT), "all of it was read");
}

/// The error of a connection that received this alert.
fn received(alert: AlertDescription) -> Error {
    Error::new(ErrorKind::InvalidData, rustls::Error::AlertReceived(alert))
}
