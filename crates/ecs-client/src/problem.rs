//! Problems: why something failed, as text and facts for reports.

use std::error::Error as StdError;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use ecs_model::{ResponseError, request_id};
use ecs_transport::{TransportError, TransportErrorKind};
use jiff::Timestamp;

use crate::Endpoint;
use crate::clock::ClockReading;

/// The reason of a failure: a message for people and, if the service gave one, a code for programs.
///
/// Serializes to its code and message, and is deserialized from them. The message includes the
/// other facts.
///
/// Clones share their content: the outcomes of a thousand servers hold one text. Most outcomes have
/// no problem, so it has the size of a pointer.
///
/// ```
/// use ecs_client::Problem;
///
/// let problem = Problem::new("busy").with_code(Some("Ecs.0005"));
/// assert_eq!((problem.code.as_deref(), &*problem.message), (Some("Ecs.0005"), "busy"));
/// assert_eq!(size_of::<Option<Problem>>(), size_of::<usize>());
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Problem(Arc<ProblemFacts>);

/// The content of a [`Problem`].
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename = "Problem")]
#[non_exhaustive]
pub struct ProblemFacts {
    /// The service's error code.
    pub code: Option<String>,
    /// The message.
    pub message: String,
    #[serde(skip)]
    exchange: Option<Box<Exchange>>,
}

impl Deref for Problem {
    type Target = ProblemFacts;

    fn deref(&self) -> &ProblemFacts {
        &self.0
    }
}

impl DerefMut for Problem {
    /// Changes only this clone.
    fn deref_mut(&mut self) -> &mut ProblemFacts {
        Arc::make_mut(&mut self.0)
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Problem")
            .field("code", &self.code)
            .field("message", &self.message)
            .field("exchange", &self.exchange)
            .finish()
    }
}

impl serde::Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Problem {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ProblemFacts::deserialize(deserializer).map(|facts| Self(Arc::new(facts)))
    }
}

/// The exchange that a problem comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Exchange {
    transport: Option<TransportErrorKind>,
    status: Option<u16>,
    request_id: Option<String>,
    sent: Option<ClockReading>,
    /// `true` if nothing proves that the service made the answer.
    unproven: bool,
    moved_to: Option<String>,
}

impl Problem {
    /// Returns the kind of the transport error, if the transport failed.
    pub fn transport(&self) -> Option<TransportErrorKind> {
        self.exchange.as_ref()?.transport
    }

    /// Returns the HTTP status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.exchange.as_ref()?.status
    }

    /// Returns the service's id of the exchange, for its support.
    pub fn request_id(&self) -> Option<&str> {
        self.exchange.as_ref()?.request_id.as_deref()
    }

    /// Returns when the request was sent, if it may have been executed.
    pub fn sent_at(&self) -> Option<Timestamp> {
        Some(self.sent()?.local)
    }

    /// Returns when the request was sent, on both clocks, if it may have been executed.
    pub fn sent(&self) -> Option<ClockReading> {
        self.exchange.as_ref()?.sent
    }

    /// Returns whether nothing proves that the service made the answer: a page of a proxy, a web
    /// server, another program.
    pub fn is_unproven_answer(&self) -> bool {
        self.exchange
            .as_ref()
            .is_some_and(|exchange| exchange.unproven)
    }

    /// Returns the endpoint that a redirect of the whole site names.
    pub fn moved_to(&self) -> Option<&str> {
        self.exchange.as_ref()?.moved_to.as_deref()
    }

    fn exchange_mut(&mut self) -> &mut Exchange {
        self.exchange.get_or_insert_default()
    }
}

impl Problem {
    /// Creates a problem with this text.
    pub fn new(message: impl Into<String>) -> Self {
        Self(Arc::new(ProblemFacts {
            message: message.into(),
            ..ProblemFacts::default()
        }))
    }

    /// Adds the service's error code.
    #[must_use]
    pub fn with_code(mut self, code: Option<&str>) -> Self {
        self.code = code.map(str::to_owned);
        self
    }

    /// Creates the problem of an answer that is an error. `moved_to` is the new address of the
    /// whole site, if the answer names one.
    pub(crate) fn of_answer(error: &ResponseError, moved_to: Option<&Endpoint>) -> Self {
        let mut problem = Self::new(describe_answer(error, moved_to)).with_code(error.code());
        let exchange = problem.exchange_mut();
        exchange.status = Some(error.status().as_u16());
        exchange.unproven = !error.origin().is_proven();
        exchange.moved_to = moved_to.map(Endpoint::to_string);
        problem.exchanged(error.request_id());
        // Details name servers, for example.
        for detail in error.details() {
            let message = detail.message.as_deref().unwrap_or_default();
            if !problem.message.contains(message) {
                problem.message.push_str("; ");
                problem.message.push_str(message);
            }
        }
        if let Some(info) = error.info() {
            problem.message.push_str("; ");
            problem.message.push_str(info.advice);
        }
        problem
    }

    /// Creates the problem of a transport that failed, with this message.
    pub(crate) fn of_transport(message: String, error: &TransportError) -> Self {
        let mut problem = Self::new(message);
        problem.exchange_mut().transport = Some(error.kind());
        if let Some((status, headers)) = error.head() {
            problem
                .message
                .push_str(&format!(" after HTTP {}", status.as_u16()));
            problem.exchanged(request_id(headers).as_deref());
        }
        problem
    }

    /// Sets the kind of the transport error, where the message describes something else.
    pub(crate) fn with_transport(mut self, kind: Option<TransportErrorKind>) -> Self {
        if kind.is_some() {
            self.exchange_mut().transport = kind;
        }
        self
    }

    fn exchanged(&mut self, request_id: Option<&str>) {
        if let Some(id) = request_id {
            self.message.push_str(&format!(" (request {id})"));
            self.exchange_mut().request_id = Some(id.to_owned());
        }
    }

    /// Prefixes a consequence: `what: problem`.
    #[must_use]
    pub fn because(mut self, message: &str) -> Self {
        self.message = format!("{message}: {}", self.message);
        self
    }

    /// Appends another problem: `problem; more`.
    #[must_use]
    pub fn and(mut self, more: &str) -> Self {
        self.message = format!("{}; {more}", self.message);
        self
    }

    /// Adds when a request was sent that may have been executed.
    #[must_use]
    pub fn maybe_executed(mut self, sent: ClockReading) -> Self {
        self.message = format!(
            "may have been executed: {}; sent at {:.0}",
            self.message, sent.local
        );
        self.exchange_mut().sent = Some(sent);
        self
    }

    /// Adds when the request was sent.
    #[must_use]
    pub fn sent_then(mut self, sent: ClockReading) -> Self {
        self.exchange_mut().sent = Some(sent);
        self
    }

    /// Adds the number of attempts, if there were several.
    pub(crate) fn after_attempts(mut self, attempts: u32) -> Self {
        if attempts > 1 {
            self.message.push_str(&format!(" ({attempts} attempts)"));
        }
        self
    }

    /// Changes each text in which the service may repeat a part of the request.
    pub(crate) fn map_text(mut self, change: impl Fn(&str) -> String) -> Self {
        self.message = change(&self.message);
        self.code = self.code.as_deref().map(change);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Has no source: the message holds the complete chain.
impl std::error::Error for Problem {}

/// Describes an answer that is an error, alike wherever it is shown. An answer that is
/// not the service's own is marked as such, with its maker as far as the headers name it.
/// `moved_to` is the new address of the whole site, if the answer is a redirect that names one.
///
/// ```
/// use ecs_client::describe_answer;
/// use ecs_model::ResponseError;
/// use http::{HeaderMap, HeaderValue, StatusCode};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("server", HeaderValue::from_static("nginx/1.22.1"));
/// let page = ResponseError::parse(StatusCode::NOT_FOUND, &headers, b"<html>");
/// assert_eq!(
///     describe_answer(&page, None),
///     "not an answer of the service: HTTP 404 with an HTML page (answered by nginx/1.22.1)"
/// );
/// ```
pub fn describe_answer(error: &ResponseError, moved_to: Option<&Endpoint>) -> String {
    if let Some(endpoint) = moved_to {
        let status = error.status().as_u16();
        return format!("the whole site has moved to {endpoint} (HTTP {status}, not followed)");
    }
    if error.wants_proxy_credentials() {
        return format!("a proxy requires a user name and password: {error}");
    }
    // Gateways also report a failing service with a page. A success with missing parts is not
    // described here.
    let is_page = matches!(error.status().as_u16(), 300..=499);
    if is_page && !error.origin().is_proven() {
        format!("not an answer of the service: {error}")
    } else {
        error.to_string()
    }
}

/// Joins an error and its causes in one line, for where they are printed or become a [`Problem`]. A
/// cause that the line already contains is omitted.
pub fn chain(error: &dyn StdError) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let message = error.to_string();
        if !line.contains(&message) {
            line.push_str(": ");
            line.push_str(&message);
        }
        source = error.source();
    }
    line
}
