//! The trust settings of a source.

#[cfg(feature = "hyper")]
use super::transports::Transports;
use crate::Sourced;
#[cfg(feature = "hyper")]
use crate::{AuthError, AuthErrorKind};

/// The trusted authorities and the client certificate, from `cacert`, `cert` and `key`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsSettings {
    /// The only trusted authorities, as `requests` treats it for openstacksdk: those of the machine
    /// are not trusted then.
    pub ca_file: Option<Sourced>,
    /// A client certificate.
    pub certificate: Option<Sourced>,
    /// Its key; `None` if it is in the file of the certificate.
    pub key: Option<Sourced>,
}

impl TlsSettings {
    /// Creates transports with these trust settings.
    #[cfg(feature = "hyper")]
    pub(crate) fn transports(&self) -> Result<Transports, AuthError> {
        use std::sync::Arc;

        use ecs_transport::HyperTransport;

        let cannot = |error: ecs_transport::BuildError| {
            AuthError::new(AuthErrorKind::Malformed, "no connection can be made").with_source(error)
        };
        let services = self.apply(HyperTransport::builder());
        let metadata = HyperTransport::builder().no_proxy().native_roots(false);
        Ok(Transports {
            services: Arc::new(services.build().map_err(cannot)?),
            metadata: Arc::new(metadata.build().map_err(cannot)?),
        })
    }

    /// Applies the trusted authorities and the client certificate to a transport.
    #[cfg(feature = "hyper")]
    pub fn apply(
        &self,
        builder: ecs_transport::HyperTransportBuilder,
    ) -> ecs_transport::HyperTransportBuilder {
        let mut builder = builder;
        if let Some(file) = &self.ca_file {
            builder = builder.native_roots(false).ca_file(&file.value);
        }
        if let Some(certificate) = &self.certificate {
            let key = self.key.as_ref().unwrap_or(certificate);
            builder = builder.client_certificate(&certificate.value, &key.value);
        }
        builder
    }
}
