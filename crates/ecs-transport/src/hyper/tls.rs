//! Whom we trust, and what to tell a person when a handshake failed.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CertificateError, ClientConfig, ConfigBuilder, RootCertStore};

use super::builder::{BuildError, BuildErrorKind};

/// Certificates the user trusts in addition.
#[derive(Clone, Debug)]
pub(super) enum Authority {
    File(PathBuf),
    Pem(Vec<u8>),
}

/// The certificate that is shown to servers, and its key.
#[derive(Clone, Debug)]
pub(super) struct ClientCertificate {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// The client's side of TLS, and whether it trusts anyone at all.
pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    pub(super) trusts_someone: bool,
}

/// TLS 1.2 and 1.3 with ring. An own authority that cannot be used is an error; certificates of the machine
/// that cannot be used are left out, and that there are none matters only when https is wanted.
pub(super) fn configure(
    native_roots: bool,
    own: &[Authority],
    client: Option<&ClientCertificate>,
) -> Result<Tls, BuildError> {
    let mut roots = RootCertStore::empty();
    for authority in own {
        add(&mut roots, authority)?;
    }
    if native_roots {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let trusts_someone = !roots.is_empty();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| {
            BuildError::new(BuildErrorKind::Tls, "TLS cannot be set up").with_source(error)
        })?
        .with_root_certificates(roots);
    let config = match client {
        Some(client) => client.add_to(config)?,
        None => config.with_no_client_auth(),
    };
    Ok(Tls {
        config: Arc::new(config),
        trusts_someone,
    })
}

impl ClientCertificate {
    fn add_to(
        &self,
        config: ConfigBuilder<ClientConfig, WantsClientCert>,
    ) -> Result<ClientConfig, BuildError> {
        let cannot = |path: &Path, what: &str| {
            let detail = format!("client certificate: {} {what}", path.display());
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
        |what: &str| BuildError::new(BuildErrorKind::CaCertificate, format!("{name} {what}"));
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

/// What a person can do about a failed handshake.
pub(super) fn advice(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    use rustls::Error as E;

    Some(match find::<E>(error)? {
        E::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            "its certificate is not from an authority trusted here; if it is a private one, give its CA file"
        }
        E::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "its certificate is for another host name",
        E::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "its certificate has expired",
        E::InvalidMessage(_) => "it does not speak TLS; should the URL begin with http:// ?",
        _ => return None,
    })
}

/// The first error of type `T` in the chain. An `io::Error` hides the one it wraps from `source`, so it is opened.
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
