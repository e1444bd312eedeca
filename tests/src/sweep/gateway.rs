//! A gateway between client and region, on virtual time: pages in place of answers and of requests,
//! caches, queues, lost answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ecs_ops::transport::{
    Attempt, BoxFuture, Delivery, Transport, TransportError, TransportErrorKind,
};
use ecs_test_support::gateway::{PAGES, Page};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

type Answer = Result<Response<Bytes>, TransportError>;

/// The frequencies of a gateway's tricks.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// The probability that it puts a page in place of an answer.
    pub page_after: f64,
    /// The probability that it answers with a page without forwarding the request.
    pub page_instead: f64,
    /// The probability that it forwards, and closes without an answer.
    pub drop_after: f64,
    /// The probability that it closes without forwarding.
    pub drop_instead: f64,
    /// The probability that it holds a request back.
    pub queue: f64,
    /// The longest time in the queue, in seconds.
    pub longest: u64,
    /// The handling of lists.
    pub cache: Cache,
}

/// The lists that a gateway caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// None.
    Off,
    /// By the whole URL, with a new date, as nginx does.
    Silent,
    /// Like `Silent`, but regardless of the query.
    IgnoresQuery,
    /// With an age, as Squid does.
    Aged,
}

/// The kind of client. Each but the first has one mistake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// The real client.
    #[default]
    AsItIs,
    /// Treats each page with status 429 as throttling.
    BelievesThrottlingPages,
    /// Treats each page with status 403 or 404 as the service's refusal.
    BelievesRefusalPages,
    /// Does not notice that a list comes from a cache.
    BelievesCaches,
}

impl Habits {
    /// Draws the frequencies; `longest` is the longest time that a request may be held, in seconds.
    pub fn draw(rng: &mut ChaCha8Rng, longest: u64) -> Self {
        let share = |rng: &mut ChaCha8Rng| {
            if rng.random_bool(0.5) {
                0.0
            } else {
                rng.random_range(0.0..0.3)
            }
        };
        let caches = [Cache::Off, Cache::Silent, Cache::IgnoresQuery, Cache::Aged];
        Self {
            page_after: share(rng),
            page_instead: share(rng),
            drop_after: share(rng),
            drop_instead: share(rng),
            queue: share(rng),
            longest,
            cache: caches[rng.random_range(0..caches.len())],
        }
    }
}

/// A transport with a gateway on the way, shared by all requests.
#[derive(Clone, Debug)]
pub struct Gateway {
    inner: Arc<dyn Transport>,
    habits: Habits,
    kind: Kind,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    rng: ChaCha8Rng,
    cached: HashMap<String, (Response<Bytes>, tokio::time::Instant)>,
    hidden: u64,
}

/// The trick that is played with one action.
enum Trick {
    Forward,
    PageAfter(Page),
    PageInstead(Page),
    DropAfter,
    DropInstead,
    Queue(Duration),
}

impl Gateway {
    /// Puts a gateway in front of this transport.
    pub fn new(inner: Arc<dyn Transport>, habits: Habits, kind: Kind, seed: u64) -> Self {
        Self {
            inner,
            habits,
            kind,
            state: Arc::new(Mutex::new(State {
                rng: ChaCha8Rng::seed_from_u64(!seed),
                cached: HashMap::new(),
                hidden: 0,
            })),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self) -> Trick {
        let mut state = self.state();
        let habits = self.habits;
        let page = PAGES[state.rng.random_range(0..PAGES.len())];
        let held = Duration::from_secs(state.rng.random_range(0..=habits.longest));
        let mut draw: f64 = state.rng.random();
        for (share, trick) in [
            (habits.page_after, Trick::PageAfter(page)),
            (habits.page_instead, Trick::PageInstead(page)),
            (habits.drop_after, Trick::DropAfter),
            (habits.drop_instead, Trick::DropInstead),
            (habits.queue, Trick::Queue(held)),
        ] {
            if draw < share {
                return trick;
            }
            draw -= share;
        }
        Trick::Forward
    }

    async fn act(self, request: Request<Bytes>, attempt: Attempt) -> Answer {
        let closed = || TransportError::new(TransportErrorKind::Closed, Delivery::MaybeSent);
        attempt.mark().hold();
        attempt.mark().set();
        match self.draw() {
            Trick::Forward => self.forward(request, &attempt).await,
            Trick::PageAfter(page) => {
                self.forward(request, &attempt).await?;
                Ok(self.page(page))
            }
            Trick::PageInstead(page) => Ok(self.page(page)),
            Trick::DropAfter => {
                self.forward(request, &attempt).await?;
                Err(closed())
            }
            Trick::DropInstead => Err(closed()),
            Trick::Queue(held) => {
                // Delivered even if the client has gone meanwhile.
                let (gateway, attempt) = (self.clone(), attempt.clone());
                let delivered = tokio::spawn(async move {
                    tokio::time::sleep(held).await;
                    gateway.forward(request, &attempt).await
                });
                delivered.await.unwrap_or_else(|_| Err(closed()))
            }
        }
    }

    /// Forwards a request. The client cannot know of a failure behind the gateway, which has
    /// received the request. The attempt is the gateway's own, with the same time limit: a gateway
    /// knows nothing of the client's mark.
    async fn forward(&self, request: Request<Bytes>, attempt: &Attempt) -> Answer {
        let mut own = Attempt::new(attempt.number());
        if let Some(limit) = attempt.timeout() {
            own = own.with_timeout(limit);
        }
        let sent = self.inner.send(request, &own).await;
        sent.map_err(|error| TransportError::new(error.kind(), Delivery::MaybeSent))
    }

    fn page(&self, page: Page) -> Response<Bytes> {
        let status = page
            .status
            .split(' ')
            .next()
            .and_then(|text| text.parse().ok());
        let status = status.unwrap_or(StatusCode::BAD_GATEWAY);
        let mistaken = match (self.kind, status.as_u16()) {
            (Kind::BelievesThrottlingPages, 429) => {
                Some(r#"{"error":{"code":"Common.1503","message":"flow control"}}"#)
            }
            (Kind::BelievesRefusalPages, 403 | 404) => {
                Some(r#"{"error":{"code":"Ecs.0005","message":"refused"}}"#)
            }
            _ => None,
        };
        let mut response = Response::new(Bytes::from(mistaken.unwrap_or(page.body)));
        *response.status_mut() = status;
        let lines = page
            .headers
            .lines()
            .filter_map(|line| line.split_once(": "));
        for (name, value) in lines {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }

    async fn read(self, request: Request<Bytes>, attempt: Attempt) -> Answer {
        let uri = request.uri().clone();
        let is_list = uri.path().ends_with("/detail");
        let key = match (self.habits.cache, self.kind) {
            (Cache::Off, _) => None,
            (Cache::IgnoresQuery, _) | (_, Kind::BelievesCaches) => Some(uri.path().to_owned()),
            _ => Some(uri.to_string()),
        };
        let Some(key) = key.filter(|_| is_list) else {
            return self.inner.send(request, &attempt).await;
        };
        let kept = self.state().cached.get(&key).cloned();
        let Some((mut response, since)) = kept else {
            let response = self.inner.send(request, &attempt).await?;
            if response.status() == StatusCode::OK {
                let kept = (response.clone(), tokio::time::Instant::now());
                self.state().cached.insert(key, kept);
            }
            return Ok(response);
        };
        let headers = response.headers_mut();
        if self.habits.cache == Cache::Aged {
            headers.insert("age", HeaderValue::from(since.elapsed().as_secs()));
        } else {
            headers.remove("date");
        }
        if self.kind == Kind::BelievesCaches {
            let mut state = self.state();
            state.hidden += 1;
            for name in ["age", "date"] {
                headers.remove(name);
            }
            headers.insert("x-request-id", HeaderValue::from(state.hidden));
        }
        Ok(response)
    }
}

impl Transport for Gateway {
    fn send<'a>(&'a self, request: Request<Bytes>, attempt: &'a Attempt) -> BoxFuture<'a, Answer> {
        let (gateway, attempt) = (self.clone(), attempt.clone());
        if request.method() == Method::POST {
            Box::pin(gateway.act(request, attempt))
        } else {
            Box::pin(gateway.read(request, attempt))
        }
    }
}
