//! HTTP responses.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::channel::Channel;
use http_body_util::{Either, Full};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use super::hub::RunPage;
use super::pages;
use super::route::Asset;
use crate::render::json;

/// The policy of all responses. Nothing is loaded from elsewhere, no inline code is executed, no other page may frame it.
const HEADERS: [(HeaderName, &str); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::CACHE_CONTROL, "no-store"),
    // Not `no-referrer`: then browsers would not say where a form comes from.
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    // A proxy that collects what it passes on would hold events back.
    (HeaderName::from_static("x-accel-buffering"), "no"),
];

pub(super) type Body = Either<Full<Bytes>, Channel<Bytes>>;

/// Adds the headers of all responses.
pub(super) fn secured(mut response: Response<Body>) -> Response<Body> {
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

fn text(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(text.into())));
    *response.status_mut() = status;
    with(response, header::CONTENT_TYPE, kind)
}

pub(super) fn page(status: StatusCode, html: String) -> Response<Body> {
    text(status, "text/html; charset=utf-8", html)
}

pub(super) fn plain(status: StatusCode, message: &str) -> Response<Body> {
    text(status, "text/plain; charset=utf-8", format!("{message}\n"))
}

pub(super) fn json(value: &impl serde::Serialize) -> Response<Body> {
    text(StatusCode::OK, "application/json", json::document(value))
}

pub(super) fn asset(asset: Asset) -> Response<Body> {
    let (kind, content) = match asset {
        Asset::Style => ("text/css; charset=utf-8", pages::style()),
        Asset::Script => ("text/javascript; charset=utf-8", pages::SCRIPT.to_owned()),
        Asset::LoginScript => (
            "text/javascript; charset=utf-8",
            pages::LOGIN_SCRIPT.to_owned(),
        ),
        Asset::Icon => ("image/svg+xml", pages::ICON.to_owned()),
    };
    text(StatusCode::OK, kind, content)
}

pub(super) fn cannot_show(id: &str, run: &RunPage) -> Response<Body> {
    match run {
        RunPage::Absent => {
            let text = format!("The store has no run {id}.");
            page(StatusCode::NOT_FOUND, pages::message("No such run", &text))
        }
        RunPage::Damaged(reason) => {
            let text = format!("The records of run {id} cannot be read: {reason}");
            let html = pages::message("The run cannot be shown", &text);
            page(StatusCode::INTERNAL_SERVER_ERROR, html)
        }
        RunPage::Crowded => unavailable(
            "Too many runs",
            "Too many runs are open. Close some pages, and try again in a minute.",
        ),
        RunPage::Unread | RunPage::Shown(_) => unavailable(
            "No answer",
            "The store gave no answer about this run. Load this page again.",
        ),
    }
}

fn unavailable(title: &str, text: &str) -> Response<Body> {
    page(StatusCode::SERVICE_UNAVAILABLE, pages::message(title, text))
}

pub(super) fn too_many(wait: Duration, response: Response<Body>) -> Response<Body> {
    with(
        response,
        header::RETRY_AFTER,
        &(wait.as_secs() + 1).to_string(),
    )
}

/// Redirects with GET.
pub(super) fn redirect(path: &str) -> Response<Body> {
    with(plain(StatusCode::SEE_OTHER, ""), header::LOCATION, path)
}

pub(super) fn with_cookie(response: Response<Body>, cookie: &str) -> Response<Body> {
    with(response, header::SET_COOKIE, cookie)
}

pub(super) fn with(mut response: Response<Body>, name: HeaderName, value: &str) -> Response<Body> {
    // A value that cannot be a header is omitted: all are ASCII.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}
