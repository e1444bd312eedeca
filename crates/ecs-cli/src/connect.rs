//! The connection: from the global options to a client of a real service or of the embedded simulator.

mod clients;
pub(crate) mod neighbours;
mod own;
mod steps;

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ecs_ops::auth::{
    CredentialConfig, CredentialKind, Credentials, MetadataKeys, ResolvedTarget, StaticCredentials,
};
use ecs_ops::model::ProjectId;
use ecs_ops::transport::HyperTransport;
use ecs_ops::{Client, Endpoint};
use ecs_sim::{Region, SimServer};
use secrecy::ExposeSecret as _;

use self::neighbours::Neighbour;
use crate::args::Global;
use crate::credentials;
use crate::fail::{CliError, chain};
use crate::term::Printer;

pub(crate) use clients::Clients;
pub(crate) use steps::{Stopped, choose, endpoint, open};

/// The servers of `--sim`: more than the service accepts in a minute, so that the pacing can be seen.
const SIM_SERVERS: usize = 1200;
const SIM_SEED: u64 = 1;
/// The speed of the simulated clock, which turns the two minutes of such a fleet into a few seconds.
const SIM_SPEED: NonZeroU32 = match NonZeroU32::new(15) {
    Some(speed) => speed,
    None => NonZeroU32::MIN,
};

/// The variable with the clock speed of a simulator on this machine (`ecsctl sim --speed`). Without it, waiting takes
/// as long as with a real service.
const SPEED: &str = "ECSCTL_SIM_SPEED";

/// The settings of a client that are not global options.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) servers_per_minute: Option<usize>,
    /// The endpoint if nothing else names one.
    pub(crate) fallback_endpoint: Option<String>,
    /// `true` to fail soon if the service is never reached, for commands that a user waits for and that change
    /// nothing.
    pub(crate) fails_soon: bool,
}

impl Settings {
    /// Returns the settings of commands that only read.
    pub(crate) fn of_reads() -> Self {
        Self {
            fails_soon: true,
            ..Self::default()
        }
    }
}

/// A client and its place.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) endpoint: Endpoint,
    pub(crate) project: ProjectId,
    /// Operator, account, project, region and endpoint with their origins; `None` for a simulated service.
    pub(crate) target: Option<ResolvedTarget>,
    /// A client of the Auto Scaling service, if its address is known.
    pub(crate) scaling: Option<Client>,
    /// A client of Cloud Trace Service, if its address is known.
    pub(crate) traces: Option<Client>,
    /// The metadata service of the server that this process may run on; `None` for a simulated service.
    metadata: Option<MetadataKeys>,
    /// The embedded simulator, which ends with the connection.
    sim: Option<SimServer>,
}

impl Connection {
    /// Returns whether the service is the embedded simulator, which ends with this process.
    pub(crate) fn is_simulated(&self) -> bool {
        self.sim.is_some()
    }

    /// Returns the endpoint for messages.
    pub(crate) fn place(&self) -> String {
        match self.sim {
            Some(_) => simulated(&self.endpoint.to_string()),
            None => self.endpoint.to_string(),
        }
    }
}

/// Formats the endpoint of a simulated service.
pub(crate) fn simulated(endpoint: &str) -> String {
    format!("{endpoint} (simulated)")
}

/// Finds credentials and makes a client. Sends nothing to the service itself, and queries IAM and the metadata
/// service only if needed.
pub(crate) async fn connect(
    global: &Global,
    settings: &Settings,
    printer: &Printer,
) -> Result<Connection, CliError> {
    if global.sim {
        return simulate(global, settings, printer).await;
    }
    let choice =
        choose(global, settings.fallback_endpoint.as_deref()).map_err(Stopped::into_fail)?;
    for warning in &choice.warnings {
        printer.warn(warning);
    }
    let source = credentials::source(choice.config.source());
    let skipped = choice.config.skipped().to_vec();
    let (ready, transports) = open(choice.config, global)
        .await
        .map_err(|stopped| stopped.with_skipped(skipped).into_fail())?;
    for warning in &ready.warnings {
        printer.warn(&credentials::warning(warning));
    }
    if global.token.is_none() && global.access_key.is_none() {
        printer.note(&format!("credentials: {source}"));
    }
    let endpoint = self::endpoint(ready.endpoint.as_deref(), None, global)?;
    let project = project(&ready.project_id)?;
    let speed = speed(std::env::var(SPEED).ok().as_deref(), &endpoint)?;
    let address = credentials::metadata_endpoint();
    let metadata = own::service(&transports.for_credentials(), address.as_deref());
    let clients = Clients {
        project: project.clone(),
        provider: ready.provider,
        transport: transports.services,
        settings,
        speed,
    };
    let scaling = clients.beside(Neighbour::Scaling, global, &endpoint, printer)?;
    let traces = clients.beside(Neighbour::Traces, global, &endpoint, printer)?;
    let client = clients.at(endpoint.clone())?;
    Ok(Connection {
        client,
        endpoint,
        project,
        target: Some(ready.target),
        scaling,
        traces,
        metadata: Some(metadata),
        sim: None,
    })
}

/// Returns the speed of the service's clock. Refuses the variable for a real service, whose pacing must not depend on
/// it.
fn speed(given: Option<&str>, endpoint: &Endpoint) -> Result<f64, CliError> {
    let Some(given) = given.filter(|given| !given.is_empty()) else {
        return Ok(1.0);
    };
    if endpoint.is_https() || !is_this_machine(endpoint.host()) {
        return Err(CliError::usage(format!(
            "{SPEED} is for a simulator at http://127.0.0.1, but the endpoint is {endpoint}"
        ))
        .hint(format!("unset {SPEED}")));
    }
    let parsed = given.parse::<NonZeroU32>();
    parsed
        .map(|speed| f64::from(speed.get()))
        .map_err(|_| CliError::usage(format!("{SPEED}: expected a whole number of at least 1")))
}

/// Returns whether the clock of the service is simulated and runs faster.
pub(crate) fn is_sped_up() -> bool {
    std::env::var_os(SPEED).is_some_and(|speed| !speed.is_empty() && speed != "1")
}

pub(crate) fn project(id: &str) -> Result<ProjectId, CliError> {
    let parsed = id.parse();
    parsed.map_err(|error| CliError::usage(format!("the project id {id:?}: {error}")))
}

/// Returns the warning about secrets that travel unencrypted.
pub(crate) fn plaintext_warning(chosen: &CredentialConfig) -> Option<String> {
    let open = |address: Option<&str>| {
        let endpoint: Endpoint = address?.parse().ok()?;
        let open = !endpoint.is_https() && !is_this_machine(endpoint.host());
        open.then(|| endpoint.to_string())
    };
    let at_iam = open(chosen.iam_endpoint()).filter(|_| chosen.asks_iam());
    let (sent, place) = match (chosen.kind(), at_iam, open(chosen.endpoint())) {
        (CredentialKind::Password, Some(iam), _) => ("the password travels", iam),
        (CredentialKind::Token, Some(place), _) => ("the token travels", place),
        // The answer of IAM contains a token.
        (_, Some(iam), _) if chosen.agency().is_some() => ("the token travels", iam),
        (_, Some(iam), None) => (SIGNED, iam),
        (kind, _, Some(endpoint)) => match (kind, chosen.agency()) {
            (CredentialKind::Token | CredentialKind::Password, _) | (_, Some(_)) => {
                ("the token travels", endpoint)
            }
            _ => (SIGNED, endpoint),
        },
        (_, None, None) => return None,
    };
    let uses = match sent {
        SIGNED => "can send them again for 15 minutes",
        _ => "can use it",
    };
    Some(format!(
        "{sent} unencrypted to {place}: anyone who can read the traffic {uses}"
    ))
}

const SIGNED: &str = "signed requests travel";

/// Returns the address of an embedded simulator from the journal of its run.
fn address_of(endpoint: &str) -> Result<String, CliError> {
    let address = endpoint
        .strip_prefix("http://")
        .map(|rest| rest.trim_end_matches('/'));
    let embedded = address.filter(|address| {
        let parsed = address.parse::<SocketAddr>();
        parsed.is_ok_and(|address| address.ip().is_loopback() && address.port() != 0)
    });
    embedded.map(str::to_owned).ok_or_else(|| {
        CliError::usage(format!(
            "the journal is from a run at {endpoint}, which is not an embedded simulator"
        ))
        .hint("omit --sim to continue with the real servers of this run")
    })
}

async fn simulate(
    global: &Global,
    settings: &Settings,
    printer: &Printer,
) -> Result<Connection, CliError> {
    let given = global.given();
    if !given.is_empty() {
        return Err(
            CliError::usage(format!("--sim cannot be used with {}", given.join(", "))).hint(
                "omit --sim to act on real servers, or the other options to act on simulated ones",
            ),
        );
    }
    let failed = |error: ecs_sim::SimError| {
        CliError::usage(format!(
            "the simulator could not be started: {}",
            chain(&error)
        ))
    };
    let failing = global.sim_fail.as_ref().map_or(0.0, |fail| fail.share);
    let region = Region::builder()
        .servers(SIM_SERVERS)
        .seed(SIM_SEED)
        .failing(failing)
        .build()
        .map_err(failed)?;
    let mut server = ecs_sim::Server::builder(region).speed(SIM_SPEED);
    let again = settings
        .fallback_endpoint
        .as_deref()
        .map(address_of)
        .transpose()?;
    if let Some(address) = &again {
        server = server.listen(address);
    }
    let sim = SimServer::start(server)
        .await
        .map_err(|error| match &again {
            None => failed(error),
            Some(address) => failed(error).hint(format!(
                "it must listen at {address}, like that of the run: wait until the port is free, or begin a new run"
            )),
        })?;
    let info = sim.info();
    printer.note(&format!(
        "simulated region {} with {SIM_SERVERS} servers at {}: nothing real is touched; its clock runs {SIM_SPEED}× as fast",
        info.region, info.listening
    ));
    let endpoint: Endpoint = info
        .listening
        .parse()
        .map_err(|error| CliError::usage(format!("the simulator's address: {error}")))?;
    // A connection to this machine needs neither a proxy nor certificates.
    let transport = HyperTransport::builder().no_proxy().native_roots(false);
    let transport = transport
        .build()
        .map_err(|error| CliError::usage(chain(&error)))?;
    let token = Credentials::token(info.token.expose_secret())
        .map_err(|error| CliError::usage(error.to_string()))?;
    let clients = Clients {
        project: info.project_id.clone(),
        provider: Arc::new(StaticCredentials::new(token)),
        transport,
        settings,
        speed: f64::from(SIM_SPEED.get()),
    };
    let client = clients.at(endpoint.clone())?;
    Ok(Connection {
        // The simulator serves Auto Scaling at the same address.
        scaling: Some(client.clone()),
        traces: Some(client.clone()),
        client,
        endpoint,
        project: info.project_id.clone(),
        target: None,
        metadata: None,
        sim: Some(sim),
    })
}

pub(crate) fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
