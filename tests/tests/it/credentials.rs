//! Runs that are longer than the lifetime of their credentials, on virtual time: the credentials
//! are renewed, and no server is acted on twice because of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ecs_ops::auth::{CredentialsProvider, IamClient, Login, MetadataKeys, Reference, User};
use ecs_ops::model::{RebootType, ServerId};
use ecs_ops::transport::{Attempt, BoxFuture, Transport, TransportError};
use ecs_ops::{Client, Report};
use ecs_sim::{Identity, Region, RegionBuilder, SimTransport};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;

const LIFE: Duration = Duration::from_secs(25);
const SERVERS: usize = 2500;
/// The number of requests, of a hundred servers each.
const BATCHES: usize = 25;

/// The region, and a log of its requests and answers.
#[derive(Clone, Debug)]
struct Logged {
    sim: SimTransport,
    /// `true` if IAM omits the expiry of its tokens.
    silent: bool,
    log: Arc<Mutex<Vec<Exchange>>>,
}

#[derive(Clone, Debug)]
struct Exchange {
    method: http::Method,
    path: String,
    body: Bytes,
    status: u16,
}

impl Transport for Logged {
    fn send<'a>(
        &'a self,
        request: http::Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Result<http::Response<Bytes>, TransportError>> {
        Box::pin(async move {
            let (method, path, body) = (
                request.method().clone(),
                request.uri().path().to_owned(),
                request.body().clone(),
            );
            let mut answer = self.sim.send(request, attempt).await?;
            if self.silent && path == "/v3/auth/tokens" {
                let mut body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
                body["token"].as_object_mut().unwrap().remove("expires_at");
                *answer.body_mut() = body.to_string().into();
            }
            let status = answer.status().as_u16();
            self.log.lock().unwrap().push(Exchange {
                method,
                path,
                body,
                status,
            });
            Ok(answer)
        })
    }
}

struct Scene {
    transport: Logged,
    identity: Identity,
    servers: Vec<ServerId>,
    now: Timestamp,
}

impl Scene {
    fn new(silent: bool, settings: impl FnOnce(RegionBuilder) -> RegionBuilder) -> Self {
        let now = Timestamp::now();
        let region = Region::builder().servers(SERVERS).seed(3).epoch(now);
        let region = settings(region).build().unwrap();
        let (identity, servers) = (region.identity().clone(), region.servers().collect());
        let sim = SimTransport::new(region)
            .with_latency(Duration::from_millis(20)..=Duration::from_millis(900));
        Self {
            transport: Logged {
                sim,
                silent,
                log: Arc::default(),
            },
            identity,
            servers,
            now,
        }
    }

    fn login(&self) -> impl CredentialsProvider {
        let iam = IamClient::new(Arc::new(self.transport.clone()), "https://iam.sim.example");
        let domain = Reference::name(&self.identity.domain);
        let user = User::name(&self.identity.user, domain);
        let login = Login::password(user, self.identity.password.expose_secret());
        let project = Reference::name(&self.identity.region);
        iam.unwrap().tokens(login.for_project(project))
    }

    async fn run(&self, provider: impl CredentialsProvider) -> Report {
        let endpoint = "https://ecs.sim.example".parse().unwrap();
        let client = Client::builder(endpoint, self.identity.project_id.clone())
            .credentials(provider)
            .transport(self.transport.clone())
            .epoch(self.now)
            .seed(7)
            .build()
            .unwrap();
        let run = client.reboot(RebootType::Hard, self.servers.clone());
        run.batch_size(SERVERS / BATCHES).report().await.unwrap()
    }

    fn count(&self, path: &str, status: u16) -> usize {
        let log = self.transport.log.lock().unwrap();
        let like = |value: &&Exchange| value.path.contains(path) && value.status == status;
        log.iter().filter(like).count()
    }

    /// Checks that everything was done, and nothing twice: a request was repeated only after proof
    /// that it was not executed.
    fn check(&self, report: &Report) {
        assert_eq!(
            report.summary().succeeded,
            SERVERS,
            "{:?}",
            report.summary()
        );
        self.transport.sim.region().with(|region| {
            assert_eq!(region.accepted().most_times(), 1);
            let accepted = region.accepted().entries().iter();
            assert_eq!(
                accepted.map(|value| value.servers.len()).sum::<usize>(),
                SERVERS
            );
        });
        let mut posts: BTreeMap<Bytes, Vec<u16>> = BTreeMap::new();
        for exchange in self.transport.log.lock().unwrap().iter() {
            if exchange.method == http::Method::POST && exchange.path.contains("cloudservers") {
                let statuses = posts.entry(exchange.body.clone()).or_default();
                statuses.push(exchange.status);
            }
        }
        assert_eq!(posts.len(), BATCHES);
        for statuses in posts.values() {
            let (last, before) = statuses.split_last().unwrap();
            assert_eq!(*last, 200, "{statuses:?}");
            assert!(before.iter().all(|status| *status == 401), "{statuses:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_are_renewed_before_they_expire() {
    let scene = Scene::new(false, |region| region.token_life(LIFE));
    let report = scene.run(scene.login()).await;
    scene.check(&report);
    // The run takes more than two minutes, a token less than half a minute.
    assert!(scene.count("/v3/auth/tokens", 201) >= 5);
    assert_eq!(scene.count("/", 401), 0, "nobody was ever refused");
}

#[tokio::test(start_paused = true)]
async fn refused_tokens_are_renewed() {
    let scene = Scene::new(true, |region| region.token_life(LIFE));
    let report = scene.run(scene.login()).await;
    scene.check(&report);
    assert!(scene.count("/v3/auth/tokens", 201) >= 4);
    assert!(scene.count("/jobs/", 401) >= 1, "looks were refused");
    assert!(scene.count("/action", 401) >= 1, "actions were refused");
}

#[tokio::test(start_paused = true)]
async fn temporary_keys_are_renewed() {
    let life = Duration::from_secs(70);
    let scene = Scene::new(false, |region| region.key_life(life));
    let transport = Arc::new(scene.transport.clone());
    let report = scene.run(MetadataKeys::new(transport)).await;
    scene.check(&report);
    assert!(scene.count("/openstack/latest/securitykey", 200) >= 3);
}
