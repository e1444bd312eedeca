//! Temporary keys from the metadata service of the server that this process runs on.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ecs_transport::Transport;
use http::{HeaderValue, Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::Value;

use crate::exchange::{exchange, refusal, unavailable};
use crate::renewal::{Fetched, RefreshingCredentials, Source};
use crate::{AccessKey, AuthError, AuthErrorKind, BoxFuture, Credentials, CredentialsProvider};

/// The address of the metadata service on every server.
const ADDRESS: &str = "http://169.254.169.254";

const WHO: &str = "the metadata service";

/// The time limit of a request. The service is on the same host: a later answer will not come,
/// mostly because this is no server of the cloud.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Keys are replaced when less than this is left of their day. The service has new ones well
/// before.
const RENEW_AHEAD: Duration = Duration::from_secs(40 * 60);

/// A provider of temporary keys of the agency of the server that this process runs on. Keys are
/// cached, and replaced when less than 40 minutes remain or after the service refused them. Needs
/// no configuration; the server needs an agency for cloud services.
///
/// The transport must reach 169.254.169.254 directly, not through a proxy.
///
/// ```
/// # fn example(transport: std::sync::Arc<dyn ecs_transport::Transport>) {
/// use ecs_auth::MetadataKeys;
///
/// let provider = MetadataKeys::new(transport); // give it to a client
/// # let _ = provider; }
/// ```
#[derive(Debug)]
pub struct MetadataKeys(RefreshingCredentials<KeySource>);

/// The server that this process runs on, and its location, as the metadata service describes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstanceLocation {
    /// The id of the server (`uuid` in `meta_data.json`).
    pub server_id: Option<String>,
    /// The name of the server.
    pub name: Option<String>,
    /// Its project.
    pub project_id: Option<String>,
    /// Its region, for example `eu-de`.
    pub region: Option<String>,
}

impl MetadataKeys {
    /// Creates a provider of keys from the service at 169.254.169.254.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self::at(transport, ADDRESS)
    }

    /// Returns the server that this process runs on and its location, as far as the service
    /// describes them. Needs no agency.
    ///
    /// # Errors
    /// The service did not answer, or refused.
    pub async fn location(&self) -> Result<InstanceLocation, AuthError> {
        self.0.source().location().await
    }

    /// Creates a provider of keys from a service elsewhere, for tests: `http://host:port`.
    pub fn at(transport: Arc<dyn Transport>, address: &str) -> Self {
        Self(RefreshingCredentials::new(KeySource {
            transport,
            address: address.trim_end_matches('/').to_owned(),
        }))
    }
}

impl CredentialsProvider for MetadataKeys {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, AuthError>> {
        self.0.credentials()
    }

    fn renew<'a>(
        &'a self,
        refused: &'a Credentials,
    ) -> BoxFuture<'a, Result<Option<Credentials>, AuthError>> {
        self.0.renew(refused)
    }
}

#[derive(Debug)]
struct KeySource {
    transport: Arc<dyn Transport>,
    address: String,
}

impl KeySource {
    async fn ask(
        &self,
        method: &str,
        path: &str,
        header: Option<(&'static str, HeaderValue)>,
    ) -> Result<Response<Bytes>, AuthError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address));
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let request = request.body(Bytes::new()).map_err(|error| {
            AuthError::new(
                AuthErrorKind::Malformed,
                "the address of the metadata service is not a URL like http://169.254.169.254",
            )
            .with_source(error)
        })?;
        exchange(&*self.transport, request, TIMEOUT, WHO).await
    }

    /// Returns the session token of the protected variant; `None` if the service does not have that
    /// variant.
    async fn session(&self) -> Result<Option<HeaderValue>, AuthError> {
        let six_hours = HeaderValue::from_static("21600");
        let header = ("x-metadata-token-ttl-seconds", six_hours);
        let response = self
            .ask("PUT", "/meta-data/latest/api/token", Some(header))
            .await?;
        match response.status() {
            StatusCode::OK => {
                let token = HeaderValue::from_bytes(response.body().trim_ascii());
                let mut token = token
                    .ok()
                    .filter(|token| !token.is_empty())
                    .ok_or_else(|| unavailable(format!("{WHO} gave no usable session token")))?;
                token.set_sensitive(true);
                Ok(Some(token))
            }
            StatusCode::BAD_REQUEST
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_IMPLEMENTED => Ok(None),
            _ => Err(refused(&response)),
        }
    }

    async fn get(&self, path: &str) -> Result<Response<Bytes>, AuthError> {
        let session = self.session().await?;
        let header = session.map(|token| ("x-metadata-token", token));
        self.ask("GET", path, header).await
    }

    async fn location(&self) -> Result<InstanceLocation, AuthError> {
        let response = self.get("/openstack/latest/meta_data.json").await?;
        if response.status() != StatusCode::OK {
            return Err(refused(&response));
        }
        let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let text = |name| {
            let text = body.get(name)?.as_str()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        Ok(InstanceLocation {
            server_id: text("uuid"),
            name: text("name"),
            project_id: text("project_id"),
            region: text("region_id"),
        })
    }

    async fn keys(&self) -> Result<Fetched, AuthError> {
        let response = self.get("/openstack/latest/securitykey").await?;
        match response.status() {
            StatusCode::OK => read(response.body(), Timestamp::now()),
            StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED => Err(AuthError::new(
                AuthErrorKind::Refused,
                format!("{WHO} has no keys: give this server an agency for cloud services"),
            )
            .with_source(refused(&response))),
            _ => Err(refused(&response)),
        }
    }
}

impl Source for KeySource {
    fn fetch(&self) -> BoxFuture<'_, Result<Fetched, AuthError>> {
        Box::pin(self.keys())
    }
}

fn refused(response: &Response<Bytes>) -> AuthError {
    refusal(WHO, response, None, str::to_owned)
}

fn read(body: &[u8], now: Timestamp) -> Result<Fetched, AuthError> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name| body.get("credential")?.get(name)?.as_str();
    let (Some(access), Some(secret), Some(token)) =
        (text("access"), text("secret"), text("securitytoken"))
    else {
        return Err(unavailable(format!("{WHO} answered without keys")));
    };
    let key = AccessKey::new(access, secret)?.with_security_token(token)?;
    let end = text("expires_at").and_then(|end| end.parse::<Timestamp>().ok());
    let lifetime = end.map(|end| Duration::try_from(end.duration_since(now)).unwrap_or_default());
    if lifetime == Some(Duration::ZERO) {
        return Err(unavailable(format!(
            "{WHO} gave keys that have expired already: is the clock right?"
        )));
    }
    let credentials = Credentials::access_key(key);
    Ok(Fetched {
        credentials: match end {
            Some(end) => credentials.with_end(end),
            None => credentials,
        },
        lifetime,
        renew_ahead: RENEW_AHEAD,
    })
}

#[cfg(test)]
mod tests;
