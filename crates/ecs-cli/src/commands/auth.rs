//! `auth check`: which credentials are found, and whether they work.

use ecs_ops::auth::{
    AuthError, AuthErrorKind, CredentialConfig, CredentialKind, Reference, TokenInfo,
};
use ecs_ops::{Client, Probe, ProbeEnd};
use jiff::Timestamp;

use crate::args::{AuthCheck, DocumentFormat, Global};
use crate::connect::neighbours::Neighbour;
use crate::connect::{self, Clients, Settings, Stopped, is_sped_up};
use crate::credentials;
use crate::diagnosis::{Asked, End, Evidence, Stranger, diagnose};
use crate::exit::Exit;
use crate::fail::{Fail, chain};
use crate::render::auth::Checked;
use crate::render::{auth as render, json};
use crate::term::{Notes, Results};

/// What the transport reads to find a proxy.
const PROXIES: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// What was found out, step by step: it ends where something is wrong.
struct Check<'a> {
    global: &'a Global,
    checked: Checked,
    kind: CredentialKind,
    /// Whether an agency's rights are used.
    agency: bool,
    proxies: Vec<&'static str>,
}

/// Where it ended.
enum Ended {
    Credentials(AuthError),
    Options(Fail),
    Asked(Box<Probe>),
}

pub(crate) async fn check(
    args: &AuthCheck,
    global: &Global,
    notes: &Notes,
    results: &mut Results,
) -> Result<Exit, Fail> {
    let set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let mut check = Check {
        global,
        checked: Checked::default(),
        kind: CredentialKind::Token,
        agency: false,
        proxies: PROXIES.into_iter().filter(|name| set(name)).collect(),
    };
    let ended = check.run(notes).await;
    let exit = check.conclude(&ended);
    results.write(&match args.output.format {
        DocumentFormat::Table => render::text(&check.checked),
        DocumentFormat::Json => json::document(&check.checked),
        DocumentFormat::Jsonl => json::line(&check.checked),
    });
    Ok(exit)
}

impl Check<'_> {
    async fn run(&mut self, notes: &Notes) -> Ended {
        match self.steps(notes).await {
            Ok(probe) => Ended::Asked(Box::new(probe)),
            Err(ended) => ended,
        }
    }

    async fn steps(&mut self, notes: &Notes) -> Result<Probe, Ended> {
        if self.global.sim {
            let connection = connect::connect(self.global, &Settings::of_reads(), notes).await?;
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
        let (ready, ways) = connect::open(choice.config, self.global).await?;
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
            transport: ways.services,
            settings: &settings,
            speed: 1.0,
        };
        let traces = clients.beside(Neighbour::Traces, self.global, &endpoint, notes)?;
        let client = clients.at(endpoint)?;
        Ok(self.probe(&client, traces.as_ref()).await)
    }

    /// Sends the harmless request and, if the service answered it, finds out which records can be read.
    async fn probe(&mut self, client: &Client, traces: Option<&Client>) -> Probe {
        let probe = client.probe().await;
        if matches!(probe.end, ProbeEnd::Answered { .. }) {
            self.checked.records = Some(client.check_records(traces).await);
        }
        probe
    }

    /// Notes what was chosen.
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

    /// Explains it, and notes the explanation.
    fn conclude(&mut self, ended: &Ended) -> Exit {
        let failure = ended.failure();
        let seen = self.evidence(ended, &failure);
        let mut diagnosis = diagnose(&seen);
        // Clocks that are apart because one is to run faster are no fault.
        let warning = seen.warning().filter(|_| !is_sped_up());
        let clocks = seen.clocks();
        diagnosis.advice.extend(ended.advice());
        if diagnosis.finding == "tls" {
            diagnosis.advice.extend(other_bundle());
        }
        let checked = &mut self.checked;
        match ended {
            Ended::Credentials(error) if error.kind() == AuthErrorKind::Missing => {
                let why = failure.split_once(": ").map_or(&*failure, |(_, why)| why);
                checked.skip("the metadata service", why);
                checked.source = None;
                checked.kind = None;
            }
            Ended::Asked(probe) => note_probe(checked, probe),
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

    /// What was seen. `failure`: the [text](Ended::failure) of the end.
    fn evidence<'a>(&'a self, ended: &'a Ended, failure: &'a str) -> Evidence<'a> {
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
            stranger: None,
            end: End::Answered,
        };
        match ended {
            Ended::Options(_) => seen.end = End::Malformed(failure),
            Ended::Credentials(error) => of_auth(&mut seen, error, failure),
            Ended::Asked(probe) => of_probe(&mut seen, probe, failure),
        }
        seen
    }
}

impl Ended {
    /// What failed, if something did.
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

    /// What to do beside what the diagnosis says.
    fn advice(&self) -> Option<String> {
        match self {
            Self::Options(fail) => fail.hint.clone(),
            Self::Credentials(error) if error.kind() == AuthErrorKind::Malformed => error
                .reason()
                .and_then(credentials::hint_of)
                .map(Into::into),
            Self::Credentials(_) | Self::Asked(_) => None,
        }
    }
}

/// Notes what an answer shows beside the diagnosis.
fn note_probe(checked: &mut Checked, probe: &Probe) {
    checked.gateway.clone_from(&probe.intermediary);
    let cached = probe.stale.as_ref();
    checked.warnings.extend(cached.map(|stale| {
        format!("a cache answers in place of the service, and its lists are no evidence: {stale}")
    }));
    checked.expires_at = checked.expires_at.or(probe.expires_at);
    match &probe.end {
        ProbeEnd::Answered { servers } => checked.servers = *servers,
        ProbeEnd::Refused { request_id, .. } => checked.request_id.clone_from(request_id),
        _ => {}
    }
}

/// What an answer is evidence of.
fn of_probe<'a>(seen: &mut Evidence<'a>, probe: &'a Probe, failure: &'a str) {
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
            seen.stranger = (!origin.is_proven()).then_some(Stranger {
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
        ProbeEnd::NoCredentials(error) => of_auth(seen, error, failure),
        _ => seen.end = End::Unavailable("the request ended in a way that is not known"),
    }
}

impl From<Fail> for Ended {
    fn from(fail: Fail) -> Self {
        Self::Options(fail)
    }
}

impl From<Stopped> for Ended {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Options(fail) => Self::Options(fail),
            Stopped::Credentials(error, _) => Self::Credentials(error),
        }
    }
}

/// Variables that Python's tools take certificates from, and that are not read here.
fn other_bundle() -> Option<String> {
    let set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let mut names = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"].into_iter();
    let name = names.find(set)?;
    Some(format!(
        "{name} is set, and is not read here: name its file with --ca-file or SSL_CERT_FILE"
    ))
}

/// Why there are no credentials.
fn of_auth<'a>(seen: &mut Evidence<'a>, error: &'a AuthError, failure: &'a str) {
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
