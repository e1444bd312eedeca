//! A server as a person names it.

use std::fmt;
use std::str::FromStr;

use ecs_model::ServerId;

/// A server, by its id or by its name.
///
/// ```
/// use ecs_ops::selection::ServerRef;
///
/// assert!(matches!("616fb98f-46ca-475e-917e-2563e5a8cd19".parse()?, ServerRef::Id(_)));
/// assert!(matches!("web-1".parse()?, ServerRef::Name(name) if name == "web-1"));
///
/// // One character is missing: an id with a mistake, not the name of a server.
/// assert!("616fb98f-46ca-475e-917e-2563e5a8cd1".parse::<ServerRef>().is_err());
/// # Ok::<_, ecs_ops::selection::ParseServerRefError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ServerRef {
    /// By its id.
    Id(ServerId),
    /// By its name, which several servers can share.
    Name(String),
}

impl ServerRef {
    /// The id, if it is given.
    pub fn id(&self) -> Option<ServerId> {
        match self {
            Self::Id(id) => Some(*id),
            Self::Name(_) => None,
        }
    }
}

impl From<ServerId> for ServerRef {
    fn from(id: ServerId) -> Self {
        Self::Id(id)
    }
}

impl fmt::Display for ServerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl FromStr for ServerRef {
    type Err = ParseServerRefError;

    fn from_str(text: &str) -> Result<Self, ParseServerRefError> {
        let text = text.trim();
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        match problem_with_name(text) {
            None => Ok(Self::Name(text.to_owned())),
            Some(problem) => Err(ParseServerRefError {
                text: text.chars().take(80).collect(),
                problem,
            }),
        }
    }
}

/// Returns the reason why a text that is not an id is not a name either.
fn problem_with_name(text: &str) -> Option<&'static str> {
    /// The service's own limit is shorter.
    const LONGEST_NAME: usize = 255;
    if text.is_empty() {
        Some("it is empty")
    } else if text.chars().count() > LONGEST_NAME {
        Some("it is longer than a name can be")
    } else if text.chars().any(char::is_control) {
        Some("it has control characters")
    } else if resembles_an_id(text) {
        Some("it looks like an id, but an id is a UUID like 616fb98f-46ca-475e-917e-2563e5a8cd19")
    } else {
        None
    }
}

/// Returns `true` if a text has only hexadecimal digits and hyphens, and as many that an
/// id was meant.
fn resembles_an_id(text: &str) -> bool {
    const FEWEST_DIGITS: usize = 24;
    let text = text.trim_start_matches('{').trim_end_matches('}');
    let text = text.strip_prefix("urn:uuid:").unwrap_or(text);
    let digits = text.chars().filter(char::is_ascii_hexdigit).count();
    digits >= FEWEST_DIGITS && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

/// A text that is neither the id nor the name of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseServerRefError {
    text: String,
    problem: &'static str,
}

impl fmt::Display for ParseServerRefError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, problem } = self;
        write!(f, "{text:?} is not a server id or name: {problem}")
    }
}

impl std::error::Error for ParseServerRefError {}
