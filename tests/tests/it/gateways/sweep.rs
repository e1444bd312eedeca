//! Many gateways between client and region, drawn from seeds, on virtual time: pages in place of answers and of requests, caches,
//! queues, lost answers. Afterwards the reports are held against what the region accepted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::model::RebootType;
use ecs_ops::transport::{
    Attempt, BoxFuture, Delivery, Transport, TransportError, TransportErrorKind,
};
use ecs_ops::{Client, ErrorKind, OnUnknown, Outcome, Report};
use ecs_sim::{Region, SimTransport};
use ecs_test_support::gateway::{PAGES, Page};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use secrecy::ExposeSecret as _;

type Answer = Result<Response<Bytes>, TransportError>;

/// After so long everything that a gateway holds has been delivered.
const SETTLING: Duration = Duration::from_secs(3600);
/// How long a request may be held: below and beyond the three minutes after which absence counts.
const WITHIN_THE_LIMIT: u64 = 170;
const BEYOND_THE_LIMIT: u64 = 1200;

/// What a gateway does, how often.
#[derive(Clone, Copy, Debug)]
struct Habits {
    page_after: f64,
    page_instead: f64,
    drop_after: f64,
    drop_instead: f64,
    queue: f64,
    /// The longest time in the queue, in seconds.
    longest: u64,
    cache: Cache,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Cache {
    Off,
    /// As nginx does: by the whole URL, with a new date.
    Silent,
    /// The same, whatever the query says.
    IgnoresQuery,
    /// As Squid does: with an age.
    Aged,
}

/// What the client is like. Each but the first has one mistake.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    AsItIs,
    /// Takes each page with status 429 for throttling.
    BelievesThrottlingPages,
    /// Takes each page with status 403 or 404 for the service's refusal.
    BelievesRefusalPages,
    /// Does not see that a list comes from a cache.
    BelievesCaches,
}

/// A transport with a gateway on the way. Shared by all requests, as a gateway is.
#[derive(Clone, Debug)]
struct Gateway {
    sim: SimTransport,
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

/// What happens to one action.
enum Trick {
    Forward,
    PageAfter(Page),
    PageInstead(Page),
    DropAfter,
    DropInstead,
    Queue(Duration),
}

impl Gateway {
    fn draw(&self) -> Trick {
        let mut state = self.state.lock().unwrap();
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
            Trick::Forward => self.sim.send(request, &attempt).await,
            Trick::PageAfter(page) => {
                self.sim.send(request, &attempt).await?;
                Ok(self.page(page))
            }
            Trick::PageInstead(page) => Ok(self.page(page)),
            Trick::DropAfter => {
                self.sim.send(request, &attempt).await?;
                Err(closed())
            }
            Trick::DropInstead => Err(closed()),
            Trick::Queue(held) => {
                // Delivered also if the client has gone meanwhile.
                let (sim, attempt) = (self.sim.clone(), attempt.clone());
                let delivered = tokio::spawn(async move {
                    tokio::time::sleep(held).await;
                    sim.send(request, &attempt).await
                });
                delivered.await.unwrap_or_else(|_| Err(closed()))
            }
        }
    }

    fn page(&self, page: Page) -> Response<Bytes> {
        let status: u16 = page.status.split(' ').next().unwrap().parse().unwrap();
        let mistaken = match (self.kind, status) {
            (Kind::BelievesThrottlingPages, 429) => {
                Some(r#"{"error":{"code":"Common.1503","message":"flow control"}}"#)
            }
            (Kind::BelievesRefusalPages, 403 | 404) => {
                Some(r#"{"error":{"code":"Ecs.0005","message":"refused"}}"#)
            }
            _ => None,
        };
        let mut response = Response::new(Bytes::from(mistaken.unwrap_or(page.body)));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        for line in page.headers.lines() {
            let (name, value) = line.split_once(": ").unwrap();
            let name: HeaderName = name.parse().unwrap();
            response.headers_mut().append(name, value.parse().unwrap());
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
            return self.sim.send(request, &attempt).await;
        };
        let kept = self.state.lock().unwrap().cached.get(&key).cloned();
        let (mut response, since) = match kept {
            Some(kept) => kept,
            None => {
                let response = self.sim.send(request, &attempt).await?;
                let kept = (response.clone(), tokio::time::Instant::now());
                self.state.lock().unwrap().cached.insert(key, kept.clone());
                return Ok(response);
            }
        };
        let headers = response.headers_mut();
        if self.habits.cache == Cache::Aged {
            let age = since.elapsed().as_secs();
            headers.insert("age", HeaderValue::from(age));
        } else {
            headers.remove("date");
        }
        if self.kind == Kind::BelievesCaches {
            let mut state = self.state.lock().unwrap();
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

/// Simulates one seed. Gives back what is wrong.
fn violations(seed: u64, kind: Kind, longest: u64) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(simulate(seed, kind, longest))
}

async fn simulate(seed: u64, kind: Kind, longest: u64) -> Vec<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let share = |rng: &mut ChaCha8Rng| match rng.random_bool(0.5) {
        true => 0.0,
        false => rng.random_range(0.0..0.3),
    };
    let caches = [Cache::Off, Cache::Silent, Cache::IgnoresQuery, Cache::Aged];
    let habits = Habits {
        page_after: share(&mut rng),
        page_instead: share(&mut rng),
        drop_after: share(&mut rng),
        drop_instead: share(&mut rng),
        queue: share(&mut rng),
        longest,
        cache: caches[rng.random_range(0..caches.len())],
    };
    let servers = rng.random_range(1..20);
    let region = Region::builder()
        .servers(servers)
        .seed(seed)
        .build()
        .unwrap();
    let ids: Vec<_> = region.servers().collect();
    let identity = region.identity().clone();
    let epoch = region.epoch();
    let sim = SimTransport::new(region);
    sim.now();
    let gateway = Gateway {
        sim: sim.clone(),
        habits,
        kind,
        state: Arc::new(Mutex::new(State {
            rng: ChaCha8Rng::seed_from_u64(!seed),
            cached: HashMap::new(),
            hidden: 0,
        })),
    };
    let token = Credentials::token(identity.token.expose_secret()).unwrap();
    let client = Client::builder(
        "https://ecs.sim.example".parse().unwrap(),
        identity.project_id,
    )
    .credentials(StaticCredentials::new(token))
    .transport(gateway)
    .attempt_timeout(Duration::from_secs([2, 60][rng.random_range(0..2)]))
    .seed(seed)
    .epoch(epoch)
    .build()
    .unwrap();
    let run = client
        .reboot(RebootType::Soft, ids)
        .batch_size(rng.random_range(1..6))
        .on_unknown(OnUnknown::of(rng.random_bool(0.7), false))
        .deadline(Duration::from_secs(3000));
    let report = match run.begin().await {
        Ok(run) => Some(run.await),
        // Only pages in place of lists could lead to that, and there are none.
        Err(error) => return vec![format!("it did not begin: {:?} {error}", error.kind())],
    };
    tokio::time::sleep(SETTLING).await;
    let violations = wrong(&report.unwrap(), &sim);
    violations
        .into_iter()
        .map(|violation| format!("seed {seed}, {habits:?}: {violation}"))
        .collect()
}

/// What a report calls certain, and the region's record contradicts; and what was executed twice.
fn wrong(report: &Report, sim: &SimTransport) -> Vec<String> {
    sim.region().with(|region| {
        let accepted = region.accepted();
        let mut wrong = Vec::new();
        if accepted.most_times() > 1 {
            wrong.push(format!("executed {} times", accepted.most_times()));
        }
        for server in &report.servers {
            let executed = accepted.times(&server.id) > 0;
            let claim = match &server.outcome {
                Outcome::NotAttempted { .. } | Outcome::Failed { job_id: None, .. } => Some(false),
                Outcome::Succeeded { .. } | Outcome::Running { .. } => Some(true),
                _ => None,
            };
            if claim.is_some_and(|claim| claim != executed) {
                let (name, error) = (server.outcome.name(), server.outcome.error());
                wrong.push(format!("false {name}: executed {executed}, {error:?}"));
            }
        }
        wrong
    })
}

#[test]
fn no_gateway_leads_to_a_second_execution_or_a_false_claim() {
    for seed in 0..400 {
        let violations = violations(seed, Kind::AsItIs, WITHIN_THE_LIMIT);
        assert!(violations.is_empty(), "{violations:#?}");
    }
}

#[track_caller]
fn is_found(kind: Kind, longest: u64, expected: &str) {
    let shows = |seed| {
        let violations = violations(seed, kind, longest);
        violations.iter().any(|text| text.contains(expected))
    };
    assert!((0..400).any(shows), "{kind:?} is not found");
}

/// The sweep bites: clients with one mistake each.
#[test]
fn mistakes_are_found() {
    is_found(
        Kind::BelievesThrottlingPages,
        WITHIN_THE_LIMIT,
        "executed 2 times",
    );
    is_found(Kind::BelievesRefusalPages, WITHIN_THE_LIMIT, "false failed");
    is_found(
        Kind::BelievesCaches,
        WITHIN_THE_LIMIT,
        "false not_attempted",
    );
}

/// The limit of what can be known: a gateway that holds requests for longer than the client looks. `reconcile_after` must be
/// longer than that.
#[test]
fn a_queue_that_is_longer_than_the_limit_is_beyond_what_can_be_known() {
    is_found(Kind::AsItIs, BEYOND_THE_LIMIT, "false not_attempted");
}

/// A page in place of the very first list: nothing is sent.
#[tokio::test(start_paused = true)]
async fn a_page_in_place_of_the_first_read_ends_it() {
    let transport = ecs_ops::transport::FnTransport::new(|_: Request<Bytes>, _| async {
        Ok(Response::new(Bytes::from_static(
            b"<html><title>Login</title></html>",
        )))
    });
    let token = Credentials::token("token").unwrap();
    let client = Client::builder(
        "https://ecs.sim.example".parse().unwrap(),
        "p1".parse().unwrap(),
    )
    .credentials(StaticCredentials::new(token))
    .transport(transport)
    .build()
    .unwrap();
    let id = "616fb98f-46ca-475e-917e-2563e5a8cd19".parse().unwrap();
    let error = client.start([id]).begin().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotTheService);
}
