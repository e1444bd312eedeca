//! Query strings: encoded from checked values, parsed with all violations.

#[cfg(any(test, feature = "server"))]
use crate::operation::percent_decode;
use crate::operation::percent_encode;
use crate::validate::{ValidationError, Violation, descend, quoted};

/// Joins the parameters that have a value.
pub(crate) fn encode_query(parameters: &[(&str, Option<String>)]) -> String {
    let given = parameters
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let pairs: Vec<String> = given
        .map(|(name, value)| format!("{name}={}", percent_encode(value)))
        .collect();
    pairs.join("&")
}

/// A query string that is being parsed: each parameter is taken once, and every remaining one is a
/// violation.
#[cfg(any(test, feature = "server"))]
pub(crate) struct Query {
    left: Vec<(String, String)>,
    violations: Vec<Violation>,
}

#[cfg(any(test, feature = "server"))]
impl Query {
    pub(crate) fn parse(query: &str) -> Self {
        let mut left = Vec::new();
        let mut violations = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (percent_decode(name), percent_decode(value)) {
                (Some(name), Some(value)) => left.push((name, value)),
                _ => violations.push(violation(name, "broken percent-encoding")),
            }
        }
        Self { left, violations }
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let index = self.left.iter().position(|(given, _)| given == name)?;
        Some(self.left.remove(index).1)
    }

    pub(crate) fn integer(&mut self, name: &str, min: u64, max: u64) -> Option<u64> {
        let text = self.text(name)?;
        // Rust's own parser also accepts a plus sign.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.then(|| text.parse().ok()).flatten();
        let violation = match number {
            Some(number) => out_of_bounds(name, number, min, max),
            None => Some(not_an_integer(name, &quoted(&text), min, max)),
        };
        self.violations.extend(violation.clone());
        number.filter(|_| violation.is_none())
    }

    pub(crate) fn finish(mut self) -> Result<(), ValidationError> {
        for (name, _) in self.left {
            let message = "not a parameter of this request, or given twice";
            self.violations.push(violation(&name, message));
        }
        ValidationError::check(self.violations)
    }
}

/// Checks integers that were set, not parsed: each with its name and its bounds.
pub(crate) fn check_integers(
    parameters: &[(&str, Option<u64>, u64, u64)],
) -> Result<(), ValidationError> {
    let given = parameters
        .iter()
        .filter_map(|(name, value, min, max)| Some((name, (*value)?, *min, *max)));
    let violations =
        given.filter_map(|(name, value, min, max)| out_of_bounds(name, value, min, max));
    ValidationError::check(violations.collect())
}

fn out_of_bounds(name: &str, number: u64, min: u64, max: u64) -> Option<Violation> {
    let inside = (min..=max).contains(&number);
    (!inside).then(|| not_an_integer(name, &quoted(&number.to_string()), min, max))
}

fn not_an_integer(name: &str, found: &str, min: u64, max: u64) -> Violation {
    let bounds = if max == u64::MAX {
        format!("at least {min}")
    } else {
        format!("from {min} to {max}")
    };
    violation(
        name,
        format!("an integer {bounds} is needed, found {found}"),
    )
}

/// Creates a violation of one parameter; the pointer is its name.
fn violation(name: &str, message: impl Into<String>) -> Violation {
    let mut pointer = String::new();
    descend(&mut pointer, name);
    Violation::new(pointer, message)
}

#[cfg(test)]
mod tests;
