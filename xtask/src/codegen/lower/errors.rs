//! The error catalogue, with the rules that keep a disposition from promising too much.

use super::super::Problem;
use super::super::ir::ErrorCode;
use super::super::spec::{CodeSpec, ErrorGroup};
use super::names::distinct;

type Lowered = (Vec<ErrorCode>, Vec<(String, String)>);

pub(super) fn lower(groups: &[ErrorGroup]) -> Result<Lowered, Problem> {
    let mut errors = Vec::new();
    let mut lowered = Vec::new();
    let mut lines = Vec::new();
    for group in groups {
        lowered.push((group.title.clone(), group.source.clone()));
        for code in &group.codes {
            lines.push((code.code.text.to_ascii_lowercase(), code.code.line));
            errors.push(error(code, group)?);
        }
    }
    distinct(
        "code",
        lines.iter().map(|(code, line)| (code.as_str(), *line)),
    )?;
    errors.sort_by_key(|error| error.code.to_ascii_lowercase());
    Ok((errors, lowered))
}

fn error(code: &CodeSpec, group: &ErrorGroup) -> Result<ErrorCode, Problem> {
    let status = |(line, status)| {
        u16::try_from(status)
            .ok()
            .filter(|status| (100..=599).contains(status))
            .ok_or_else(|| Problem::new(line, format!("{status} is no HTTP status")))
    };
    let name = &code.code;
    let fits = |other: char| other.is_ascii_alphanumeric() || ['.', '-', '_'].contains(&other);
    if !name.text.chars().all(fits) {
        return Err(Problem::new(
            name.line,
            format!(
                "{:?} is no error code; it has letters, digits, `.`, `-` and `_`",
                name.text
            ),
        ));
    }
    let found = &code.disposition;
    let maybe_executed = match found.executed.text.as_str() {
        "no" => false,
        "maybe" => true,
        other => {
            return Err(Problem::new(
                found.executed.line,
                format!("`executed` is {other:?}; it may be \"no\" or maybe"),
            ));
        }
    };
    let wrong = if maybe_executed && found.one_server {
        Some("one_server needs executed: \"no\", because splitting a batch sends it again")
    } else if maybe_executed && found.throttling {
        Some("throttling needs executed: \"no\", because a throttled request is sent again")
    } else if maybe_executed && found.credentials {
        Some(
            "credentials needs executed: \"no\", because refused credentials are reported as nothing done",
        )
    } else if found.throttling && !found.retryable {
        Some("throttling needs retryable: a throttled request is welcome later")
    } else if found.credentials && found.retryable {
        Some("credentials that were refused are never worth a retry; drop retryable")
    } else {
        None
    };
    if let Some(message) = wrong {
        return Err(Problem::new(found.line, message));
    }
    Ok(ErrorCode {
        code: code.code.text.clone(),
        status: code.status.map(status).transpose()?,
        meaning: code.meaning.clone(),
        advice: code.advice.clone(),
        maybe_executed,
        throttling: found.throttling,
        retryable: found.retryable,
        credentials: found.credentials,
        one_server: found.one_server,
        source: group.source.clone(),
    })
}
