//! The error catalogue.

use super::super::Problem;
use super::super::yaml::{Key, Node, Value};
use super::fields::{Fields, integer, list, name};

/// The codes of one page.
#[derive(Debug)]
pub(crate) struct ErrorGroup {
    pub(crate) title: String,
    pub(crate) source: String,
    pub(crate) codes: Vec<CodeSpec>,
}

#[derive(Debug)]
pub(crate) struct CodeSpec {
    pub(crate) code: Key,
    /// Absent if the code has several.
    pub(crate) status: Option<(usize, i64)>,
    pub(crate) meaning: String,
    pub(crate) advice: String,
    pub(crate) disposition: Disposition,
}

#[derive(Debug)]
pub(crate) struct Disposition {
    pub(crate) line: usize,
    pub(crate) executed: Key,
    pub(crate) throttling: bool,
    pub(crate) retryable: bool,
    pub(crate) credentials: bool,
    pub(crate) one_server: bool,
}

pub(crate) fn read(node: &Node) -> Result<ErrorGroup, Problem> {
    let mut fields = Fields::of(node, "a group of errors")?;
    let group = ErrorGroup {
        title: fields.text("title")?,
        source: fields.text("source")?,
        codes: list(fields.required("codes")?, "codes", code)?,
    };
    fields.finish()?;
    Ok(group)
}

fn code(node: &Node) -> Result<CodeSpec, Problem> {
    let mut fields = Fields::of(node, "an error")?;
    let status = fields.required("status")?;
    let code = CodeSpec {
        code: name(fields.required("code")?, "code")?,
        status: match status.value {
            Value::Null => None,
            _ => Some((status.line, integer(status, "status")?)),
        },
        meaning: fields.text("meaning")?,
        advice: fields.text("advice")?,
        disposition: disposition(fields.required("disposition")?)?,
    };
    fields.finish()?;
    Ok(code)
}

fn disposition(node: &Node) -> Result<Disposition, Problem> {
    let mut fields = Fields::of(node, "a disposition")?;
    let disposition = Disposition {
        line: fields.line(),
        executed: name(fields.required("executed")?, "executed")?,
        throttling: fields.optional_flag("throttling")?.unwrap_or(false),
        retryable: fields.optional_flag("retryable")?.unwrap_or(false),
        credentials: fields.optional_flag("credentials")?.unwrap_or(false),
        one_server: fields.optional_flag("one_server")?.unwrap_or(false),
    };
    fields.finish()?;
    Ok(disposition)
}
