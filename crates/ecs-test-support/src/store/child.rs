//! A separate process that executes a run with a journal in a store: the test program, started
//! again.

use std::process::Stdio;
use std::time::Duration;

use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::journal::Recovered;
use ecs_ops::model::{RebootType, ServerId};
use ecs_ops::store::{Store, StoreErrorKind, StoreTimes, Takeover};
use ecs_ops::transport::HyperTransport;
use ecs_ops::{Client, Stopped};
use ecs_sim::{Region, Server, SimServer, Tls};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};

/// The task of the process, as JSON.
const VARIABLE: &str = "ECS_STORE_TEST_CHILD";

/// The task of a process: restart these servers.
#[derive(Clone, Serialize, Deserialize)]
pub struct Task {
    /// The address of the store.
    pub store: String,
    /// The endpoint.
    pub endpoint: String,
    /// The certificate to trust.
    pub ca_pem: Option<String>,
    /// The project.
    pub project: String,
    /// The token.
    pub token: String,
    /// The speed of the region's clock, as a multiple of real time.
    pub speed: u32,
    /// The run.
    pub run_id: String,
    /// The servers.
    pub servers: Vec<ServerId>,
    /// The largest number of servers that it sends in a minute.
    pub pace: usize,
    /// The admission lifetime.
    pub admission_lifetime: Duration,
    /// The longest wait for an unavailable store.
    pub retry_limit: Duration,
    /// Take over the run when its process was silent for this time; `None` begins it.
    pub take_over_after: Option<Duration>,
}

/// The result of a process.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The reason why the journal failed.
    pub journal_failed: Option<String>,
    /// The number of servers that succeeded.
    pub succeeded: usize,
    /// The number of servers that were not attempted.
    pub not_attempted: usize,
    /// The number of servers of unknown outcome.
    pub unknown: usize,
}

impl Task {
    /// Creates the task to restart all servers of a served region.
    pub fn of(store: String, sim: &SimServer, tls: Option<&Tls>, run_id: &str) -> Self {
        let identity = sim.region().with(|region| region.identity().clone());
        Self {
            store,
            endpoint: sim.info().listening.clone(),
            ca_pem: tls.and_then(Tls::ca_pem).map(str::to_owned),
            project: identity.project_id.to_string(),
            token: identity.token.expose_secret().to_owned(),
            speed: SPEED,
            run_id: run_id.to_owned(),
            servers: sim.region().with(|region| region.servers().collect()),
            pace: 1000,
            admission_lifetime: Duration::from_secs(15),
            retry_limit: Duration::from_secs(60),
            take_over_after: None,
        }
    }

    /// Returns the client of the process.
    pub fn client(&self) -> Client {
        let transport = HyperTransport::builder().no_proxy().native_roots(false);
        let transport = match &self.ca_pem {
            Some(pem) => transport.ca_pem(pem.clone()),
            None => transport,
        };
        let project = self.project.parse().unwrap();
        Client::builder(self.endpoint.parse().unwrap(), project)
            .credentials(StaticCredentials::new(
                Credentials::token(&self.token).unwrap(),
            ))
            .transport(transport.build().unwrap())
            .servers_per_minute(self.pace)
            .time_factor(f64::from(self.speed))
            .build()
            .unwrap()
    }

    /// Starts a process with this task; `prefix` is a command that wraps it, if not empty.
    pub fn start(&self, prefix: &[&str], test: &str) -> Child {
        let program = std::env::current_exe().unwrap();
        let program = program.to_str().unwrap();
        let arguments = [prefix, &[program, "--exact", test, "--nocapture"]].concat();
        let mut command = Command::new(arguments[0]);
        command.args(&arguments[1..]);
        command.env(VARIABLE, serde_json::to_string(self).unwrap());
        command.stdout(Stdio::piped()).kill_on_drop(true);
        command.spawn().unwrap()
    }

    /// Returns the time limits of its store.
    pub fn times(&self) -> StoreTimes {
        let mut times = StoreTimes::default();
        times.admission_lifetime = self.admission_lifetime;
        times.takeover_after = self.take_over_after.unwrap_or(times.takeover_after);
        times
    }

    /// Performs the task.
    pub async fn perform(self, store: &Store) -> Ended {
        let takeover = match self.take_over_after {
            Some(Duration::ZERO) => Takeover::AtOnce,
            _ => Takeover::WhenSilent,
        };
        let run = match self.take_over_after {
            None => {
                let run = self.client().reboot(RebootType::Soft, self.servers.clone());
                let run = run.run_id(&self.run_id).batch_size(3);
                run.journal(store.journal())
            }
            // Any holder, alive or not, if it is not to be waited for.
            Some(_) => {
                let (journal, contents) = loop {
                    match store.resume(&self.run_id, takeover).await {
                        Ok(taken) => break taken,
                        Err(error) => assert_eq!(error.kind(), StoreErrorKind::InUse, "{error}"),
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                };
                let recovered = Recovered::from_entries(contents.entries).unwrap();
                self.client().resume(journal, recovered).unwrap()
            }
        };
        let report = run.report().await.unwrap();
        let summary = report.summary();
        Ended {
            journal_failed: match &report.stopped {
                Some(Stopped::JournalFailed(problem)) => Some(problem.to_string()),
                _ => None,
            },
            succeeded: summary.succeeded,
            not_attempted: summary.not_attempted,
            unknown: summary.unknown,
        }
    }
}

/// Waits for the process and returns its result.
pub async fn ended(child: Child) -> Ended {
    let output = child.wait_with_output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with('{'));
    let line = line.unwrap_or_else(|| panic!("{}: {text}", output.status));
    serde_json::from_str(line).unwrap()
}

/// Sends a signal to a process.
pub async fn signal(pid: u32, name: &str) {
    let mut kill = Command::new("kill");
    let sent = kill.args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(sent.await.unwrap().success());
}

const SPEED: u32 = 100;

/// Serves a region, over TLS if there is a certificate.
pub async fn serve(servers: usize, listen: &str, tls: Option<&Tls>) -> SimServer {
    let region = Region::builder().servers(servers).seed(5).build().unwrap();
    let server = Server::builder(region)
        .listen(listen)
        .speed(SPEED.try_into().unwrap());
    let server = match tls {
        Some(tls) => server.tls(tls.clone()),
        None => server,
    };
    SimServer::start(server).await.unwrap()
}

/// Returns the task of this process, if a test started it.
pub fn task() -> Option<Task> {
    let task = std::env::var(VARIABLE).ok()?;
    Some(serde_json::from_str(&task).unwrap())
}

/// Reports the result to the test.
pub fn report(ended: &Ended) {
    println!("\n{}", serde_json::to_string(ended).unwrap());
}
