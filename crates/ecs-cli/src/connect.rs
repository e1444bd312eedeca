//! From the global options to a client: of a real service, or of the embedded simulator.

use std::io;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::model::ProjectId;
use ecs_ops::transport::{BuildErrorKind, HyperTransport};
use ecs_ops::{Client, Endpoint};
use ecs_sim::{Region, SimServer};
use secrecy::{ExposeSecret, SecretString};

use crate::args::Global;
use crate::fail::{Fail, chain};
use crate::term::Notes;

/// What `--sim` simulates: more servers than the service takes in a minute, so that the pacing can be seen.
const SIM_SERVERS: usize = 1200;
const SIM_SEED: u64 = 1;
/// Makes the two minutes that such a fleet takes a few seconds.
const SIM_SPEED: NonZeroU32 = match NonZeroU32::new(15) {
    Some(speed) => speed,
    None => NonZeroU32::MIN,
};

/// Settings of the client that are not global.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) servers_per_minute: Option<usize>,
}

/// A client, and what to tell people about it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) endpoint: Endpoint,
    pub(crate) project: ProjectId,
    /// Ends with the connection.
    sim: Option<SimServer>,
}

impl Connection {
    /// Whether the service ends with this process.
    pub(crate) fn is_simulated(&self) -> bool {
        self.sim.is_some()
    }

    /// The endpoint, for people.
    pub(crate) fn place(&self) -> String {
        match self.sim {
            Some(_) => format!("{} (simulated)", self.endpoint),
            None => self.endpoint.to_string(),
        }
    }
}

/// Checks the global options and makes a client. Nothing is sent.
pub(crate) async fn connect(
    global: &Global,
    settings: &Settings,
    notes: &Notes,
) -> Result<Connection, Fail> {
    if global.sim {
        return simulate(global, settings, notes).await;
    }
    let (Some(endpoint), Some(project), Some(token)) =
        (&global.endpoint, &global.project_id, &global.token)
    else {
        return Err(missing(global));
    };
    let endpoint: Endpoint = endpoint
        .parse()
        .map_err(|error| Fail::usage(format!("--endpoint: {error}")))?;
    let token = self::token(token)?;
    if !endpoint.is_https() && !is_this_machine(endpoint.host()) {
        notes.warn(&format!(
            "the token travels unencrypted to {endpoint}: whoever can read the traffic can use it"
        ));
    }
    let mut transport = HyperTransport::builder();
    if let Some(path) = &global.ca_file {
        transport = transport.ca_file(path);
    }
    let transport = transport.build().map_err(|error| {
        let fail = Fail::usage(chain(&error));
        match error.kind() {
            BuildErrorKind::CaFile | BuildErrorKind::CaCertificate => fail.hint(
                "--ca-file takes a file with certificates in PEM (-----BEGIN CERTIFICATE-----)",
            ),
            _ => fail,
        }
    })?;
    let client = client(
        endpoint.clone(),
        project.clone(),
        &token,
        transport,
        settings,
        1.0,
    )?;
    Ok(Connection {
        client,
        endpoint,
        project: project.clone(),
        sim: None,
    })
}

async fn simulate(global: &Global, settings: &Settings, notes: &Notes) -> Result<Connection, Fail> {
    let excluded = [
        ("--endpoint", global.endpoint.is_some()),
        ("--project-id", global.project_id.is_some()),
        ("--token", global.token.is_some()),
        ("--ca-file", global.ca_file.is_some()),
    ];
    let given: Vec<&str> = excluded
        .into_iter()
        .filter_map(|(option, given)| given.then_some(option))
        .collect();
    if !given.is_empty() {
        return Err(Fail::usage(format!("--sim cannot be used with {}", given.join(", ")))
            .hint("leave out --sim to act on the real servers, or the others to act on simulated ones"));
    }
    let failed = |error: ecs_sim::SimError| {
        Fail::usage(format!(
            "the simulator could not be started: {}",
            chain(&error)
        ))
    };
    let region = Region::builder()
        .servers(SIM_SERVERS)
        .seed(SIM_SEED)
        .build()
        .map_err(failed)?;
    let sim = SimServer::start(ecs_sim::Server::builder(region).speed(SIM_SPEED))
        .await
        .map_err(failed)?;
    let info = sim.info();
    notes.note(&format!(
        "simulated region {} with {SIM_SERVERS} servers at {}: nothing real is touched; its clock runs {SIM_SPEED}× as fast",
        info.region, info.listening
    ));
    let endpoint: Endpoint = info
        .listening
        .parse()
        .map_err(|error| Fail::usage(format!("the simulator's address: {error}")))?;
    // The way to this machine needs neither a proxy nor certificates.
    let transport = HyperTransport::builder().no_proxy().native_roots(false);
    let transport = transport
        .build()
        .map_err(|error| Fail::usage(chain(&error)))?;
    let speed = f64::from(SIM_SPEED.get());
    let client = client(
        endpoint.clone(),
        info.project_id.clone(),
        &info.token,
        transport,
        settings,
        speed,
    )?;
    Ok(Connection {
        client,
        endpoint,
        project: info.project_id.clone(),
        sim: Some(sim),
    })
}

fn client(
    endpoint: Endpoint,
    project: ProjectId,
    token: &SecretString,
    transport: HyperTransport,
    settings: &Settings,
    speed: f64,
) -> Result<Client, Fail> {
    let token = Credentials::token(token.expose_secret())
        .map_err(|error| Fail::usage(format!("--token: {error}")))?;
    let mut builder = Client::builder(endpoint, project)
        .credentials(StaticCredentials::new(token))
        .transport(transport)
        .time_factor(speed)
        .user_agent(concat!("ecsctl/", env!("CARGO_PKG_VERSION")));
    if let Some(timeout) = settings.attempt_timeout {
        builder = builder.attempt_timeout(timeout);
    }
    if let Some(servers) = settings.servers_per_minute {
        builder = builder.servers_per_minute(servers);
    }
    builder
        .build()
        .map_err(|error| Fail::usage(error.to_string()))
}

fn missing(global: &Global) -> Fail {
    let needed = [
        ("--endpoint", global.endpoint.is_none()),
        ("--project-id", global.project_id.is_none()),
        ("--token", global.token.is_none()),
    ];
    let missing: Vec<&str> = needed
        .into_iter()
        .filter_map(|(option, missing)| missing.then_some(option))
        .collect();
    Fail::usage(format!("missing {}", missing.join(", "))).hint(
        "they say which service, which project and who you are; with --sim none of them is needed",
    )
}

/// The token as it was given, or the one on stdin.
pub(crate) fn token(given: &SecretString) -> Result<SecretString, Fail> {
    match given.expose_secret() {
        "-" => read_token(),
        _ => Ok(given.clone()),
    }
}

/// One line of stdin.
fn read_token() -> Result<SecretString, Fail> {
    let mut line = String::new();
    match io::stdin().read_line(&mut line) {
        Ok(_) => Ok(line.trim().into()),
        Err(error) => Err(Fail::usage(format!(
            "cannot read the token from stdin: {error}"
        ))),
    }
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_this_machine() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["localhost.example", "10.0.0.1", "0.0.0.0", "::", "fe80::1"] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
