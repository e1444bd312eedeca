//! Problems: what went wrong, as text and facts for reports.

use std::error::Error as StdError;
use std::fmt;

use ecs_model::{ResponseError, request_id};
use ecs_transport::{TransportError, TransportErrorKind};
use jiff::Timestamp;

use crate::clock::ClockReading;

/// A problem: a message for people and, if the service gave one, a code for programs.
///
/// Serializes to code and message; the message includes the other facts.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// The service's error code.
    pub code: Option<String>,
    /// What happened.
    pub message: String,
    #[serde(skip)]
    exchange: Option<Box<Exchange>>,
}

/// The exchange that a problem comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Exchange {
    transport: Option<TransportErrorKind>,
    status: Option<u16>,
    request_id: Option<String>,
    sent: Option<ClockReading>,
}

impl Problem {
    /// The kind of transport failure, if it was one.
    pub fn transport(&self) -> Option<TransportErrorKind> {
        self.exchange.as_ref()?.transport
    }

    /// The HTTP status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.exchange.as_ref()?.status
    }

    /// The service's id of the exchange, for its support.
    pub fn request_id(&self) -> Option<&str> {
        self.exchange.as_ref()?.request_id.as_deref()
    }

    /// When the request was sent, if it may have been executed.
    pub fn sent_at(&self) -> Option<Timestamp> {
        Some(self.sent()?.local)
    }

    /// The same on the service's clock too.
    pub fn sent(&self) -> Option<ClockReading> {
        self.exchange.as_ref()?.sent
    }

    fn exchange_mut(&mut self) -> &mut Exchange {
        self.exchange.get_or_insert_default()
    }
}

impl Problem {
    /// A problem with this text.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..Self::default()
        }
    }

    /// Adds the service's error code.
    #[must_use]
    pub fn with_code(mut self, code: Option<&str>) -> Self {
        self.code = code.map(str::to_owned);
        self
    }

    /// An answer that is an error.
    pub(crate) fn of_answer(error: &ResponseError) -> Self {
        let mut problem = Self::new(error.to_string()).with_code(error.code());
        problem.exchange_mut().status = Some(error.status().as_u16());
        problem.exchanged(error.request_id());
        if let Some(info) = error.info() {
            problem.message.push_str("; ");
            problem.message.push_str(info.advice);
        }
        problem
    }

    /// A failure of the transport, with this text for it.
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

    /// How the exchange failed, where something else tells what happened.
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

    /// Puts a consequence in front: `what: problem`.
    #[must_use]
    pub fn because(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// Adds another problem: `problem; more`.
    #[must_use]
    pub fn and(mut self, more: &str) -> Self {
        self.message = format!("{}; {more}", self.message);
        self
    }

    /// The problem of a request that was sent then and may have been executed.
    #[must_use]
    pub fn maybe_executed(mut self, sent: ClockReading) -> Self {
        self.message = format!(
            "may have been executed: {}; sent at {:.0}",
            self.message, sent.local
        );
        self.exchange_mut().sent = Some(sent);
        self
    }

    /// The problem of a request that was sent then.
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

    /// Changes each text in which the service may have repeated a part of the request.
    pub(crate) fn map_text(mut self, change: impl Fn(&str) -> String) -> Self {
        self.message = change(&self.message);
        self.code = self.code.map(|code| change(&code));
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// An error and its causes in one line, for where they are printed or become a [`Problem`].
pub fn chain(error: &dyn StdError) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let message = error.to_string();
        if !line.ends_with(&message) {
            line.push_str(": ");
            line.push_str(&message);
        }
        source = error.source();
    }
    line
}
