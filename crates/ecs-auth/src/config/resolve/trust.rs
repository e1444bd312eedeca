//! Trust, as the settings define it.

use super::{
    AuthError, AuthReason, CredentialSource, F, OPENSTACK_ENV, Resolver, Sourced, malformed,
};
use crate::config::{TlsSettings, path_of};

impl Resolver<'_> {
    /// Returns the trusted authorities and the client certificate. A setting that disables
    /// verification is refused: it would send credentials to anybody.
    pub(super) fn tls(&self) -> Result<TlsSettings, AuthError> {
        let mut layers = self.layers();
        let may_add = matches!(
            self.found.source(),
            CredentialSource::Cloud { .. } | CredentialSource::TerraformEnvironment
        );
        layers.extend(self.found.layers.get(OPENSTACK_ENV).filter(|_| may_add));
        for field in [F::Verify, F::Insecure] {
            let own = self.own().filter(|own| own.has(field));
            if let Some((layer, value)) = own.and_then(|own| Some((own, own.peek(field)?))) {
                let truth = matches!(
                    value.to_ascii_lowercase().as_str(),
                    "true" | "yes" | "on" | "1"
                );
                if truth == (field == F::Insecure) {
                    let setting = layer.origin(field);
                    return Err(AuthError::malformed(
                        format!(
                            "{setting} is {value}, and connections whose certificates are not verified are not supported: name \
                             the authority in cacert (OS_CACERT) instead"
                        ),
                        AuthReason::InsecureTls { setting },
                    ));
                }
            }
        }
        let file = |field| {
            layers.iter().find_map(|layer| {
                let path = path_of(self.environment, layer.take(field)?);
                Some(Sourced::new(
                    path.display().to_string(),
                    layer.origin(field),
                ))
            })
        };
        let tls = TlsSettings {
            ca_file: file(F::CaFile),
            certificate: file(F::ClientCertificate),
            key: file(F::ClientKey),
        };
        if let (None, Some(key)) = (&tls.certificate, &tls.key) {
            return Err(malformed(format!(
                "{} names the key of a client certificate, and no certificate (cert) is named",
                key.origin
            )));
        }
        Ok(tls)
    }
}
