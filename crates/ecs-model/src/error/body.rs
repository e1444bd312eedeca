//! The code, message and details of an error's body, in every form in which they come.

use serde_json::{Map, Value};

use super::{BodyShape, ErrorDetail};
use crate::ErrorInfo;

/// The parts that were found in a body so far.
#[derive(Default)]
pub(super) struct Found {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) details: Vec<ErrorDetail>,
    pub(super) request_id: Option<String>,
}

impl Found {
    const CODES: &[&str] = &["code", "error_code", "errorCode"];
    const MESSAGES: &[&str] = &["message", "error_msg", "errorMsg", "error_message"];

    /// Reads the object itself, then `error`, then any object that has a code or a message
    /// (OpenStack names it after the fault). The first part found is kept.
    pub(super) fn read(&mut self, object: &Map<String, Value>) {
        self.read_flat(object);
        let inner = object.get("error").and_then(Value::as_object);
        // The entities of a job may hold a field that resembles a code.
        let others = object.iter().filter(|(name, _)| *name != "entities");
        let others = others.filter_map(|(_, value)| value.as_object());
        for object in inner.into_iter().chain(others) {
            self.read_flat(object);
            if self.details.is_empty() {
                self.details = details(object);
            }
        }
        if self.details.is_empty() {
            self.details = details(object);
        }
        if self.message.is_none() {
            // `{"error":"message"}`
            self.message = text(object, &["error"]);
        }
        if let Some(first) = self.details.iter().find(|detail| detail.code.is_some())
            && self.code.is_none()
        {
            self.code.clone_from(&first.code);
        }
        if let Some(first) = self.details.iter().find(|detail| detail.message.is_some())
            && self.message.is_none()
        {
            self.message.clone_from(&first.message);
        }
        unswap(&mut self.code, &mut self.message);
    }

    fn read_flat(&mut self, object: &Map<String, Value>) {
        let fill = |slot: &mut Option<String>, names| {
            if slot.is_none() {
                *slot = text(object, names);
            }
        };
        fill(&mut self.code, Self::CODES);
        fill(&mut self.message, Self::MESSAGES);
        fill(&mut self.request_id, &["request_id", "requestId"]);
    }
}

/// Swaps code and message if they are exchanged, as on one page of the documentation.
fn unswap(code: &mut Option<String>, message: &mut Option<String>) {
    let is_code = |text: &Option<String>| text.as_deref().is_some_and(is_code);
    if is_code(message) && !is_code(code) {
        std::mem::swap(code, message);
    }
}

/// Returns whether a text certainly is an error code: a known one, or a word, a dot and at least
/// four digits.
pub(super) fn is_code(text: &str) -> bool {
    let shaped = || {
        text.split_once('.').is_some_and(|(word, digits)| {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_alphabetic())
                && digits.len() >= 4
                && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    ErrorInfo::of(text).is_some() || shaped()
}

fn details(object: &Map<String, Value>) -> Vec<ErrorDetail> {
    let Some(list) = object.get("details").and_then(Value::as_array) else {
        return Vec::new();
    };
    list.iter()
        .filter_map(Value::as_object)
        .map(|detail| {
            let mut code = text(detail, Found::CODES);
            let mut message = text(detail, Found::MESSAGES);
            unswap(&mut code, &mut message);
            ErrorDetail { code, message }
        })
        .filter(|detail| detail.code.is_some() || detail.message.is_some())
        .collect()
}

/// Returns the first of the fields that holds a text that is not blank, or a number, as text.
pub(super) fn text(object: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match object.get(*name)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

pub(super) fn shape_of(body: &[u8]) -> BodyShape {
    const LOOKED_AT: usize = 4096;
    const TITLE: usize = 120;
    if body.iter().all(u8::is_ascii_whitespace) {
        return BodyShape::Empty;
    }
    let head = String::from_utf8_lossy(body.get(..LOOKED_AT).unwrap_or(body));
    let lower = head.to_ascii_lowercase();
    if !(lower.contains("<html") || lower.contains("<!doctype html")) {
        return BodyShape::Other;
    }
    let title = lower.find("<title>").and_then(|start| {
        let start = start + "<title>".len();
        let end = start + lower.get(start..)?.find("</title>")?;
        let parts: Vec<&str> = head.get(start..end)?.split_whitespace().collect();
        let title: String = parts.join(" ").chars().take(TITLE).collect();
        (!title.is_empty()).then_some(title)
    });
    BodyShape::Html(title)
}
