//! Tokens from IAM, and lookups there.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ecs_transport::Transport;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::ExposeSecret;
use serde_json::Value;
use tracing::{Instrument as _, info_span};

use crate::exchange::{exchange, refusal, unavailable, without};
use crate::renewal::{Fetched, RefreshingCredentials, Source};
use crate::{AuthError, AuthErrorKind, BoxFuture, Credentials, CredentialsProvider, Signed};

mod answer;
mod login;

pub use answer::{Project, TokenInfo};
pub use login::{Login, Reference, User};

/// Characters that are not escaped in a query (RFC 3986, 2.3), so that it is signed as it is sent.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The time limit of a request to IAM.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The time limit of a token's lookup, which is optional.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// The header with the token that a request to IAM is about.
const SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

/// A token is replaced when this much of its lifetime is left, or a quarter if that is less.
const RENEW_AHEAD: Duration = Duration::from_secs(5 * 60);

/// The identity service (IAM) of a region.
///
/// ```
/// # fn example(transport: std::sync::Arc<dyn ecs_transport::Transport>) -> Result<(), ecs_auth::AuthError> {
/// use ecs_auth::{IamClient, Login, Reference, User};
///
/// let iam = IamClient::new(transport, "https://iam.eu-de.otc.t-systems.com/v3")?;
/// let user = User::name("ops", Reference::name("OTC00000000001000000123"));
/// let login = Login::password(user, "open sesame").for_project(Reference::name("eu-de"));
/// let provider = iam.tokens(login); // give it to a client
/// # let _ = provider; Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct IamClient {
    transport: Arc<dyn Transport>,
    /// Without `/v3`.
    base: String,
}

impl IamClient {
    /// Creates a client of IAM at this address, with or without `/v3`.
    ///
    /// # Errors
    /// [`AuthErrorKind::Malformed`] if the address does not have the form `https://host`.
    pub fn new(transport: Arc<dyn Transport>, endpoint: &str) -> Result<Self, AuthError> {
        let base = endpoint.trim().trim_end_matches('/');
        let base = base.strip_suffix("/v3").unwrap_or(base);
        let uri: Result<Uri, _> = base.parse();
        let usable = uri.is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
                && uri.query().is_none()
                && uri
                    .authority()
                    .is_some_and(|authority| !authority.as_str().contains('@'))
        });
        if !usable {
            // Not repeated: addresses may contain passwords.
            return Err(AuthError::new(
                AuthErrorKind::Malformed,
                "the address of IAM is not a URL like https://iam.eu-de.otc.t-systems.com",
            ));
        }
        Ok(Self {
            transport,
            base: base.to_owned(),
        })
    }

    /// Returns a provider of tokens by this login, which logs in whenever a new one is needed.
    pub fn tokens(&self, login: Login) -> IamTokens {
        IamTokens(RefreshingCredentials::new(TokenSource {
            iam: self.clone(),
            login,
            last: Mutex::default(),
        }))
    }

    /// Returns the project of this name that the credentials can use. The project of a region has
    /// the region's name.
    ///
    /// # Errors
    /// [`AuthErrorKind::Refused`] if there is none, or more than one; otherwise as IAM answers.
    pub async fn find_project(
        &self,
        credentials: &Credentials,
        name: &str,
    ) -> Result<Project, AuthError> {
        // Encoded like the official SDKs: a gateway that signs the query as received would refuse
        // `eu%2Dde`.
        let name_in_query = utf8_percent_encode(name, UNRESERVED);
        let mut request = self.request(&format!("/v3/projects?name={name_in_query}"))?;
        let signed = credentials.authenticate(&mut request, Timestamp::now());
        let response = self.ask(request).await?;
        if response.status() != StatusCode::OK {
            let mask = |text: &str| credentials.mask(text).into_owned();
            return Err(refusal(&self.name(), &response, signed.as_ref(), mask));
        }
        let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let projects = body.pointer("/projects").and_then(Value::as_array);
        let Some(projects) = projects else {
            let service = self.name();
            return Err(unavailable(format!(
                "{service} answered without a list of projects"
            )));
        };
        let found: Vec<Project> = projects.iter().filter_map(Project::read).collect();
        match &found[..] {
            [project] => Ok(project.clone()),
            [] => Err(AuthError::new(
                AuthErrorKind::Refused,
                format!(
                    "no project is called {name}: is this the right region, and has it been used before? Or give the project's id"
                ),
            )),
            several => {
                let ids: Vec<&str> = several.iter().map(|project| &*project.id).collect();
                let ids = ids.join(", ");
                Err(AuthError::new(
                    AuthErrorKind::Refused,
                    format!(
                        "several projects are called {name}: give the id of the one that is meant, of {ids}"
                    ),
                ))
            }
        }
    }

    /// Looks up a token: its user, domain and project. The token authenticates itself, which needs
    /// no permission (`GET /v3/auth/tokens`, "Verifying a Token" of IAM's API reference).
    ///
    /// # Errors
    /// [`AuthErrorKind::Malformed`] if the credentials are not a token; [`AuthErrorKind::Refused`]:
    /// IAM does not know it, or it has expired; [`AuthErrorKind::Unavailable`]: no readable answer
    /// within five seconds.
    pub async fn describe_token(&self, token: &Credentials) -> Result<TokenInfo, AuthError> {
        let Some(subject) = token.token_header() else {
            let message = "only tokens can be looked up, and these credentials are not a token";
            return Err(AuthError::new(AuthErrorKind::Malformed, message));
        };
        let mut request = self.request("/v3/auth/tokens")?;
        request.headers_mut().insert(SUBJECT_TOKEN, subject);
        token.authenticate(&mut request, Timestamp::now());
        let service = self.name();
        let response = exchange(&*self.transport, request, LOOK_UP_TIMEOUT, &service).await?;
        if response.status() != StatusCode::OK {
            let mask = |text: &str| token.mask(text).into_owned();
            return Err(refusal(&service, &response, None, mask));
        }
        answer::read_info(response.body(), &service)
    }

    fn request(&self, target: &str) -> Result<Request<Bytes>, AuthError> {
        let request = Request::get(format!("{}{target}", self.base)).body(Bytes::new());
        request.map_err(|error| {
            AuthError::new(
                AuthErrorKind::Malformed,
                "the address of IAM is not a valid URL",
            )
            .with_source(error)
        })
    }

    async fn ask(&self, request: Request<Bytes>) -> Result<Response<Bytes>, AuthError> {
        exchange(&*self.transport, request, TIMEOUT, &self.name()).await
    }

    /// Returns the name for messages: the host without anything before an `@`.
    fn name(&self) -> String {
        let host = self.base.split("://").nth(1).unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        format!("IAM at {host}")
    }

    async fn log_in(&self, login: &Login) -> Result<answer::Token, AuthError> {
        let Some((by, domain_id)) = login.caller() else {
            return self.log_in_once(login, |_| None, None).await.0;
        };
        let credentials = by.credentials().await?;
        let as_caller = |credentials: &Credentials, request: &mut Request<Bytes>| {
            if let Some(Ok(id)) = domain_id.map(HeaderValue::from_str) {
                request.headers_mut().insert("x-domain-id", id);
            }
            credentials.authenticate(request, Timestamp::now())
        };
        let (token, status) = self
            .log_in_once(
                login,
                |request| as_caller(&credentials, request),
                Some(&credentials),
            )
            .await;
        if status != Some(StatusCode::UNAUTHORIZED) {
            return token;
        }
        match by.renew(&credentials).await? {
            None => token,
            Some(other) => {
                let prove = |request: &mut Request<Bytes>| as_caller(&other, request);
                let again = self.log_in_once(login, prove, Some(&other));
                again.await.0
            }
        }
    }

    async fn log_in_once(
        &self,
        login: &Login,
        prove: impl FnOnce(&mut Request<Bytes>) -> Option<Signed>,
        by: Option<&Credentials>,
    ) -> (Result<answer::Token, AuthError>, Option<StatusCode>) {
        let (body, secrets) = match login.body() {
            Ok(body) => body,
            Err(error) => return (Err(error), None),
        };
        let (response, signed) = match self.ask_for_token(body, prove).await {
            Ok(answered) => answered,
            Err(error) => {
                login.failed(&secrets, &error);
                return (Err(error), None);
            }
        };
        let token = if response.status().is_success() {
            answer::read_token(&response, Timestamp::now(), &self.name())
        } else {
            let texts: Vec<&str> = secrets.iter().map(ExposeSecret::expose_secret).collect();
            let mask = |text: &str| {
                let text = without(&texts)(text);
                by.map_or_else(|| text.clone(), |by| by.mask(&text).into_owned())
            };
            let error = refusal(&self.name(), &response, signed.as_ref(), mask);
            login.failed(&secrets, &error);
            Err(error)
        };
        (token, Some(response.status()))
    }

    async fn ask_for_token(
        &self,
        body: Bytes,
        prove: impl FnOnce(&mut Request<Bytes>) -> Option<Signed>,
    ) -> Result<(Response<Bytes>, Option<Signed>), AuthError> {
        let mut request = self.request("/v3/auth/tokens")?;
        *request.method_mut() = Method::POST;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        *request.body_mut() = body;
        let signed = prove(&mut request);
        Ok((self.ask(request).await?, signed))
    }
}

/// A provider of tokens that IAM issues for a login. Tokens are cached, and renewed some minutes
/// before they expire and after the service refused one, by one login at a time for all waiting
/// requests. A valid token is used until its successor arrives. A refused login is not repeated
/// within a minute.
#[derive(Debug)]
pub struct IamTokens(RefreshingCredentials<TokenSource>);

impl IamTokens {
    /// Returns IAM's description of the token in use, for example its project. Logs in if there is
    /// none.
    ///
    /// # Errors
    /// As [`credentials`](CredentialsProvider::credentials).
    pub async fn info(&self) -> Result<TokenInfo, AuthError> {
        self.0.credentials().await?;
        let source = self.0.source();
        let last = source.last.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(last.clone())
    }
}

impl CredentialsProvider for IamTokens {
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
struct TokenSource {
    iam: IamClient,
    login: Login,
    last: Mutex<TokenInfo>,
}

impl Source for TokenSource {
    fn fetch(&self) -> BoxFuture<'_, Result<Fetched, AuthError>> {
        Box::pin(async {
            let span = info_span!("login", method = self.login.method());
            let token = self.iam.log_in(&self.login).instrument(span).await?;
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = token.info;
            let ahead = token
                .lifetime
                .map_or(RENEW_AHEAD, |life| RENEW_AHEAD.min(life / 4));
            Ok(Fetched {
                credentials: token.credentials,
                lifetime: token.lifetime,
                renew_ahead: ahead,
            })
        })
    }
}

#[cfg(test)]
mod tests;
