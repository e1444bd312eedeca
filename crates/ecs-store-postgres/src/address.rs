//! The address of a store: `postgres://user@host:port/database?sslmode=verify-full`.

mod passfile;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

pub use passfile::Passfile;

use crate::{StoreError, StoreErrorKind};

/// The limit for making a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const DEFAULT_PORT: u16 = 5432;

/// The address of a store, with the user. Its `Debug` and its `Display` show no password.
///
/// ```
/// use ecs_store_postgres::StoreAddress;
///
/// let address: StoreAddress = "postgres://ops@db.example/fleet".parse()?;
/// assert_eq!(address.to_string(), "postgres://ops@db.example:5432/fleet");
/// // Only a verified or no connection can be asked for.
/// assert!("postgres://ops@db.example/fleet?sslmode=require".parse::<StoreAddress>().is_err());
/// # Ok::<_, ecs_store_postgres::StoreError>(())
/// ```
#[derive(Clone)]
pub struct StoreAddress {
    config: Config,
    tls: Tls,
    roots: Option<PathBuf>,
}

/// The use of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    /// The server's certificate and its name are verified.
    Verified,
    /// A Unix socket, or switched off.
    Off,
}

impl StoreAddress {
    /// The same for a reader: any server will do, also a standby that cannot write.
    pub(crate) fn for_reading(mut self) -> Self {
        self.config.target_session_attrs(TargetSessionAttrs::Any);
        self
    }

    /// Sets the password.
    #[must_use]
    pub fn with_password(mut self, password: &SecretString) -> Self {
        self.config.password(password.expose_secret());
        self
    }

    /// Sets the user, if the address names none.
    #[must_use]
    pub fn with_default_user(mut self, user: &str) -> Self {
        if self.config.get_user().is_none() {
            self.config.user(user);
        }
        self
    }

    /// Returns `true` if it has a password. One that people type into arguments must not.
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    /// Sets the password that a password file has for it, unless it has one.
    #[must_use]
    pub fn with_passfile(self, passfile: &Passfile) -> Self {
        if self.has_password() {
            return self;
        }
        let (user, database) = (self.user().to_owned(), self.database().to_owned());
        let found = self
            .hosts()
            .find_map(|(host, port)| passfile.find(&host, port, &database, &user));
        match found {
            Some(password) => self.with_password(&password),
            None => self,
        }
    }

    /// Sets the file of the certificates (PEM) that the server's is verified with, in place of the
    /// system's.
    #[must_use]
    pub fn with_roots(mut self, file: impl Into<PathBuf>) -> Self {
        self.roots = Some(file.into());
        self
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn tls(&self) -> Tls {
        self.tls
    }

    pub(crate) fn roots(&self) -> Option<&PathBuf> {
        self.roots.as_ref()
    }

    fn user(&self) -> &str {
        self.config.get_user().unwrap_or_default()
    }

    fn database(&self) -> &str {
        self.config.get_dbname().unwrap_or(self.user())
    }

    /// The hosts with their ports. Unix sockets count as `localhost`, as libpq has it.
    fn hosts(&self) -> impl Iterator<Item = (String, u16)> {
        let ports = self.config.get_ports();
        let port = move |index: usize| {
            let port = ports.get(index).or(ports.first());
            port.copied().unwrap_or(DEFAULT_PORT)
        };
        let hosts = self.config.get_hosts().iter().enumerate();
        hosts.map(move |(index, host)| {
            let name = match host {
                Host::Tcp(name) => name.clone(),
                #[cfg(unix)]
                Host::Unix(_) => "localhost".to_owned(),
            };
            (name, port(index))
        })
    }
}

impl FromStr for StoreAddress {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let invalid = |message: String| StoreError::new(StoreErrorKind::Invalid, message);
        if !(text.starts_with("postgres://") || text.starts_with("postgresql://")) {
            let message = "the address of a store begins with postgres://";
            return Err(invalid(message.to_owned()));
        }
        let (address, settings) = text.split_once('?').unwrap_or((text, ""));
        let (mut tls, mut roots, mut kept) = (None, None, Vec::new());
        for setting in settings.split('&').filter(|setting| !setting.is_empty()) {
            let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
            let value = percent_decode_str(value).decode_utf8_lossy();
            match name {
                "sslmode" => tls = Some(tls_of(&value)?),
                "sslrootcert" => roots = Some(PathBuf::from(value.into_owned())),
                _ => kept.push(setting),
            }
        }
        let address = if kept.is_empty() {
            address.to_owned()
        } else {
            format!("{address}?{}", kept.join("&"))
        };
        // The text of the error may repeat a part of the address, and so a password.
        let mut config: Config = address.parse().map_err(|_| {
            let message = "the address of the store is not understood: postgres://USER@HOST:PORT/DATABASE is needed";
            invalid(message.to_owned())
        })?;
        let is_socket = |host: &Host| !matches!(host, Host::Tcp(_));
        let sockets = config.get_hosts().iter().filter(|host| is_socket(host));
        let tls = match sockets.count() {
            0 if config.get_hosts().is_empty() => {
                return Err(invalid("the address of the store names no host".to_owned()));
            }
            0 => tls.unwrap_or(Tls::Verified),
            all if all == config.get_hosts().len() => Tls::Off,
            _ => {
                let message = "the address of the store mixes Unix sockets and hosts";
                return Err(invalid(message.to_owned()));
            }
        };
        config.ssl_mode(match tls {
            Tls::Verified => SslMode::Require,
            Tls::Off => SslMode::Disable,
        });
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name("ecsctl");
        }
        // Of several hosts the one that can write: a failover is followed.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        Ok(Self { config, tls, roots })
    }
}

fn tls_of(mode: &str) -> Result<Tls, StoreError> {
    match mode {
        "verify-full" => Ok(Tls::Verified),
        "disable" => Ok(Tls::Off),
        _ => {
            let message = "sslmode of a store is verify-full (the default) or disable: \
                           the other modes do not verify who answers";
            Err(StoreError::new(StoreErrorKind::Invalid, message))
        }
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if !self.user().is_empty() {
            write!(f, "{}@", self.user())?;
        }
        for (index, (host, port)) in self.hosts().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{host}:{port}")?;
        }
        write!(f, "/{}", self.database())
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreAddress")
            .field("address", &self.to_string())
            .field("tls", &self.tls)
            .field("roots", &self.roots)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
