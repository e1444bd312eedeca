//! Trusted root certificates, read on first use: reading those of a machine takes longer than the
//! rest of a short command, and plain http needs none.

use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// The user's authorities and, optionally, those of the machine.
///
/// It checks certificates as rustls does by default (with [`WebPkiServerVerifier`]); only the time
/// at which the machine's authorities are read differs.
#[derive(Debug)]
pub(super) struct Roots {
    own: RootCertStore,
    native: bool,
    provider: Arc<CryptoProvider>,
    /// `None` inside trusts no CA.
    verifier: OnceLock<Option<Arc<WebPkiServerVerifier>>>,
}

impl Roots {
    pub(super) fn new(own: RootCertStore, native: bool, provider: Arc<CryptoProvider>) -> Self {
        Self {
            own,
            native,
            provider,
            verifier: OnceLock::new(),
        }
    }

    /// Returns whether any authority is trusted. The first call reads the machine's certificates.
    pub(super) fn has_trusted_roots(&self) -> bool {
        self.verifier().is_some()
    }

    fn verifier(&self) -> Option<&Arc<WebPkiServerVerifier>> {
        let verifier = self.verifier.get_or_init(|| {
            let mut roots = self.own.clone();
            if self.native {
                // Unusable certificates are omitted.
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            let provider = Arc::clone(&self.provider);
            let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
            // Without revocation lists it fails only if there are no roots.
            builder.build().ok()
        });
        verifier.as_ref()
    }
}

impl ServerCertVerifier for Roots {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let nobody = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let verifier = self.verifier().ok_or(nobody)?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
