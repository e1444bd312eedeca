//! The routes of paths.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The longest id.
const LONGEST_ID: usize = 200;

/// The characters that are encoded in a path.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The target of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    List(Form),
    Run(String, Form),
    Login,
    Logout,
    Health,
    Asset(Asset),
}

/// The form of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Page,
    /// The changes of the page, as events.
    Events,
    Json,
}

/// A file that pages load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asset {
    Style,
    Script,
    LoginScript,
    Icon,
}

impl Route {
    /// Returns the route of a path.
    pub(super) fn of(path: &str) -> Option<Self> {
        Some(match path {
            "/" => Self::List(Form::Page),
            "/events" => Self::List(Form::Events),
            "/runs.json" => Self::List(Form::Json),
            "/login" => Self::Login,
            "/logout" => Self::Logout,
            "/healthz" => Self::Health,
            "/style.css" => Self::Asset(Asset::Style),
            "/live.js" => Self::Asset(Asset::Script),
            "/login.js" => Self::Asset(Asset::LoginScript),
            "/icon.svg" => Self::Asset(Asset::Icon),
            _ => return Self::of_run(path.strip_prefix("/runs/")?),
        })
    }

    fn of_run(rest: &str) -> Option<Self> {
        let forms = [("/events", Form::Events), (".json", Form::Json)];
        let (id, form) = forms
            .into_iter()
            .find_map(|(suffix, form)| Some((rest.strip_suffix(suffix)?, form)))
            .unwrap_or((rest, Form::Page));
        Some(Self::Run(decoded(id)?, form))
    }

    /// Returns whether this is a page to return to after a login.
    pub(super) fn is_page(&self) -> bool {
        matches!(self, Self::List(Form::Page) | Self::Run(_, Form::Page))
    }
}

fn decoded(id: &str) -> Option<String> {
    if id.is_empty() || id.contains('/') {
        return None;
    }
    let id = percent_decode_str(id).decode_utf8().ok()?;
    (id.len() <= LONGEST_ID && !id.chars().any(char::is_control)).then(|| id.into_owned())
}

/// Returns the path of a run's page.
pub(super) fn run_path(run_id: &str) -> String {
    format!("/runs/{}", utf8_percent_encode(run_id, ENCODED))
}

/// Returns the page after a login, if it is one of ours.
pub(super) fn local(next: Option<String>) -> String {
    let is_page = |path: &String| Route::of(path).is_some_and(|route| route.is_page());
    next.filter(is_page).unwrap_or_else(|| "/".to_owned())
}

/// Returns the page that a query names for the time after the login.
pub(super) fn next_of(query: Option<&str>) -> String {
    let mut fields = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    local(
        fields
            .find(|(name, _)| name == "next")
            .map(|(_, next)| next.into_owned()),
    )
}

#[cfg(test)]
mod tests;
