//! `explain`: describes an error code.

use ecs_ops::model::{ErrorInfo, Executed};
use serde::Serialize;

use crate::args::{DocumentFormat, Explain};
use crate::exit::Exit;
use crate::fail::CliError;
use crate::render::json;
use crate::term::Results;

/// The documented facts about a code.
#[derive(Serialize)]
struct Explanation {
    version: u32,
    code: &'static str,
    status: Option<u16>,
    meaning: &'static str,
    advice: &'static str,
    /// `Some(false)`: the code proves that nothing was executed; `None`: not proven.
    executed: Option<bool>,
    throttling: bool,
    retryable: bool,
    credentials: bool,
    one_server: bool,
    source: &'static str,
}

pub(crate) fn run(args: &Explain, results: &mut Results) -> Result<Exit, CliError> {
    let code = args.code.trim();
    let info = ErrorInfo::of(code).ok_or_else(|| unknown(code))?;
    let effect = info.disposition;
    let explanation = Explanation {
        version: 1,
        code: info.code,
        status: info.status,
        meaning: info.meaning,
        advice: info.advice,
        executed: (effect.executed == Executed::No).then_some(false),
        throttling: effect.throttling,
        retryable: effect.retryable,
        credentials: effect.credentials,
        one_server: effect.one_server,
        source: info.source,
    };
    results.write(&match args.output.format {
        DocumentFormat::Table => text(&explanation),
        DocumentFormat::Json => json::document(&explanation),
        DocumentFormat::Jsonl => json::line(&explanation),
    });
    Ok(Exit::Success)
}

fn text(explained: &Explanation) -> String {
    let status = explained
        .status
        .map(|status| format!(" (HTTP {status})"))
        .unwrap_or_default();
    let executed = match explained.executed {
        Some(_) => "no: a request that is answered with this code changed nothing",
        None => "unknown: the code does not prove that nothing was executed",
    };
    let mut text = format!(
        "{}{status}: {}\n  what to do  {}\n  executed    {executed}\n",
        explained.code, explained.meaning, explained.advice
    );
    let notes = [
        (
            explained.throttling,
            "throttling  the service limits the rate; ecsctl waits and retries",
        ),
        (
            explained.retryable && !explained.throttling,
            "retryable   the same request can succeed later",
        ),
        (
            explained.credentials,
            "cause       the credentials or their permissions",
        ),
        (
            explained.one_server,
            "cause       possibly a single server of the request",
        ),
    ];
    for (_, note) in notes.iter().filter(|(applies, _)| *applies) {
        text.push_str(&format!("  {note}\n"));
    }
    text.push_str(&format!("  source      {}\n", explained.source));
    text
}

fn unknown(code: &str) -> CliError {
    let near = nearest(code);
    let fail = CliError::usage(format!(
        "no page of the service documents the code {code:?}"
    ));
    if near.is_empty() {
        fail
    } else {
        fail.hint(format!("documented codes like it: {}", near.join(", ")))
    }
}

/// Returns the documented codes that are most similar, if any.
fn nearest(code: &str) -> Vec<&'static str> {
    const SHOWN: usize = 5;
    /// Typing errors change a few letters of nine or more.
    const TYPOS: usize = 3;
    let code = code.to_lowercase();
    let mut codes: Vec<(usize, &'static str)> = ErrorInfo::all()
        .iter()
        .map(|info| {
            (
                strsim::damerau_levenshtein(&code, &info.code.to_lowercase()),
                info.code,
            )
        })
        .collect();
    codes.sort_unstable();
    codes
        .into_iter()
        .filter(|(typos, like)| *typos <= TYPOS || is_end(&code, like))
        .take(SHOWN)
        .map(|(_, code)| code)
        .collect()
}

/// Returns whether the text is the number of the code, typed without its name.
fn is_end(text: &str, code: &str) -> bool {
    text.len() >= 4 && code.to_lowercase().ends_with(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_with_a_typo_are_found() {
        assert!(nearest("Ecs.0141").contains(&"Ecs.0114"));
        assert!(nearest("COMMON.024").contains(&"Common.0024"));
        assert!(nearest("0114").contains(&"Ecs.0114"));
    }

    #[test]
    fn other_text_is_similar_to_no_code() {
        for text in ["", "nope", "4", "SUCCESS", "not found"] {
            assert!(nearest(text).is_empty(), "{text:?}: {:?}", nearest(text));
        }
    }
}
