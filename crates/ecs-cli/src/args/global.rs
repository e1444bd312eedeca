//! The options of every command: the service, the project and the credentials.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use ecs_ops::model::ProjectId;
use secrecy::{ExposeSecret as _, SecretString};

use super::logging::Logging;
use super::store::StoreOptions;

/// The options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Use this context of the configuration file (see `config show`) [default: ECSCTL_CONTEXT, or the file's]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// The URL of the service: https://HOST, with an optional port and path. By default derived from the region
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// The region, such as eu-de
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) region: Option<String>,
    /// The cloud operator, such as otc, huaweicloud or flexible-engine; needed if several operators have the region
    #[arg(long, global = true, value_name = "ID")]
    pub(crate) operator: Option<String>,
    /// The project of the servers. By default the project of the region
    #[arg(long, global = true, value_name = "ID")]
    pub(crate) project_id: Option<ProjectId>,
    /// Credentials: use only this cloud of clouds.yaml
    #[arg(
        long, global = true, value_name = "NAME", conflicts_with_all = ["profile", "token", "access_key"]
    )]
    pub(crate) cloud: Option<String>,
    /// Credentials: use only this section of ~/.huaweicloud/credentials
    #[arg(
        long, global = true, value_name = "NAME", conflicts_with_all = ["token", "access_key"]
    )]
    pub(crate) profile: Option<String>,
    /// Credentials: a token for the project; `-` reads it from stdin. Other users of this machine can see command
    /// lines: prefer `-`
    #[arg(
        long, global = true, value_name = "TOKEN", allow_hyphen_values = true, value_parser = secret,
        conflicts_with = "access_key"
    )]
    pub(crate) token: Option<SecretString>,
    /// Credentials: an access key, with its secret key
    #[arg(long, global = true, value_name = "AK")]
    pub(crate) access_key: Option<String>,
    /// The secret key of --access-key; `-` reads it from stdin. Other users of this machine can see command lines:
    /// prefer `-` or --secret-key-file
    #[arg(
        long, global = true, value_name = "SK", allow_hyphen_values = true, value_parser = secret,
        conflicts_with = "secret_key_file"
    )]
    pub(crate) secret_key: Option<SecretString>,
    /// Read the secret key of --access-key from this file (`-`: stdin)
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) secret_key_file: Option<PathBuf>,
    /// The security token of a temporary --access-key; `-` reads it from stdin. Other users of this machine can see
    /// command lines: prefer `-`
    #[arg(long, global = true, value_name = "TOKEN", allow_hyphen_values = true, value_parser = secret)]
    pub(crate) security_token: Option<SecretString>,
    /// The URL of the identity service (IAM), for logins and projects. By default derived from the region
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) iam_endpoint: Option<String>,
    /// The URL of the Auto Scaling service, for the members of its groups. By default derived from the endpoint in
    /// known clouds
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) as_endpoint: Option<String>,
    /// The URL of Cloud Trace Service, where --reconcile searches for lost requests. By default derived from the endpoint in
    /// known clouds
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) cts_endpoint: Option<String>,
    /// Also trust the certificates in this PEM file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Use an embedded simulator of 1,200 servers with a fast clock: no account needed
    #[arg(long, global = true)]
    pub(crate) sim: bool,
    /// With --sim: fail this share of the actions on servers
    #[arg(long, global = true, value_name = "P%", requires = "sim")]
    pub(crate) sim_fail: Option<Percent>,
    /// Print only errors, warnings and questions on stderr: no progress and no notes
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) store: StoreOptions,
    #[command(flatten)]
    pub(crate) logging: Logging,
    /// Settings from the environment and the configuration file only.
    #[arg(skip)]
    pub(crate) settings: Local,
}

/// Settings of this machine that have no option.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Local {
    /// Names of the typed options that select a place or credentials. All other values come from settings.
    pub(crate) options: Vec<&'static str>,
    /// Origins of the values that were filled in, by option name.
    pub(crate) origins: BTreeMap<&'static str, String>,
    /// The folder for journals; `None` selects the one in the user's state folder.
    pub(crate) journal_dir: Option<PathBuf>,
    /// The store if no option names one, and the origin of the setting. The address may contain a password.
    pub(crate) store: Option<(String, String)>,
    /// How long the journals of ended runs are kept; `None` selects the default.
    pub(crate) journal_keep: Option<Duration>,
}

impl Global {
    /// Returns the names of the given options that select a place or credentials.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        let options = [
            ("--endpoint", self.endpoint.is_some()),
            ("--region", self.region.is_some()),
            ("--operator", self.operator.is_some()),
            ("--project-id", self.project_id.is_some()),
            ("--cloud", self.cloud.is_some()),
            ("--profile", self.profile.is_some()),
            ("--token", self.token.is_some()),
            ("--access-key", self.access_key.is_some()),
            ("--secret-key", self.secret_key.is_some()),
            ("--secret-key-file", self.secret_key_file.is_some()),
            ("--security-token", self.security_token.is_some()),
            ("--iam-endpoint", self.iam_endpoint.is_some()),
            ("--as-endpoint", self.as_endpoint.is_some()),
            ("--cts-endpoint", self.cts_endpoint.is_some()),
            ("--ca-file", self.ca_file.is_some()),
        ];
        let given = options.into_iter().filter(|(_, given)| *given);
        given.map(|(option, _)| option).collect()
    }

    /// Returns the names of the options whose values are read from stdin.
    pub(crate) fn read_from_stdin(&self) -> Vec<&'static str> {
        let dash = |secret: &Option<SecretString>| {
            let secret = secret.as_ref();
            secret.is_some_and(|secret| secret.expose_secret() == "-")
        };
        let options = [
            ("--token", dash(&self.token)),
            ("--secret-key", dash(&self.secret_key)),
            (
                "--secret-key-file",
                self.secret_key_file.as_deref() == Some(Path::new("-")),
            ),
            ("--security-token", dash(&self.security_token)),
        ];
        let given = options.into_iter().filter(|(_, given)| *given);
        given.map(|(option, _)| option).collect()
    }
}

/// A percentage as it was typed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Percent {
    text: String,
    /// From 0 to 1.
    pub(crate) share: f64,
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let share = super::sim::percent(text)?;
        Ok(Self {
            text: text.to_owned(),
            share,
        })
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[allow(clippy::unnecessary_wraps, reason = "what clap asks of a value parser")]
pub(crate) fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text))
}
