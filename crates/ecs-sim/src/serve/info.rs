//! The connection data of a server.

use std::num::NonZeroU32;
use std::path::PathBuf;

use ecs_model::{ProjectId, ServerId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};

use crate::Region;

/// The address and credentials of a server. As JSON it is the first line that `ecsctl sim` writes:
/// the order of its fields is stable, and later versions add fields only at the end.
///
/// The JSON holds the secrets, which is its purpose; `Debug` masks them.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let region = ecs_sim::Region::builder().servers(1).build()?;
/// let info = ecs_sim::Server::builder(region).bind().await?.info();
/// let line = info.to_line();
/// assert!(line.starts_with(r#"{"listening":"http://127.0.0.1:"#) && !line.contains('\n'));
/// # Ok::<_, ecs_sim::SimError>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ServerInfo {
    /// The endpoint: scheme, address and port.
    pub listening: String,
    /// The project that the servers are in.
    pub project_id: ProjectId,
    /// The name of the region.
    pub region: String,
    /// The public half of the key pair.
    pub access_key: String,
    /// The secret half of the key pair.
    #[serde(serialize_with = "expose")]
    pub secret_key: SecretString,
    /// A token for `X-Auth-Token`.
    #[serde(serialize_with = "expose")]
    pub token: SecretString,
    /// The user's name.
    pub user: String,
    /// The user's password.
    #[serde(serialize_with = "expose")]
    pub password: SecretString,
    /// The name of the domain (account).
    pub domain: String,
    /// The ids of all servers, in the order of the list.
    pub servers: Vec<ServerId>,
    /// The speed of the region's clock, as a multiple of real time.
    pub speed: NonZeroU32,
    /// The file with the certificate of the CA that a client has to trust, if it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The id of the user.
    pub user_id: String,
    /// The id of the domain.
    pub domain_id: String,
    /// The name of the domain's agency.
    pub agency: String,
}

impl ServerInfo {
    pub(super) fn new(listening: String, speed: NonZeroU32, region: &Region) -> Self {
        let identity = region.identity().clone();
        Self {
            listening,
            project_id: identity.project_id,
            region: identity.region,
            access_key: identity.access_key,
            secret_key: identity.secret_key,
            token: identity.token,
            user: identity.user,
            password: identity.password,
            domain: identity.domain,
            servers: region.servers().collect(),
            speed,
            ca_file: None,
            user_id: identity.user_id,
            domain_id: identity.domain_id,
            agency: identity.agency,
        }
    }

    /// Sets the file with the CA's certificate.
    #[must_use]
    pub fn with_ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Returns the JSON on one line, without a line break.
    pub fn to_line(&self) -> String {
        // Only a path that is not UTF-8 cannot be serialized.
        serde_json::to_string(self).unwrap_or_else(|_| {
            let without = Self {
                ca_file: None,
                ..self.clone()
            };
            serde_json::to_string(&without).unwrap_or_default()
        })
    }
}

fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}
