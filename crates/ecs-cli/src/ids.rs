//! Ids from the command line, all of which are checked before anything is sent.

use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;
use std::str::FromStr;

use crate::fail::CliError;

/// Parses all ids, or returns all errors. A repeated id counts once.
pub(crate) fn parse<T>(kind: &str, arguments: &[String]) -> Result<Vec<T>, CliError>
where
    T: FromStr<Err: fmt::Display> + Clone + Eq + Hash,
{
    let mut ids = Vec::new();
    let mut seen = HashSet::new();
    let mut wrong = Vec::new();
    for (index, text) in arguments.iter().enumerate() {
        match text.trim().parse::<T>() {
            Err(error) => wrong.push(format!("argument {}: {error}", index + 1)),
            Ok(id) if seen.insert(id.clone()) => ids.push(id),
            Ok(_) => {}
        }
    }
    match wrong.len() {
        0 => Ok(ids),
        count => {
            let plural = if count == 1 { "" } else { "s" };
            Err(CliError::usage(format!(
                "{count} {kind} id{plural} cannot be used, nothing was sent"
            ))
            .details(wrong)
            .hint("fix or remove these entries"))
        }
    }
}

#[cfg(test)]
mod tests;
