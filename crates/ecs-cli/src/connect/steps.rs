//! The steps of a connection, which `auth check` takes one by one: choose, open, and the transports between them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ecs_ops::Endpoint;
use ecs_ops::auth::{
    AddressGap, AuthError, CredentialConfig, CredentialKind, Environment, ReadyCredentials,
    ResolvedTarget, Skipped, TlsSettings, Transports,
};
use ecs_ops::transport::{BuildError, BuildErrorKind, HyperTransport};

use super::in_the_clear;
use crate::args::Global;
use crate::credentials;
use crate::fail::{Fail, chain};

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// Something in the options.
    Options(Fail),
    /// Credentials could not be had; the sources that were tried before.
    Credentials(AuthError, Vec<Skipped>),
}

impl From<Fail> for Stopped {
    fn from(fail: Fail) -> Self {
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

    pub(super) fn into_fail(self) -> Fail {
        match self {
            Self::Options(fail) => fail,
            Self::Credentials(error, skipped) => credentials::fail(&error, &skipped),
        }
    }
}

/// The first step: what the options and the environment amount to. Nobody is asked.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) config: CredentialConfig,
    /// What the user should know, with what travels unencrypted.
    pub(crate) warnings: Vec<String>,
}

/// Chooses credentials and addresses. `otherwise` is the address of the service if nothing else says it.
pub(crate) fn choose(global: &Global, otherwise: Option<&str>) -> Result<Choice, Stopped> {
    // What was typed is checked as it was typed.
    if let Some(endpoint) = &global.endpoint {
        self::endpoint(Some(endpoint), None, global)?;
    }
    let (mut options, mut warnings) = credentials::options(global)?;
    let environment = Environment::of_process();
    let mut config = CredentialConfig::new(&options, &environment)?;
    if config.endpoint().is_none()
        && let Some(endpoint) = otherwise
    {
        options.endpoint = Some(endpoint.to_owned());
        config = CredentialConfig::new(&options, &environment)?;
    }
    warnings.extend(config.warnings().iter().map(credentials::warning));
    warnings.extend(in_the_clear(&config));
    Ok(Choice { config, warnings })
}

/// The second step: logs in, and finds out the project. IAM and the metadata service are asked where that is needed.
pub(crate) async fn open(
    config: CredentialConfig,
    global: &Global,
) -> Result<(ReadyCredentials, Ways), Stopped> {
    if config.endpoint().is_some() || config.kind() != CredentialKind::ServerKeys {
        endpoint(config.endpoint(), config.endpoint_gap(), global)?;
    }
    let ways = Ways::new(global, config.tls())?;
    let mut ready = config.open(ways.for_credentials()).await?;
    name_origins(&mut ready.target, &global.settings.origins);
    Ok((ready, ways))
}

/// Gives the values that settings, a journal or a plan filled in their origins: the library takes them for options.
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

/// How requests travel.
pub(crate) struct Ways {
    /// To the service and to IAM.
    pub(crate) services: HyperTransport,
    /// To the metadata service, which no proxy must see: it would be asked for the keys of its own server.
    metadata: HyperTransport,
}

impl Ways {
    pub(crate) fn new(global: &Global, tls: &TlsSettings) -> Result<Self, Fail> {
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

fn cannot_build(error: &BuildError, tls: &TlsSettings) -> Fail {
    let fail = Fail::usage(chain(error));
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

/// The address of the service, wherever it comes from; `gap` is why there is none.
pub(crate) fn endpoint(
    address: Option<&str>,
    gap: Option<&AddressGap>,
    global: &Global,
) -> Result<Endpoint, Fail> {
    let Some(address) = address else {
        let gap = gap.unwrap_or(&AddressGap::NoRegion);
        return Err(
            Fail::usage(format!("the address of the service is not known: {gap}"))
                .hint(credentials::hint_of_gap(gap, "ECS")),
        );
    };
    let from = match global.endpoint {
        Some(_) => "--endpoint",
        None => "the address of the service",
    };
    let parsed = address.parse();
    parsed.map_err(|error| Fail::usage(format!("{from}: {error}")))
}
