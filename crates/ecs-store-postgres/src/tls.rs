//! TLS to the server, by rustls.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

use crate::{StoreError, StoreErrorKind};

/// Makes TLS connections that verify the server's certificate and its name. Without a connector it
/// makes none: one type for both ways keeps the code of the driver from being there twice.
#[derive(Clone)]
pub(crate) struct Connector(Option<TlsConnector>);

impl Connector {
    /// Returns a connector for connections without TLS.
    pub(crate) fn without_tls() -> Self {
        Self(None)
    }

    /// Trusts the certificates in this file (PEM), or else those that the system trusts.
    pub(crate) fn new(roots: Option<&PathBuf>) -> Result<Self, StoreError> {
        let mut trusted = RootCertStore::empty();
        match roots {
            Some(file) => {
                let failed = |error: rustls::pki_types::pem::Error| {
                    let message = format!("the certificates in {} cannot be read", file.display());
                    StoreError::new(StoreErrorKind::Invalid, message).with_source(error)
                };
                for certificate in CertificateDer::pem_file_iter(file).map_err(failed)? {
                    let certificate = certificate.map_err(failed)?;
                    trusted.add(certificate).map_err(|error| {
                        let message = format!("a certificate in {} is not valid", file.display());
                        StoreError::new(StoreErrorKind::Invalid, message).with_source(error)
                    })?;
                }
            }
            None => {
                trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| {
                let message = "TLS cannot be set up";
                StoreError::new(StoreErrorKind::Other, message).with_source(error)
            })?
            .with_root_certificates(trusted)
            .with_no_client_auth();
        Ok(Self(Some(TlsConnector::from(Arc::new(config)))))
    }
}

impl MakeTlsConnect<Socket> for Connector {
    type Stream = Encrypted;
    type TlsConnect = NamedConnector;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<NamedConnector> {
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error));
        Ok(match &self.0 {
            Some(connector) => NamedConnector(Some((connector.clone(), name?))),
            None => NamedConnector(None),
        })
    }
}

/// A connector to the host of this name.
pub(crate) struct NamedConnector(Option<(TlsConnector, ServerName<'static>)>);

impl TlsConnect<Socket> for NamedConnector {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let Some((connector, name)) = self.0 else {
                return Err(io::Error::other("TLS was not asked for"));
            };
            let stream = connector.connect(name, socket).await?;
            Ok(Encrypted(Box::new(stream)))
        })
    }
}

/// An encrypted connection.
pub(crate) struct Encrypted(Box<tokio_rustls::client::TlsStream<Socket>>);

impl TlsStream for Encrypted {
    /// SCRAM without a binding to the channel: the certificate is verified instead.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
