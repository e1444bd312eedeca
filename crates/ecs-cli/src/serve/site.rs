//! Answers requests.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::channel::Channel;
use http_body_util::{BodyExt as _, Either, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{self, HeaderMap};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};

use super::access::{Access, Refused, SESSION};
use super::answer::{
    Body, asset, cannot_show, json, page, plain, redirect, secured, too_many, with, with_cookie,
};
use super::hub::{Board, Hub, RunPage};
use super::pages::{self, Frame};
use super::request::{bearer, cookie, host, is_own_host, is_same_origin};
use super::route::{Form, Route, local, next_of};
use super::stream::{Followed, Stream};
use crate::store::listed;

/// The most event streams at a time.
const MOST_STREAMS: usize = 200;
/// The largest form.
const MOST_BODY: usize = 4096;
/// The time limit for a form to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest wait of a page for the store.
const FIRST_READ: Duration = Duration::from_secs(10);
/// The most events that wait for a slow browser.
const EVENTS: usize = 2;

/// The settings of the site.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// The host in the address that browsers use, behind a proxy.
    pub(super) public_host: Option<String>,
    /// `true` if browsers send the cookie over TLS only.
    pub(super) is_secure: bool,
    /// The name of the cookie.
    pub(super) cookie: String,
    /// The store, without a password.
    pub(super) store: String,
}

/// The site.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) access: Mutex<Access>,
    pub(super) hub: Arc<Hub>,
    pub(super) settings: Settings,
    pub(super) streams: Arc<Semaphore>,
    pub(super) ends: watch::Receiver<bool>,
}

/// An authenticated visitor.
enum Visitor {
    /// By the session of this cookie.
    Session(String),
    /// By the token.
    Token,
}

impl Site {
    pub(super) fn new(
        access: Access,
        hub: Arc<Hub>,
        settings: Settings,
        ends: watch::Receiver<bool>,
    ) -> Self {
        Self {
            access: Mutex::new(access),
            hub,
            settings,
            streams: Arc::new(Semaphore::new(MOST_STREAMS)),
            ends,
        }
    }

    /// Answers one request.
    pub(super) async fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
        from: IpAddr,
    ) -> Response<Body> {
        let (head, body) = request.into_parts();
        let (method, path) = (head.method.clone(), head.uri.path().to_owned());
        let response = secured(self.answer(&head, body, from).await);
        tracing::debug!(%method, path, status = response.status().as_u16(), %from, "request");
        response
    }

    async fn answer(
        self: &Arc<Self>,
        head: &Parts,
        body: Incoming,
        from: IpAddr,
    ) -> Response<Body> {
        let Some(host) = host(&head.headers) else {
            return plain(
                StatusCode::BAD_REQUEST,
                "the request names no host, or several",
            );
        };
        if !is_own_host(&host, self.settings.public_host.as_deref()) {
            return plain(
                StatusCode::MISDIRECTED_REQUEST,
                "this server does not answer under this name: start it with --public-url to give it one",
            );
        }
        let Some(route) = Route::of(head.uri.path()) else {
            return page(
                StatusCode::NOT_FOUND,
                pages::message("Not found", "There is no such page."),
            );
        };
        let posts = matches!(route, Route::Login | Route::Logout);
        let gets = route != Route::Logout;
        match head.method {
            Method::GET | Method::HEAD if gets => {}
            Method::POST if posts => return self.post(&route, head, (&host, body), from).await,
            _ => {
                let allowed = match (gets, posts) {
                    (true, true) => "GET, HEAD, POST",
                    (true, false) => "GET, HEAD",
                    (false, _) => "POST",
                };
                let response = plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
                return with(response, header::ALLOW, allowed);
            }
        }
        match route {
            Route::Health => return self.health(),
            Route::Asset(name) => return asset(name),
            Route::Login => {
                return page(
                    StatusCode::OK,
                    pages::login(&next_of(head.uri.query()), None),
                );
            }
            _ => {}
        }
        match self.visitor(&head.headers, from) {
            Ok(visitor) => self.show(route, head, visitor).await,
            Err(Some(Refused::TooMany(wait))) => {
                too_many(wait, plain(StatusCode::TOO_MANY_REQUESTS, TOO_MANY))
            }
            Err(None) if route.is_page() => {
                let next = form_urlencoded::Serializer::new(String::new())
                    .append_pair("next", head.uri.path())
                    .finish();
                redirect(&format!("/login?{next}"))
            }
            Err(_) => {
                let response = plain(
                    StatusCode::UNAUTHORIZED,
                    "log in, or send the header `Authorization: Bearer TOKEN`",
                );
                with(response, header::WWW_AUTHENTICATE, "Bearer")
            }
        }
    }

    /// Returns the visitor; an error if the request carries a token that is refused.
    fn visitor(&self, headers: &HeaderMap, from: IpAddr) -> Result<Visitor, Option<Refused>> {
        let now = Instant::now();
        if let Some(token) = bearer(headers) {
            let checked = self.access().check(token, from, now);
            return checked.map(|()| Visitor::Token).map_err(Some);
        }
        let id = cookie(headers, &self.settings.cookie).ok_or(None)?;
        if self.access().has_session(id, now) {
            Ok(Visitor::Session(id.to_owned()))
        } else {
            Err(None)
        }
    }

    /// Logs in or out, which are the only forms.
    async fn post(
        &self,
        route: &Route,
        head: &Parts,
        (host, body): (&str, Incoming),
        from: IpAddr,
    ) -> Response<Body> {
        // Behind a proxy a page may be of the public name.
        let mut names = [Some(host), self.settings.public_host.as_deref()]
            .into_iter()
            .flatten();
        if !names.any(|name| is_same_origin(&head.headers, name)) {
            return plain(StatusCode::FORBIDDEN, "the form comes from another site");
        }
        if body.size_hint().lower() > MOST_BODY as u64 {
            let response = plain(StatusCode::PAYLOAD_TOO_LARGE, "the form is too large");
            return with(response, header::CONNECTION, "close");
        }
        let body = timeout(BODY_TIMEOUT, Limited::new(body, MOST_BODY).collect());
        let Ok(Ok(body)) = body.await else {
            let response = plain(StatusCode::BAD_REQUEST, "the form is incomplete");
            return with(response, header::CONNECTION, "close");
        };
        if *route == Route::Logout {
            if let Some(id) = cookie(&head.headers, &self.settings.cookie) {
                self.access().end_session(id);
            }
            return with_cookie(redirect("/login"), &self.set_cookie("", Duration::ZERO));
        }
        let body = body.to_bytes();
        let field = |name: &str| {
            let mut fields = form_urlencoded::parse(&body);
            fields
                .find(|(field, _)| field == name)
                .map(|(_, value)| value.into_owned())
        };
        let next = local(field("next"));
        let token = field("token").unwrap_or_default();
        let now = Instant::now();
        let mut access = self.access();
        match access.check(token.trim(), from, now) {
            Ok(()) => {
                let id = access.begin_session(now);
                with_cookie(redirect(&next), &self.set_cookie(&id, SESSION))
            }
            Err(Refused::Wrong) => page(
                StatusCode::UNAUTHORIZED,
                pages::login(&next, Some("This is not the token.")),
            ),
            Err(Refused::TooMany(wait)) => too_many(
                wait,
                page(
                    StatusCode::TOO_MANY_REQUESTS,
                    pages::login(&next, Some(TOO_MANY)),
                ),
            ),
        }
    }

    fn set_cookie(&self, value: &str, lasts: Duration) -> String {
        let secure = if self.settings.is_secure {
            "; Secure"
        } else {
            ""
        };
        let (name, seconds) = (&self.settings.cookie, lasts.as_secs());
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
    }

    /// Answers whether the store can be read, without details.
    fn health(&self) -> Response<Body> {
        let board = self.hub.board();
        let is_read = board
            .borrow()
            .as_ref()
            .is_some_and(|board| board.failure.is_none());
        if is_read {
            plain(StatusCode::OK, "ok")
        } else {
            plain(StatusCode::SERVICE_UNAVAILABLE, "the store cannot be read")
        }
    }

    /// Answers an authenticated visitor.
    async fn show(
        self: &Arc<Self>,
        route: Route,
        head: &Parts,
        visitor: Visitor,
    ) -> Response<Body> {
        let Some(board) = self.board().await else {
            return page(
                StatusCode::SERVICE_UNAVAILABLE,
                pages::message(
                    "No answer",
                    "The store has not been read yet. Load this page again.",
                ),
            );
        };
        let now = Timestamp::now();
        let frame = Frame {
            store: &self.settings.store,
            now,
        };
        // A program must not take old states for those of now.
        if let (Some(failure), Route::List(Form::Json) | Route::Run(_, Form::Json)) =
            (&board.failure, &route)
        {
            let error = format!("the store cannot be read: {failure}");
            let mut answer = json(&json!({"error": error, "read_at": board.read_at}));
            *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            return answer;
        }
        match route {
            Route::List(Form::Json) => {
                let runs: Vec<_> = board.runs.iter().map(|run| listed(&run.run)).collect();
                json(&json!({"version": 1, "runs": runs, "truncated": board.is_cut}))
            }
            Route::List(Form::Events) => self.events(self.hub.board(), head, visitor),
            Route::Run(id, form) => match self.run(&id).await {
                (run, RunPage::Shown(_)) if form == Form::Events => self.events(run, head, visitor),
                (_, RunPage::Shown(shown)) if form == Form::Json => json(&shown.timeline),
                (_, RunPage::Shown(shown)) => {
                    page(StatusCode::OK, pages::run(&shown, &board, &frame))
                }
                (_, other) => cannot_show(&id, &other),
            },
            _ => page(StatusCode::OK, pages::list(&board, &frame)),
        }
    }

    /// Waits until a run has been read.
    async fn run(&self, id: &str) -> (watch::Receiver<RunPage>, RunPage) {
        let mut run = self.hub.run(id);
        let read = run.wait_for(|page| !matches!(page, RunPage::Unread));
        let read = match timeout(FIRST_READ, read).await {
            Ok(Ok(page)) => page.clone(),
            _ => RunPage::Unread,
        };
        (run, read)
    }

    /// Waits until the list has been read.
    async fn board(&self) -> Option<Arc<Board>> {
        let mut board = self.hub.board();
        let read = timeout(FIRST_READ, board.wait_for(Option::is_some)).await;
        read.ok()?.ok()?.clone()
    }

    /// Streams the changes from now on.
    fn events<T: Followed>(
        self: &Arc<Self>,
        followed: watch::Receiver<T>,
        head: &Parts,
        visitor: Visitor,
    ) -> Response<Body> {
        let Ok(permit) = Arc::clone(&self.streams).try_acquire_owned() else {
            return too_many(
                Duration::from_secs(30),
                plain(StatusCode::SERVICE_UNAVAILABLE, "too many pages are open"),
            );
        };
        let asked = head.uri.query().unwrap_or_default();
        let mut asked = form_urlencoded::parse(asked.as_bytes());
        let asked = asked
            .find(|(name, _)| name == "since")
            .map(|(_, since)| since.into_owned());
        // A browser that reconnects by itself names the last version that it received.
        let last = head
            .headers
            .get("last-event-id")
            .and_then(|last| last.to_str().ok());
        let (to, body) = Channel::new(EVENTS);
        if head.method == Method::GET {
            let stream = Stream {
                followed,
                board: self.hub.board(),
                ends: self.ends.clone(),
                since: last.map(str::to_owned).or(asked).unwrap_or_default(),
                to,
            };
            let site = Arc::clone(self);
            let may_see = move || match &visitor {
                Visitor::Session(id) => site.access().has_session(id, Instant::now()),
                Visitor::Token => true,
            };
            tokio::spawn(async move {
                stream.run(may_see).await;
                drop(permit);
            });
        }
        let response = Response::new(Either::Right(body));
        with(response, header::CONTENT_TYPE, "text/event-stream")
    }

    fn access(&self) -> MutexGuard<'_, Access> {
        self.access.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const TOO_MANY: &str = "Too many wrong tokens. Wait a minute.";
