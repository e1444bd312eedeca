//! The client's side of a TLS handshake, and the meaning of its failures.

use std::error::Error as StdError;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error as TlsError};
use tokio_rustls::TlsConnector;

use super::line::{Line, Secured};
use super::tls::{CertificateRequest, find, is_about_certificates};
use crate::TransportErrorKind as Kind;

/// A handshake that failed.
pub(super) struct Failure {
    pub(super) kind: Kind,
    /// Advice for people.
    pub(super) advice: Option<String>,
    pub(super) error: Box<dyn StdError + Send + Sync>,
}

/// Performs the client's side of a handshake with `host`.
pub(super) async fn secure(config: &ClientConfig, host: &str, line: Line) -> Result<Line, Failure> {
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let name = ServerName::try_from(host.to_owned()).map_err(|error| Failure {
        kind: Kind::Request,
        advice: Some("it is neither a host name nor an address".to_owned()),
        error: error.into(),
    })?;
    let asked = CertificateRequest::of(config);
    let mut config = config.clone();
    config.client_auth_cert_resolver = Arc::new(asked.clone());
    match TlsConnector::from(Arc::new(config))
        .connect(name, line)
        .await
    {
        Ok(stream) => Ok(Line::Tls(Box::new(Secured { stream, asked }))),
        Err(error) => {
            let (kind, advice) = explain(&error, asked.came());
            Err(Failure {
                kind,
                advice,
                error: error.into(),
            })
        }
    }
}

/// Classifies a failed handshake. `asked`: whether the server requested a client certificate.
fn explain(error: &(dyn StdError + 'static), asked: bool) -> (Kind, Option<String>) {
    let Some(error) = find::<TlsError>(error) else {
        return (Kind::Tls, None);
    };
    let (kind, advice) = match error {
        TlsError::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => (
            Kind::UnknownIssuer,
            "if its certificate is from a private authority, give the CA file",
        ),
        TlsError::InvalidCertificate(error) => (Kind::Certificate, advice(error)),
        TlsError::InvalidMessage(_) => (
            Kind::TlsUnsupported,
            "it does not speak TLS; should the URL begin with http:// ?",
        ),
        TlsError::PeerIncompatible(_)
        | TlsError::AlertReceived(
            AlertDescription::ProtocolVersion | AlertDescription::InsufficientSecurity,
        ) => (
            Kind::TlsUnsupported,
            "TLS 1.2 and 1.3 are supported, with AES-GCM or ChaCha20-Poly1305",
        ),
        TlsError::AlertReceived(alert) if asked && is_about_certificates(*alert) => {
            (Kind::ClientCertificateRequired, "")
        }
        TlsError::AlertReceived(AlertDescription::HandshakeFailure) => (
            Kind::TlsUnsupported,
            "it refused the handshake: it accepts none of the TLS settings offered, or does not serve this host name",
        ),
        TlsError::AlertReceived(AlertDescription::UnrecognisedName) => {
            (Kind::TlsUnsupported, "it does not serve this host name")
        }
        _ => (Kind::Tls, ""),
    };
    (
        kind,
        Some(advice.to_owned()).filter(|advice| !advice.is_empty()),
    )
}

fn advice(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another host name"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired, or this machine's clock is wrong"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet, or this machine's clock is wrong"
        }
        CertificateError::Revoked => "it was revoked",
        _ => "",
    }
}
