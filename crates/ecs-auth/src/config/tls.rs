//! Whom the settings of a source trust.

#[cfg(feature = "hyper")]
use super::transports::Transports;
use crate::Sourced;
#[cfg(feature = "hyper")]
use crate::{AuthError, AuthErrorKind};

/// The authorities to trust, and the certificate to show to servers, by `cacert`, `cert` and `key`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsSettings {
    /// The only authorities to trust, as `requests` has it for openstacksdk: the machine's own are not trusted then.
    pub ca_file: Option<Sourced>,
    /// A client certificate.
    pub certificate: Option<Sourced>,
    /// Its key; in the file of the certificate where it is not named.
    pub key: Option<Sourced>,
}

impl TlsSettings {
    /// Transports that trust whom these settings trust.
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

    /// Returns a transport that trusts whom these settings trust, and shows the certificate that
    /// they name.
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
