//! The steps of a connection, which `auth check` takes one by one: choose, open, and the transports between them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ecs_ops::Endpoint;
use ecs_ops::auth::{
    AddressGap, AuthError, CredentialConfig, CredentialKind, Environment, ReadyCredentials,
    ResolvedTarget, Skipped, TlsSettings, Transports,
};
use ecs_ops::transport::{BuildError, BuildErrorKind, HyperTransport};

use super::plaintext_warning;
use crate::args::Global;
use crate::credentials;
use crate::fail::{CliError, chain};

/// The reason that there is no connection.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// An option or a setting is wrong.
    Options(CliError),
    /// No credentials were obtained; the sources that were skipped.
    Credentials(AuthError, Vec<Skipped>),
}

impl From<CliError> for Stopped {
    fn from(fail: CliError) -> Self {
        Self::Options(fail)
    }
}

impl From<AuthError> for Stopped {
    fn from(error: AuthError) -> Self {
        Self::Credentials(error, Vec::new())
    }
}

impl Stopped {
    pub(super) fn with_skipped(self, skipped: Vec<Skipped>) -> Self {
        match self {
            Self::Credentials(error, _) => Self::Credentials(error, skipped),
            other => other,
        }
    }

    pub(super) fn into_fail(self) -> CliError {
        match self {
            Self::Options(fail) => fail,
            Self::Credentials(error, skipped) => credentials::fail(&error, &skipped),
        }
    }
}

/// The result of the first step, which sends nothing: the choice made from options and environment.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) config: CredentialConfig,
    /// Warnings, including those about unencrypted secrets.
    pub(crate) warnings: Vec<String>,
}

/// Chooses credentials and addresses. `fallback_endpoint` is the address of the service if nothing else names one.
pub(crate) fn choose(global: &Global, fallback_endpoint: Option<&str>) -> Result<Choice, Stopped> {
    // A typed address is checked before anything else.
    if let Some(endpoint) = &global.endpoint {
        self::endpoint(Some(endpoint), None, global)?;
    }
    let (mut options, mut warnings) = credentials::options(global)?;
    let environment = Environment::of_process();
    let mut config = CredentialConfig::new(&options, &environment)?;
    if config.endpoint().is_none()
        && let Some(endpoint) = fallback_endpoint
    {
        options.endpoint = Some(endpoint.to_owned());
        config = CredentialConfig::new(&options, &environment)?;
    }
    warnings.extend(config.warnings().iter().map(credentials::warning));
    warnings.extend(plaintext_warning(&config));
    Ok(Choice { config, warnings })
}

/// Logs in and resolves the project: the second step. Queries IAM and the metadata service if needed.
pub(crate) async fn open(
    config: CredentialConfig,
    global: &Global,
) -> Result<(ReadyCredentials, TransportPair), Stopped> {
    if config.endpoint().is_some() || config.kind() != CredentialKind::ServerKeys {
        endpoint(config.endpoint(), config.endpoint_gap(), global)?;
    }
    let transports = TransportPair::new(global, config.tls())?;
    let mut ready = config.open(transports.for_credentials()).await?;
    name_origins(&mut ready.target, &global.settings.origins);
    Ok((ready, transports))
}

/// Sets the origins of values that settings, a journal or a plan filled in. The library reports them as options.
fn name_origins(target: &mut ResolvedTarget, origins: &BTreeMap<&'static str, String>) {
    let values = [
        ("--endpoint", target.endpoint.as_mut()),
        ("--region", target.region.as_mut()),
        ("--operator", target.operator.as_mut()),
    ];
    let shown = values
        .into_iter()
        .filter_map(|(option, value)| Some((option, &mut value?.origin)))
        .chain([("--project-id", &mut target.project.origin)]);
    for (option, origin) in shown {
        if let Some(known) = origins.get(option)
            && credentials::is_option(origin)
        {
            known.clone_into(origin);
        }
    }
}

/// The transports of a connection.
pub(crate) struct TransportPair {
    /// To the service and to IAM.
    pub(crate) services: HyperTransport,
    /// To the metadata service, never through a proxy: the proxy would return the keys of its own server.
    metadata: HyperTransport,
}

impl TransportPair {
    pub(crate) fn new(global: &Global, tls: &TlsSettings) -> Result<Self, CliError> {
        let mut services = tls.apply(HyperTransport::builder());
        if let Some(path) = &global.ca_file {
            services = services.ca_file(path);
        }
        let metadata = HyperTransport::builder().no_proxy().native_roots(false);
        Ok(Self {
            services: services
                .build()
                .map_err(|error| cannot_build(&error, tls))?,
            metadata: metadata
                .build()
                .map_err(|error| cannot_build(&error, tls))?,
        })
    }

    pub(crate) fn for_credentials(&self) -> Transports {
        Transports {
            services: Arc::new(self.services.clone()),
            metadata: Arc::new(self.metadata.clone()),
        }
    }
}

fn cannot_build(error: &BuildError, tls: &TlsSettings) -> CliError {
    let fail = CliError::usage(chain(error));
    let named = match error.kind() {
        BuildErrorKind::CaFile | BuildErrorKind::CaCertificate => &tls.ca_file,
        BuildErrorKind::ClientCertificate => &tls.certificate,
        _ => return fail,
    };
    let named = named.as_ref().map_or("--ca-file", |file| &file.origin);
    fail.hint(format!(
        "{named} takes a file with certificates in PEM (-----BEGIN CERTIFICATE-----)"
    ))
}

/// Parses the address of the service; `gap` is the reason that there is none.
pub(crate) fn endpoint(
    address: Option<&str>,
    gap: Option<&AddressGap>,
    global: &Global,
) -> Result<Endpoint, CliError> {
    let Some(address) = address else {
        let gap = gap.unwrap_or(&AddressGap::NoRegion);
        return Err(
            CliError::usage(format!("the address of the service is not known: {gap}"))
                .hint(credentials::hint_of_gap(gap, "ECS")),
        );
    };
    let from = match global.endpoint {
        Some(_) => "--endpoint",
        None => "the address of the service",
    };
    let parsed: Result<Endpoint, _> = address.parse();
    let parsed = parsed.map_err(|error| CliError::usage(format!("{from}: {error}")))?;
    match api_path(address) {
        Some(path) => Err(CliError::usage(format!(
            "{from}: {path} is not part of an endpoint: requests begin with /v1/PROJECT themselves"
        ))
        .hint("give the address without it, as in https://ecs.eu-de.otc.t-systems.com, and the project as --project-id")),
        None => Ok(parsed),
    }
}

/// Returns the part of an address that belongs to requests, as in an entry of a service catalog: an API version at the
/// end or before a project, or a placeholder.
fn api_path(address: &str) -> Option<&str> {
    let (_, after_scheme) = address.split_once("://")?;
    let path = &after_scheme[after_scheme.find('/')?..];
    let segments: Vec<&str> = path
        .trim()
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let is_version = |part: &&str| {
        let digits = part.strip_prefix('v').unwrap_or_default();
        digits.starts_with(|first: char| first.is_ascii_digit())
            && digits
                .chars()
                .all(|char| char.is_ascii_digit() || char == '.')
    };
    let is_project =
        |part: &str| part.len() == 32 && part.chars().all(|char| char.is_ascii_hexdigit());
    let is_of_requests = match segments.as_slice() {
        [.., version] if is_version(version) => true,
        [.., version, project] => is_version(version) && is_project(project),
        _ => false,
    };
    (is_of_requests || path.contains("$(") || path.contains("%(") || path.contains('{'))
        .then_some(path)
}

#[cfg(test)]
mod tests;
