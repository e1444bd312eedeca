//! `auth check`: finds credentials and checks whether they work.

use ecs_ops::auth::{
    AuthError, AuthErrorKind, CredentialConfig, CredentialKind, Reference, TokenInfo,
};
use ecs_ops::{Client, Probe, ProbeEnd};
use jiff::Timestamp;

use crate::args::{AuthCheck, DocumentFormat, Global};
use crate::connect::neighbours::Neighbour;
use crate::connect::{self, Clients, Settings, Stopped, is_sped_up};
use crate::credentials;
use crate::diagnosis::{Asked, End, Evidence, UnprovenAnswer, diagnose};
use crate::exit::Exit;
use crate::fail::{CliError, chain};
use crate::render::auth::CheckReport;
use crate::render::{auth as render, json};
use crate::term::{Printer, Results};

/// The variables that the transport reads to find a proxy.
const PROXIES: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// The state of a check, which runs step by step and ends at the first problem.
struct Check<'a> {
    global: &'a Global,
    checked: CheckReport,
    kind: CredentialKind,
    /// `true` if the permissions of an agency are used.
    agency: bool,
    proxies: Vec<&'static str>,
}

/// The step at which a check ended.
enum CheckEnd {
    Credentials(AuthError),
    Options(CliError),
    Asked(Box<Probe>),
}

pub(crate) async fn check(
    args: &AuthCheck,
    global: &Global,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    let set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let mut check = Check {
        global,
        checked: CheckReport::default(),
        kind: CredentialKind::Token,
        agency: false,
        proxies: PROXIES.into_iter().filter(|name| set(name)).collect(),
    };
    let ended = check.run(printer).await;
    let exit = check.conclude(&ended);
    results.write(&match args.output.format {
        DocumentFormat::Table => render::text(&check.checked),
        DocumentFormat::Json => json::document(&check.checked),
        DocumentFormat::Jsonl => json::line(&check.checked),
    });
    Ok(exit)
}

impl Check<'_> {
    async fn run(&mut self, printer: &Printer) -> CheckEnd {
        match self.steps(printer).await {
            Ok(probe) => CheckEnd::Asked(Box::new(probe)),
            Err(ended) => ended,
        }
    }

    async fn steps(&mut self, printer: &Printer) -> Result<Probe, CheckEnd> {
        if self.global.sim {
            let connection = connect::connect(self.global, &Settings::of_reads(), printer).await?;
            self.checked.source = Some("the embedded simulator".to_owned());
            self.checked.kind = Some(self.kind.as_str());
            self.checked.endpoint = Some(connection.endpoint.to_string());
            self.checked.project_id = Some(connection.project.to_string());
            return Ok(self
                .probe(&connection.client, connection.traces.as_ref())
                .await);
        }
        let choice = connect::choose(self.global, None)?;
        self.found(&choice.config);
        self.checked.warnings = choice.warnings;
        let (ready, transports) = connect::open(choice.config, self.global).await?;
        let checked = &mut self.checked;
        checked.region = ready.region;
        checked.endpoint = ready.endpoint;
        checked.project_id = Some(ready.project_id.clone());
        checked.target = Some(ready.target);
        let more = ready.warnings.iter().map(credentials::warning);
        checked.warnings.extend(more);
        self.token(ready.token);
        let endpoint = connect::endpoint(self.checked.endpoint.as_deref(), None, self.global)?;
        let project = connect::project(&ready.project_id)?;
        let settings = Settings::of_reads();
        let clients = Clients {
            project,
            provider: ready.provider,
            transport: transports.services,
            settings: &settings,
            speed: 1.0,
        };
        let traces = clients.beside(Neighbour::Traces, self.global, &endpoint, printer)?;
        let client = clients.at(endpoint)?;
        Ok(self.probe(&client, traces.as_ref()).await)
    }

    /// Sends a read-only request and, if the service answers it, checks which records can be read.
    async fn probe(&mut self, client: &Client, traces: Option<&Client>) -> Probe {
        let probe = client.probe().await;
        if matches!(probe.end, ProbeEnd::Answered { .. }) {
            self.checked.records = Some(client.check_records(traces).await);
        }
        probe
    }

    /// Reports the chosen credentials and addresses.
    fn found(&mut self, config: &CredentialConfig) {
        self.kind = config.kind();
        self.agency = config.agency().is_some();
        let checked = &mut self.checked;
        checked.source = Some(credentials::source(config.source()));
        checked.kind = Some(config.kind().as_str());
        checked.access_key = config.access_key().map(str::to_owned);
        checked.agency = config.agency().map(str::to_owned);
        checked.skipped = config.skipped().iter().map(Into::into).collect();
        checked.user = config.user().map(str::to_owned);
        checked.domain = config.domain().map(str::to_owned);
        checked.operator = config.operator().map(|operator| operator.name().to_owned());
        checked.region = config.region().map(str::to_owned);
        checked.endpoint = config.endpoint().map(str::to_owned);
        checked.iam_endpoint = config
            .iam_endpoint()
            .filter(|_| config.asks_iam())
            .map(str::to_owned);
        if let Some(Reference::Id(id)) = config.project() {
            checked.project_id = Some(id.clone());
        }
    }

    fn token(&mut self, token: Option<TokenInfo>) {
        let Some(token) = token else { return };
        let checked = &mut self.checked;
        checked.user = token.user.or(checked.user.take());
        checked.domain = token.domain.or(checked.domain.take());
        self.checked.roles = token.roles;
        self.checked.expires_at = token.expires_at;
    }

    /// Diagnoses the end of the check and adds the diagnosis to the report.
    fn conclude(&mut self, ended: &CheckEnd) -> Exit {
        let failure = ended.failure();
        let seen = self.evidence(ended, &failure);
        let mut diagnosis = diagnose(&seen);
        // A simulator whose clock runs faster is no clock skew.
        let warning = seen.warning().filter(|_| !is_sped_up());
        let clocks = seen.clocks();
        diagnosis.advice.extend(ended.advice());
        if diagnosis.finding == "tls" {
            diagnosis.advice.extend(other_bundle());
        }
        let checked = &mut self.checked;
        match ended {
            CheckEnd::Credentials(error) if error.kind() == AuthErrorKind::Missing => {
                let reason = failure
                    .split_once(": ")
                    .map_or(&*failure, |(_, reason)| reason);
                checked.skip("the metadata service", reason);
                checked.source = None;
                checked.kind = None;
            }
            CheckEnd::Asked(probe) => note_probe(checked, probe),
            _ => {}
        }
        checked.clocks = diagnosis.clocks.or(clocks);
        if diagnosis.exit == Exit::Success {
            checked.warnings.extend(warning);
        }
        let exit = diagnosis.exit;
        checked.conclude(diagnosis);
        exit
    }

    /// Returns the observed facts. `failure`: the [text](CheckEnd::failure) of the end.
    fn evidence<'a>(&'a self, ended: &'a CheckEnd, failure: &'a str) -> Evidence<'a> {
        let mut seen = Evidence {
            kind: self.kind,
            agency: self.agency,
            access_key: self.checked.access_key.as_deref(),
            endpoint: self.checked.endpoint.as_deref(),
            region: self.checked.region.as_deref(),
            project: self.checked.project_id.as_deref(),
            our_time: Timestamp::now(),
            their_time: None,
            proxies: &self.proxies,
            asked: Asked::Service,
            unproven: None,
            end: End::Answered,
        };
        match ended {
            CheckEnd::Options(_) => seen.end = End::Malformed(failure),
            CheckEnd::Credentials(error) => add_auth_error(&mut seen, error, failure),
            CheckEnd::Asked(probe) => add_probe(&mut seen, probe, failure),
        }
        seen
    }
}

impl CheckEnd {
    /// Describes the failure; empty if there is none.
    fn failure(&self) -> String {
        match self {
            Self::Options(fail) => fail.message.clone(),
            Self::Credentials(error) => credentials::message(error),
            Self::Asked(probe) => match &probe.end {
                ProbeEnd::Failed(error) => chain(error),
                ProbeEnd::NoCredentials(error) => chain(error),
                _ => String::new(),
            },
        }
    }

    /// Returns advice beside that of the diagnosis.
    fn advice(&self) -> Option<String> {
        match self {
            Self::Options(fail) => fail.hint.clone(),
            Self::Credentials(error) if error.kind() == AuthErrorKind::Malformed => {
                error.reason().and_then(credentials::hint_of)
            }
            Self::Credentials(_) | Self::Asked(_) => None,
        }
    }
}

/// Adds the facts of an answer to the report.
fn note_probe(checked: &mut CheckReport, probe: &Probe) {
    checked.gateway.clone_from(&probe.intermediary);
    let cached = probe.stale.as_ref();
    checked.warnings.extend(cached.map(|stale| {
        format!("a cache answers in place of the service, so its lists prove nothing: {stale}")
    }));
    checked.expires_at = checked.expires_at.or(probe.expires_at);
    match &probe.end {
        ProbeEnd::Answered { servers } => checked.servers = *servers,
        ProbeEnd::Refused { request_id, .. } => checked.request_id.clone_from(request_id),
        _ => {}
    }
}

/// Adds the facts of an answer to the evidence.
fn add_probe<'a>(seen: &mut Evidence<'a>, probe: &'a Probe, failure: &'a str) {
    seen.our_time = probe.sent_at;
    seen.their_time = probe.service_time;
    match &probe.end {
        ProbeEnd::Answered { .. } => {}
        ProbeEnd::Refused {
            status,
            code,
            message,
            echo,
            described,
            origin,
            moved_to,
            ..
        } => {
            seen.unproven = (!origin.is_proven()).then_some(UnprovenAnswer {
                described,
                moved_to: moved_to.as_ref(),
            });
            seen.end = End::Refused {
                status: *status,
                code: code.as_deref(),
                message: message.as_deref(),
                echo: echo.as_ref(),
            }
        }
        ProbeEnd::Failed(error) => seen.end = End::Failed(error.kind(), failure),
        ProbeEnd::NoCredentials(error) => add_auth_error(seen, error, failure),
        _ => seen.end = End::Unavailable("the request ended for an unknown reason"),
    }
}

impl From<CliError> for CheckEnd {
    fn from(fail: CliError) -> Self {
        Self::Options(fail)
    }
}

impl From<Stopped> for CheckEnd {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Options(fail) => Self::Options(fail),
            Stopped::Credentials(error, _) => Self::Credentials(error),
        }
    }
}

/// Warns of variables that name certificates for Python tools, which `ecsctl` does not read.
fn other_bundle() -> Option<String> {
    let set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let mut names = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"].into_iter();
    let name = names.find(set)?;
    Some(format!(
        "{name} is set, but ecsctl does not read it: name its file with --ca-file or SSL_CERT_FILE"
    ))
}

/// Returns why there are no credentials.
fn add_auth_error<'a>(seen: &mut Evidence<'a>, error: &'a AuthError, failure: &'a str) {
    seen.asked = Asked::Iam;
    if error.kind() == AuthErrorKind::Missing {
        seen.end = End::Missing;
        return;
    }
    if let Some(refusal) = error.refusal() {
        seen.their_time = refusal.time;
        seen.end = End::Refused {
            status: refusal.status,
            code: refusal.code.as_deref(),
            message: refusal.message.as_deref(),
            echo: refusal.echo.as_ref(),
        };
        return;
    }
    seen.end = match (credentials::transport_kind(error), error.kind()) {
        (Some(kind), _) => End::Failed(kind, failure),
        (None, AuthErrorKind::Malformed) => End::Malformed(failure),
        (None, AuthErrorKind::Refused) => End::Denied(failure),
        (None, _) => End::Unavailable(failure),
    };
}
