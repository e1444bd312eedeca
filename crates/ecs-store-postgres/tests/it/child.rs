//! A process of its own that runs with a journal in the store: this test program, started again.

use std::process::Stdio;
use std::time::Duration;

use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::journal::Recovered;
use ecs_ops::model::{RebootType, ServerId};
use ecs_ops::{Client, Stopped};
use ecs_sim::{Region, Server, SimServer, Tls};
use ecs_store_postgres::{PostgresStore, StoreErrorKind, Takeover};
use ecs_transport::HyperTransport;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};

/// The task of the process, as JSON.
const VARIABLE: &str = "ECS_STORE_TEST_CHILD";

/// What a process is to do: restart these servers.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) store: String,
    pub(crate) endpoint: String,
    pub(crate) ca_pem: Option<String>,
    pub(crate) project: String,
    pub(crate) token: String,
    pub(crate) speed: u32,
    pub(crate) run_id: String,
    pub(crate) servers: Vec<ServerId>,
    pub(crate) pace: usize,
    pub(crate) admission_lifetime: Duration,
    pub(crate) patience: Duration,
    /// The run is taken over when its process was silent for so long; `None`: it begins.
    pub(crate) take_over_after: Option<Duration>,
}

/// How the run of a process ended.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ended {
    /// Why the journal failed.
    pub(crate) journal_failed: Option<String>,
    pub(crate) succeeded: usize,
    pub(crate) not_attempted: usize,
    pub(crate) unknown: usize,
}

impl Task {
    /// Restarts all servers of a region that is served.
    pub(crate) fn of(store: String, sim: &SimServer, tls: Option<&Tls>, run_id: &str) -> Self {
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
            patience: Duration::from_secs(60),
            take_over_after: None,
        }
    }

    /// The client that it runs with.
    pub(crate) fn client(&self) -> Client {
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

    /// Starts a process with this task; `prefix` is the command that starts it, if it is another.
    pub(crate) fn start(&self, prefix: &[&str]) -> Child {
        let program = std::env::current_exe().unwrap();
        let program = program.to_str().unwrap();
        let words = [
            prefix,
            &[program, "--exact", "child::process", "--nocapture"],
        ]
        .concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        command.env(VARIABLE, serde_json::to_string(self).unwrap());
        command.stdout(Stdio::piped()).kill_on_drop(true);
        command.spawn().unwrap()
    }

    async fn perform(self) -> Ended {
        let mut options = crate::world::options(&self.store, "child");
        options.times.admission_lifetime = self.admission_lifetime;
        options.patience = self.patience;
        options.times.takeover_after = self.take_over_after.unwrap_or(options.times.takeover_after);
        let store = PostgresStore::open(options).await.unwrap();
        let run = match self.take_over_after {
            None => {
                let run = self.client().reboot(RebootType::Soft, self.servers.clone());
                let run = run.run_id(&self.run_id).batch_size(3);
                run.journal(store.journal())
            }
            Some(_) => {
                let (journal, contents) = loop {
                    match store.resume(&self.run_id, Takeover::WhenSilent).await {
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

/// How it ended, when it has.
pub(crate) async fn ended(child: Child) -> Ended {
    let output = child.wait_with_output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with('{'));
    let line = line.unwrap_or_else(|| panic!("{}: {text}", output.status));
    serde_json::from_str(line).unwrap()
}

/// Sends a signal to a process.
pub(crate) async fn signal(pid: u32, name: &str) {
    let mut kill = Command::new("kill");
    let sent = kill.args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(sent.await.unwrap().success());
}

const SPEED: u32 = 100;

/// A region that is served, over TLS if there is a certificate.
pub(crate) async fn serve(servers: usize, listen: &str, tls: Option<&Tls>) -> SimServer {
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

/// Not a test: what the process does that a test starts.
#[tokio::test]
async fn process() {
    let Ok(task) = std::env::var(VARIABLE) else {
        return;
    };
    let task: Task = serde_json::from_str(&task).unwrap();
    println!(
        "\n{}",
        serde_json::to_string(&task.perform().await).unwrap()
    );
}
