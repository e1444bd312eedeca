//! Certificates.

use std::fmt;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use secrecy::{ExposeSecret, SecretString};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::{SimError, SimErrorKind};

/// The names of a generated certificate: this machine.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A certificate for the server, with its key.
///
/// ```
/// let tls = ecs_sim::Tls::self_signed()?;
/// assert!(tls.ca_pem().is_some_and(|pem| pem.starts_with("-----BEGIN CERTIFICATE-----")));
/// # Ok::<_, ecs_sim::SimError>(())
/// ```
#[derive(Clone)]
pub struct Tls {
    pub(super) chain: String,
    pub(super) key: SecretString,
    ca: Option<String>,
}

impl Tls {
    /// Parses a certificate chain (the server's own first) and its private key, both PEM.
    ///
    /// # Errors
    /// They are invalid, or do not belong together.
    pub fn from_pem(
        chain: impl Into<String>,
        key: impl Into<SecretString>,
    ) -> Result<Self, SimError> {
        let tls = Self {
            chain: chain.into(),
            key: key.into(),
            ca: None,
        };
        tls.acceptor().map(|_| tls)
    }

    /// Generates a CA and a certificate from it for `localhost`, `127.0.0.1` and `::1`. The CA's
    /// key is discarded.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn self_signed() -> Result<Self, SimError> {
        let failed = |error: rcgen::Error| {
            SimError::new(SimErrorKind::Tls, "cannot make a certificate").with_source(error)
        };
        let mut ca = CertificateParams::new(Vec::new()).map_err(failed)?;
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        ca.distinguished_name
            .push(DnType::CommonName, "ecs-sim test CA");
        let ca_key = KeyPair::generate().map_err(failed)?;
        let ca_pem = ca.self_signed(&ca_key).map_err(failed)?.pem();

        let mut own = CertificateParams::new(NAMES.map(str::to_owned)).map_err(failed)?;
        own.distinguished_name.push(DnType::CommonName, "ecs-sim");
        own.use_authority_key_identifier_extension = true;
        own.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let own_key = KeyPair::generate().map_err(failed)?;
        let issuer = Issuer::new(ca, ca_key);
        let own_pem = own.signed_by(&own_key, &issuer).map_err(failed)?.pem();
        Ok(Self {
            chain: own_pem,
            key: own_key.serialize_pem().into(),
            ca: Some(ca_pem),
        })
    }

    /// Returns the certificate of the CA that clients have to trust, if it was generated.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    pub(super) fn acceptor(&self) -> Result<TlsAcceptor, SimError> {
        let unusable = |message: &str| SimError::new(SimErrorKind::Tls, message);
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(self.chain.as_bytes())
                .collect::<Result<_, _>>()
                .map_err(|error| unusable("the certificate is not PEM").with_source(error))?;
        if chain.is_empty() {
            return Err(unusable("there is no certificate in the PEM"));
        }
        let key = PrivateKeyDer::from_pem_slice(self.key.expose_secret().as_bytes())
            .map_err(|error| unusable("the private key is not PEM").with_source(error))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| {
                unusable("the certificate and the key cannot be used").with_source(error)
            })?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("key", &"[REDACTED]")
            .field("own_ca", &self.ca.is_some())
            .finish_non_exhaustive()
    }
}
