//! Checks of requests before they are sent.

use std::fmt;

use crate::ServerId;

/// A violation of a request: its place (a JSON pointer, RFC 6901) and a message.
///
/// ```
/// use ecs_model::{BatchRebootServers, RebootType};
///
/// let error = BatchRebootServers::new(RebootType::Soft, Vec::new()).unwrap_err();
/// let found: Vec<String> = error.violations().iter().map(ToString::to_string).collect();
/// assert_eq!(found, ["/reboot/servers: at least 1 is needed, there are 0"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pointer: String,
    message: String,
}

impl Violation {
    pub(crate) fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
        }
    }

    /// Returns the JSON pointer into the request body; `""` is the whole body.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Returns the message.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            // The request as a whole.
            "" => f.write_str(&self.message),
            pointer => write!(f, "{pointer}: {}", self.message),
        }
    }
}

/// All violations of a request; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationError {
    violations: Vec<Violation>,
}

impl ValidationError {
    /// Fails if there are any violations.
    pub(crate) fn check(violations: Vec<Violation>) -> Result<(), Self> {
        if violations.is_empty() {
            Ok(())
        } else {
            Err(Self { violations })
        }
    }

    #[cfg(any(test, feature = "server"))]
    pub(crate) fn one(violation: Violation) -> Self {
        Self {
            violations: vec![violation],
        }
    }

    /// Creates the error of a missing required field.
    #[cfg(any(test, feature = "server"))]
    pub(crate) fn missing(pointer: &str) -> Self {
        Self::one(Violation::new(pointer, "missing"))
    }

    /// Creates the error of a body whose only field is no known action.
    #[cfg(any(test, feature = "server"))]
    pub(crate) fn unknown_action(known: &[&str]) -> Self {
        Self::one(Violation::new(
            "",
            format!("one of the actions {} is needed", known.join(", ")),
        ))
    }

    /// Returns all violations, in the order of the schema and of the list.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

impl fmt::Display for ValidationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 5;
        f.write_str("invalid request: ")?;
        for (index, violation) in self.violations.iter().take(SHOWN).enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{violation}")?;
        }
        match self.violations.len().checked_sub(SHOWN) {
            Some(more) if more > 0 => write!(f, "; and {more} more"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for ValidationError {}

/// Appends a segment to the pointer and returns the length to truncate it to afterwards.
pub(crate) fn descend(pointer: &mut String, segment: &str) -> usize {
    let parent = pointer.len();
    pointer.push('/');
    pointer.push_str(&segment.replace('~', "~0").replace('/', "~1"));
    parent
}

/// Returns a text for an error message, quoted and shortened.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

/// Checks a list of servers for an action, by its place in the body.
pub(crate) fn check_servers(
    pointer: &str,
    servers: &[ServerId],
    min: usize,
    max: usize,
) -> Result<(), ValidationError> {
    let mut found = Vec::new();
    if servers.len() < min {
        found.push(Violation::new(
            pointer,
            format!("at least {min} is needed, there are {}", servers.len()),
        ));
    }
    if servers.len() > max {
        found.push(Violation::new(
            pointer,
            format!("at most {max} are allowed, there are {}", servers.len()),
        ));
    }
    for (index, first) in ServerId::duplicates(servers) {
        found.push(Violation::new(
            format!("{pointer}/{index}/id"),
            format!("the same as {pointer}/{first}/id"),
        ));
    }
    ValidationError::check(found)
}

#[cfg(test)]
mod tests;
