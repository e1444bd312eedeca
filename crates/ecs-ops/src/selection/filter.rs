//! The conditions of a filter, one at a time.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ecs_model::{Addresses, Server};
use globset::{GlobBuilder, GlobMatcher};
use regex::Regex;

/// A text that is not the condition it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseFilterError(String);

impl fmt::Display for ParseFilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseFilterError {}

/// A pattern that names fit or not, as a whole.
///
/// ```
/// use ecs_ops::selection::NamePattern;
///
/// let glob = NamePattern::glob("web-{1,2}?*")?;
/// assert!(glob.matches("web-10") && !glob.matches("web-1") && !glob.matches("my-web-10"));
/// let regex = NamePattern::regex("^(web|app)-[0-9]+$")?;
/// assert!(regex.matches("app-7") && !regex.matches("db-7"));
/// # Ok::<_, ecs_ops::selection::ParseFilterError>(())
/// ```
#[derive(Clone, Debug)]
pub struct NamePattern {
    text: String,
    matcher: Matcher,
}

#[derive(Clone, Debug)]
enum Matcher {
    Glob(Box<GlobMatcher>),
    Regex(Regex),
}

impl NamePattern {
    /// A pattern with `*` (any text), `?` (one character), `[abc]` and `{one,another}`; case
    /// counts, and it must fit the whole name.
    ///
    /// # Errors
    /// The pattern is empty or malformed, such as `[a`.
    pub fn glob(pattern: &str) -> Result<Self, ParseFilterError> {
        if pattern.is_empty() {
            return Err(ParseFilterError("the name pattern is empty".to_owned()));
        }
        let glob = GlobBuilder::new(pattern).backslash_escape(true).build();
        let glob = glob.map_err(|error| {
            ParseFilterError(format!("{pattern:?} is not a pattern: {}", error.kind()))
        })?;
        Ok(Self {
            text: pattern.to_owned(),
            matcher: Matcher::Glob(Box::new(glob.compile_matcher())),
        })
    }

    /// A regular expression, in the syntax of the crate `regex`; it may fit anywhere in the name,
    /// unless `^` and `$` say otherwise.
    ///
    /// # Errors
    /// The expression is malformed or too large.
    pub fn regex(pattern: &str) -> Result<Self, ParseFilterError> {
        let regex = Regex::new(pattern).map_err(|error| {
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            ParseFilterError(format!("{pattern:?} is not a regular expression: {reason}"))
        })?;
        Ok(Self {
            text: pattern.to_owned(),
            matcher: Matcher::Regex(regex),
        })
    }

    /// Returns `true` if a name fits.
    pub fn matches(&self, name: &str) -> bool {
        match &self.matcher {
            Matcher::Glob(glob) => glob.is_match(name),
            Matcher::Regex(regex) => regex.is_match(name),
        }
    }

    /// A text that every name that fits contains: the longest one that the pattern shows. `None`
    /// where it shows none.
    pub(super) fn literal(&self) -> Option<String> {
        match &self.matcher {
            Matcher::Glob(_) => longest_literal(&self.text),
            Matcher::Regex(_) => None,
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The longest run of plain characters of a glob outside of its brackets and braces. Plain are
/// those that mean themselves in the service's own filter, too.
fn longest_literal(glob: &str) -> Option<String> {
    let mut best = String::new();
    let mut run = String::new();
    let mut depth = 0_u32;
    let mut characters = glob.chars();
    while let Some(c) = characters.next() {
        let is_plain = c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if depth == 0 && is_plain {
            run.push(c);
            continue;
        }
        match c {
            // An escaped character may mean something to the service.
            '\\' => drop(characters.next()),
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if run.len() > best.len() {
            best = std::mem::take(&mut run);
        }
        run.clear();
    }
    if run.len() > best.len() {
        best = run;
    }
    (!best.is_empty()).then_some(best)
}

/// A tag: by its key, and perhaps by its value.
///
/// ```
/// use ecs_ops::selection::TagFilter;
///
/// let tag: TagFilter = "env=prod,stage".parse()?; // either value
/// assert!(tag.matches("env=stage") && !tag.matches("env=test") && !tag.matches("env"));
/// let any: TagFilter = "env".parse()?; // any value
/// assert!(any.matches("env=test") && any.matches("env") && !any.matches("environment=test"));
/// # Ok::<_, ecs_ops::selection::ParseFilterError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagFilter {
    key: String,
    /// None: any value.
    values: Option<Vec<String>>,
}

impl TagFilter {
    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The values, any of which fits; nothing where every value does.
    pub fn values(&self) -> &[String] {
        self.values.as_deref().unwrap_or_default()
    }

    /// Returns `true` if a tag fits, as the service writes it: `key=value`.
    pub fn matches(&self, tag: &str) -> bool {
        let (key, value) = tag.split_once('=').unwrap_or((tag, ""));
        let takes_value = |values: &Vec<String>| values.iter().any(|wanted| wanted == value);
        key == self.key && self.values.as_ref().is_none_or(takes_value)
    }

    /// Returns `true` if a server has such a tag.
    pub(super) fn fits(&self, server: &Server) -> bool {
        server.tags.iter().flatten().any(|tag| self.matches(tag))
    }

    /// The tag as the service writes it, if only one value fits.
    pub(super) fn exact(&self) -> Option<String> {
        match self.values() {
            [value] if !value.is_empty() => Some(format!("{}={value}", self.key)),
            _ => None,
        }
    }
}

impl FromStr for TagFilter {
    type Err = ParseFilterError;

    fn from_str(text: &str) -> Result<Self, ParseFilterError> {
        let (key, values) = match text.split_once('=') {
            Some((key, values)) => (key, Some(values)),
            None => (text, None),
        };
        if key.trim().is_empty() {
            return Err(ParseFilterError(format!(
                "{text:?} has no tag key: KEY, KEY=VALUE or KEY=VALUE1,VALUE2 is needed"
            )));
        }
        let values = values.map(|values| values.split(',').map(|value| value.trim().to_owned()));
        Ok(Self {
            key: key.trim().to_owned(),
            values: values.map(Iterator::collect),
        })
    }
}

impl fmt::Display for TagFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.values {
            Some(values) => write!(f, "{}={}", self.key, values.join(",")),
            None => f.write_str(&self.key),
        }
    }
}

/// An address, or all addresses of a network in CIDR notation.
///
/// ```
/// use ecs_ops::selection::AddressFilter;
///
/// let network: AddressFilter = "10.0.0.0/24".parse()?;
/// assert!(network.matches("10.0.0.7".parse()?) && !network.matches("10.0.1.7".parse()?));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressFilter {
    address: IpAddr,
    /// The number of bits that count.
    prefix: u32,
}

impl AddressFilter {
    /// Returns `true` if an address fits.
    pub fn matches(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(wanted), IpAddr::V4(found)) => {
                let difference = u32::from(wanted) ^ u32::from(found);
                difference.leading_zeros() >= self.prefix
            }
            (IpAddr::V6(wanted), IpAddr::V6(found)) => {
                let difference = u128::from(wanted) ^ u128::from(found);
                difference.leading_zeros() >= self.prefix
            }
            _ => false,
        }
    }

    pub(super) fn fits(&self, server: &Server) -> bool {
        let addresses = server.addresses.iter().flat_map(Addresses::iter);
        let mut parsed = addresses.filter_map(|address| address.addr.as_deref()?.parse().ok());
        parsed.any(|address| self.matches(address))
    }

    /// The address, if only one IPv4 address fits: what the service can filter by.
    pub(super) fn exact_v4(&self) -> Option<String> {
        (self.address.is_ipv4() && self.prefix == 32).then(|| self.address.to_string())
    }
}

impl FromStr for AddressFilter {
    type Err = ParseFilterError;

    fn from_str(text: &str) -> Result<Self, ParseFilterError> {
        let wrong = || {
            ParseFilterError(format!(
                "{text:?} is not an address such as 10.0.0.4 or a network such as 10.0.0.0/24"
            ))
        };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| wrong())?,
            None => bits,
        };
        if prefix > bits {
            return Err(wrong());
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for AddressFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = if self.address.is_ipv4() { 32 } else { 128 };
        match self.prefix {
            prefix if prefix == bits => self.address.fmt(f),
            prefix => write!(f, "{}/{prefix}", self.address),
        }
    }
}
