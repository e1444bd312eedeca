//! From the global options to a client: of a real service, or of the embedded simulator.

pub(crate) mod neighbours;
mod own;
mod steps;

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ecs_ops::auth::{
    CredentialConfig, CredentialKind, Credentials, CredentialsProvider, MetadataKeys,
    ResolvedTarget, StaticCredentials,
};
use ecs_ops::model::ProjectId;
use ecs_ops::transport::HyperTransport;
use ecs_ops::{Client, Endpoint, RetryPolicy};
use ecs_sim::{Region, SimServer};
use secrecy::ExposeSecret as _;

use self::neighbours::Neighbour;
use crate::args::Global;
use crate::credentials;
use crate::fail::{Fail, chain};
use crate::term::Notes;

pub(crate) use steps::{Stopped, choose, endpoint, open};

/// What `--sim` simulates: more servers than the service takes in a minute, so that the pacing can be seen.
const SIM_SERVERS: usize = 1200;
const SIM_SEED: u64 = 1;
/// Makes the two minutes that such a fleet takes a few seconds.
const SIM_SPEED: NonZeroU32 = match NonZeroU32::new(15) {
    Some(speed) => speed,
    None => NonZeroU32::MIN,
};

/// How many times as fast as ours the clock of a simulator on this machine runs (`ecsctl sim --speed`): without it, waiting
/// takes as long as with a real service.
const SPEED: &str = "ECSCTL_SIM_SPEED";

/// Settings of the client that are not global.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) servers_per_minute: Option<usize>,
    /// The address of the service, if nothing else says it.
    pub(crate) otherwise: Option<String>,
    /// Whether a service that was never reached is given up soon: where nothing is done, and somebody waits.
    pub(crate) fails_soon: bool,
}

impl Settings {
    /// For commands that only read.
    pub(crate) fn of_reads() -> Self {
        Self {
            fails_soon: true,
            ..Self::default()
        }
    }
}

/// With [`Settings::fails_soon`]: attempts to reach the service begin within this time.
const FIRST_ANSWER: Duration = Duration::from_secs(2);

/// A client, and what to tell people about it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) endpoint: Endpoint,
    pub(crate) project: ProjectId,
    /// Operator, account, project, region and endpoint with their origins; none of a simulated service.
    pub(crate) target: Option<ResolvedTarget>,
    /// A client of the Auto Scaling service, where its address is known.
    pub(crate) scaling: Option<Client>,
    /// The same of Cloud Trace Service.
    pub(crate) traces: Option<Client>,
    /// The metadata service of the server that this process may run on; none beside a simulated service.
    metadata: Option<MetadataKeys>,
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
            Some(_) => simulated(&self.endpoint.to_string()),
            None => self.endpoint.to_string(),
        }
    }
}

/// A simulated endpoint, for people.
pub(crate) fn simulated(endpoint: &str) -> String {
    format!("{endpoint} (simulated)")
}

/// Finds credentials and makes a client. The service itself is sent nothing; IAM and the metadata service are asked where that
/// is needed.
pub(crate) async fn connect(
    global: &Global,
    settings: &Settings,
    notes: &Notes,
) -> Result<Connection, Fail> {
    if global.sim {
        return simulate(global, settings, notes).await;
    }
    let choice = choose(global, settings.otherwise.as_deref()).map_err(Stopped::into_fail)?;
    for warning in &choice.warnings {
        notes.warn(warning);
    }
    let source = credentials::source(choice.config.source());
    let skipped = choice.config.skipped().to_vec();
    let (ready, ways) = open(choice.config, global)
        .await
        .map_err(|stopped| stopped.with_skipped(skipped).into_fail())?;
    for warning in &ready.warnings {
        notes.warn(&credentials::warning(warning));
    }
    if global.token.is_none() && global.access_key.is_none() {
        notes.note(&format!("credentials: {source}"));
    }
    let endpoint = self::endpoint(ready.endpoint.as_deref(), None, global)?;
    let project = project(&ready.project_id)?;
    let speed = speed(std::env::var(SPEED).ok().as_deref(), &endpoint)?;
    let address = credentials::metadata_endpoint();
    let metadata = own::service(&ways.for_credentials(), address.as_deref());
    let beside = |neighbour| -> Result<Option<Client>, Fail> {
        let found = neighbours::endpoint(neighbour, global, &endpoint, notes)?;
        let open = |endpoint| {
            let provider = Arc::clone(&ready.provider);
            let services = ways.services.clone();
            client(
                endpoint,
                project.clone(),
                provider,
                services,
                settings,
                speed,
            )
        };
        found.map(open).transpose()
    };
    let (scaling, traces) = (beside(Neighbour::Scaling)?, beside(Neighbour::Traces)?);
    let client = client(
        endpoint.clone(),
        project.clone(),
        ready.provider,
        ways.services,
        settings,
        speed,
    )?;
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

/// How fast the service's clock runs. The pacing of a real service must not hang on a variable.
fn speed(given: Option<&str>, endpoint: &Endpoint) -> Result<f64, Fail> {
    let Some(given) = given.filter(|given| !given.is_empty()) else {
        return Ok(1.0);
    };
    if endpoint.is_https() || !is_this_machine(endpoint.host()) {
        return Err(Fail::usage(format!(
            "{SPEED} is for a simulator at http://127.0.0.1, but the endpoint is {endpoint}"
        ))
        .hint(format!("unset {SPEED}")));
    }
    let parsed = given.parse::<NonZeroU32>();
    parsed
        .map(|speed| f64::from(speed.get()))
        .map_err(|_| Fail::usage(format!("{SPEED}: a whole number of at least 1 is needed")))
}

/// Whether the clock of the service is a simulated one that runs faster.
pub(crate) fn is_sped_up() -> bool {
    std::env::var_os(SPEED).is_some_and(|speed| !speed.is_empty() && speed != "1")
}

pub(crate) fn project(id: &str) -> Result<ProjectId, Fail> {
    let parsed = id.parse();
    parsed.map_err(|error| Fail::usage(format!("the project id {id:?}: {error}")))
}

/// What somebody on the way could read and use.
pub(crate) fn in_the_clear(chosen: &CredentialConfig) -> Option<String> {
    let open = |address: Option<&str>| {
        let endpoint: Endpoint = address?.parse().ok()?;
        let open = !endpoint.is_https() && !is_this_machine(endpoint.host());
        open.then(|| endpoint.to_string())
    };
    let at_iam = open(chosen.iam_endpoint()).filter(|_| chosen.asks_iam());
    let (what, place) = match (chosen.kind(), at_iam, open(chosen.endpoint())) {
        (CredentialKind::Password, Some(iam), _) => ("the password travels", iam),
        (CredentialKind::Token, Some(place), _) => ("the token travels", place),
        // IAM's answer holds one.
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
    let uses = match what {
        SIGNED => "can send them once more for a quarter of an hour",
        _ => "can use it",
    };
    Some(format!(
        "{what} unencrypted to {place}: whoever can read the traffic {uses}"
    ))
}

const SIGNED: &str = "signed requests travel";

/// Where an embedded simulator was, by the journal of its run.
fn address_of(endpoint: &str) -> Result<String, Fail> {
    let address = endpoint
        .strip_prefix("http://")
        .map(|rest| rest.trim_end_matches('/'));
    let embedded = address.filter(|address| {
        let parsed = address.parse::<SocketAddr>();
        parsed.is_ok_and(|address| address.ip().is_loopback() && address.port() != 0)
    });
    embedded.map(str::to_owned).ok_or_else(|| {
        Fail::usage(format!(
            "the journal is from a run at {endpoint}, which is not an embedded simulator"
        ))
        .hint("omit --sim to continue with the real servers of this run")
    })
}

async fn simulate(global: &Global, settings: &Settings, notes: &Notes) -> Result<Connection, Fail> {
    let given = global.given();
    if !given.is_empty() {
        return Err(
            Fail::usage(format!("--sim cannot be used with {}", given.join(", "))).hint(
                "omit --sim to act on real servers, or the other options to act on simulated ones",
            ),
        );
    }
    let failed = |error: ecs_sim::SimError| {
        Fail::usage(format!(
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
    let again = settings.otherwise.as_deref().map(address_of).transpose()?;
    if let Some(address) = &again {
        server = server.listen(address);
    }
    let sim = SimServer::start(server)
        .await
        .map_err(|error| match &again {
            None => failed(error),
            Some(address) => failed(error).hint(format!(
                "it has to be at {address}, as that of the run was: wait until nobody else uses this port, or \
                 begin a new run"
            )),
        })?;
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
    let token = Credentials::token(info.token.expose_secret())
        .map_err(|error| Fail::usage(error.to_string()))?;
    let client = client(
        endpoint.clone(),
        info.project_id.clone(),
        Arc::new(StaticCredentials::new(token)),
        transport,
        settings,
        speed,
    )?;
    Ok(Connection {
        // At the same address.
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

pub(crate) fn client(
    endpoint: Endpoint,
    project: ProjectId,
    credentials: Arc<dyn CredentialsProvider>,
    transport: HyperTransport,
    settings: &Settings,
    speed: f64,
) -> Result<Client, Fail> {
    let mut builder = Client::builder(endpoint, project)
        .credentials(credentials)
        .transport(transport)
        .time_factor(speed)
        .user_agent(concat!("ecsctl/", env!("CARGO_PKG_VERSION")));
    if let Some(timeout) = settings.attempt_timeout {
        builder = builder.attempt_timeout(timeout);
    }
    if let Some(servers) = settings.servers_per_minute {
        builder = builder.servers_per_minute(servers);
    }
    if settings.fails_soon {
        builder = builder.retry(RetryPolicy::default().with_max_first_read_time(FIRST_ANSWER));
    }
    builder
        .build()
        .map_err(|error| Fail::usage(error.to_string()))
}

pub(crate) fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
