//! The TLS configuration, and the alerts that refuse a client without a certificate.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::{ResolvesClientCert, WantsClientCert};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{
    AlertDescription, ClientConfig, ConfigBuilder, Error as TlsError, RootCertStore,
    SignatureScheme,
};

use super::error::{BuildError, BuildErrorKind};
use super::roots::Roots;

/// Certificates that the user trusts in addition.
#[derive(Clone, Debug)]
pub(super) enum Authority {
    File(PathBuf),
    Pem(Vec<u8>),
}

/// The client certificate and its key.
#[derive(Clone, Debug)]
pub(super) struct ClientCertificate {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// The client's side of TLS, with its trusted roots.
pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    pub(super) roots: Arc<Roots>,
}

/// Configures TLS 1.2 and 1.3 with ring. An unusable authority of the user is an error.
/// Certificates of the machine are read by the first https request; unusable ones are omitted, and
/// only then is it an error if there are none.
pub(super) fn configure(
    native_roots: bool,
    own: &[Authority],
    client: Option<&ClientCertificate>,
) -> Result<Tls, BuildError> {
    let mut roots = RootCertStore::empty();
    for authority in own {
        add(&mut roots, authority)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = Arc::new(Roots::new(roots, native_roots, Arc::clone(&provider)));
    let verifier: Arc<Roots> = Arc::clone(&roots);
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| {
            BuildError::new(BuildErrorKind::Tls, "TLS cannot be set up").with_source(error)
        })?
        .dangerous() // for a custom verifier; this one leaves the verification to rustls
        .with_custom_certificate_verifier(verifier);
    let config = match client {
        Some(client) => client.add_to(config)?,
        None => config.with_no_client_auth(),
    };
    Ok(Tls {
        config: Arc::new(config),
        roots,
    })
}

impl ClientCertificate {
    fn add_to(
        &self,
        config: ConfigBuilder<ClientConfig, WantsClientCert>,
    ) -> Result<ClientConfig, BuildError> {
        let cannot = |path: &Path, action: &str| {
            let detail = format!("client certificate: {} {action}", path.display());
            BuildError::new(BuildErrorKind::ClientCertificate, detail)
        };
        let (certificate, key) = (self.certificate.as_path(), self.key.as_path());
        let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
        let chain: Vec<CertificateDer<'static>> =
            chain.map_err(|error| cannot(certificate, "cannot be read").with_source(error))?;
        if chain.is_empty() {
            return Err(cannot(certificate, "holds no certificate in PEM"));
        }
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| {
            cannot(key, "holds no key in PEM that can be read").with_source(error)
        })?;
        config
            .with_client_auth_cert(chain, secret)
            .map_err(|error| cannot(key, "holds no key that can be used").with_source(error))
    }
}

fn add(roots: &mut RootCertStore, authority: &Authority) -> Result<(), BuildError> {
    let (name, pem) = match authority {
        Authority::Pem(pem) => ("the given CA certificate".to_owned(), pem.clone()),
        Authority::File(path) => {
            let name = format!("CA file {}", path.display());
            let pem = std::fs::read(path).map_err(|error| {
                BuildError::new(BuildErrorKind::CaFile, format!("{name} cannot be read"))
                    .with_source(error)
            })?;
            (name, pem)
        }
    };
    let unusable =
        |action: &str| BuildError::new(BuildErrorKind::CaCertificate, format!("{name} {action}"));
    let mut found = false;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate =
            certificate.map_err(|error| unusable("is not valid PEM").with_source(error))?;
        roots.add(certificate).map_err(|error| {
            unusable("holds a certificate that cannot be used").with_source(error)
        })?;
        found = true;
    }
    if found {
        Ok(())
    } else if pem.windows(11).any(|window| window == b"-----BEGIN ") {
        Err(unusable(
            "holds no certificate (it is PEM, but without a CERTIFICATE section)",
        ))
    } else {
        Err(unusable("is not PEM (a DER file must be converted first)"))
    }
}

/// The request of the server of one session for a client certificate. It gets the configured one,
/// if there is one.
#[derive(Clone, Debug, Default)]
pub(super) struct CertificateRequest {
    came: Arc<AtomicBool>,
    own: Option<Arc<dyn ResolvesClientCert>>,
}

impl CertificateRequest {
    /// Creates the record of a session with this configuration.
    pub(super) fn of(config: &ClientConfig) -> Self {
        Self {
            came: Arc::default(),
            own: Some(Arc::clone(&config.client_auth_cert_resolver)),
        }
    }

    pub(super) fn came(&self) -> bool {
        self.came.load(Ordering::SeqCst)
    }
}

impl ResolvesClientCert for CertificateRequest {
    fn resolve(&self, hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.came.store(true, Ordering::SeqCst);
        self.own.as_ref()?.resolve(hints, schemes)
    }

    fn has_certs(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.has_certs())
    }
}

/// Returns whether servers use this alert to refuse a client without a certificate. It varies: RFC
/// 8446 has `certificate_required`, older stacks use `bad_certificate` or `handshake_failure`.
pub(super) fn is_about_certificates(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::HandshakeFailure
    )
}

/// Returns whether an error after the client's side of a TLS 1.3 handshake proves that the server
/// refused that handshake.
///
/// In TLS 1.3 the client is done first: its certificate (here an empty list) and its `Finished` leave together with the
/// first request. The server must accept both before it can take application data (RFC 8446, 4.4 and 5), so a
/// server that refuses the certificate has read nothing of the request. Certificates are judged at no other time:
/// TLS 1.3 has no renegotiation, post-handshake authentication needs an extension that rustls never offers,
/// and there is no early data. So these alerts prove it, in a TLS 1.3 session whose server had asked for a certificate and
/// has not sent a byte of an answer, which the caller checks. Alerts that can come at any time
/// (`internal_error`, `decode_error`, `access_denied`, `close_notify` and others) prove nothing.
pub(super) fn refuses_our_certificate(error: &std::io::Error) -> bool {
    matches!(find::<TlsError>(error), Some(TlsError::AlertReceived(alert)) if is_about_certificates(*alert))
}

/// Returns the first error of type `T` in the chain. An `io::Error` hides its inner error from
/// `source`, so it is unwrapped.
pub(super) fn find<'a, T: StdError + 'static>(
    error: &'a (dyn StdError + 'static),
) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = match error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
        {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}
