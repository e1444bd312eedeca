//! `serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

pub(super) const HELP: &str = "\
Shows the list of the runs in the store, and a page for each run. The pages follow active runs. Nothing can be changed
there: ecsctl only reads the store (the right to SELECT is enough), and never contacts the service.

A login needs the token. By default one is made when the command starts, and printed to stderr as part of an address. The same
pages as JSON: /runs.json and /runs/RUN.json, with the header `Authorization: Bearer TOKEN`. /healthz reports without a login whether the
store answers.

Examples:
  ecsctl serve --store postgres://watch@db.example/fleet
      Shows the runs to the users of this machine.
  ecsctl serve --token-file /etc/ecsctl/token --public-url https://runs.example
      Behind a proxy with TLS: see docs/store.md.

Exit codes:
  0  ended by Ctrl-C or SIGTERM
  2  bad usage, the store cannot be used, or the address cannot be opened";

#[derive(Debug, Args)]
#[cfg_attr(
    not(feature = "serve"),
    allow(dead_code, reason = "only the feature reads it")
)]
pub(crate) struct Serve {
    /// Listen on this address and port. One that other machines can reach needs --plain-http
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7788", value_parser = address)]
    pub(crate) listen: SocketAddr,
    /// Read the token for logins from this file, which only its owner may read: at least 20 printable ASCII characters
    /// without spaces. By default a new token is made and printed
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The address that browsers use, if a proxy is in between. With https:// cookies are sent over TLS only
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<PublicUrl>,
    /// Allow --listen on an address that other machines can reach: without TLS anyone who can read the traffic sees the token
    /// and the pages
    #[arg(long)]
    pub(crate) plain_http: bool,
    /// Show at most this many runs, the latest first
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
}

/// An address without a path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "serve"),
    allow(dead_code, reason = "only the feature reads it")
)]
pub(crate) struct PublicUrl {
    pub(crate) is_https: bool,
    /// The host, without a port.
    pub(crate) host: String,
    /// The whole address, without a slash at its end.
    pub(crate) url: String,
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "an address such as https://runs.example is needed, with an optional port and without a path"
                .to_owned()
        };
        let url = text.strip_suffix('/').unwrap_or(text);
        let (scheme, authority) = url.split_once("://").ok_or_else(wrong)?;
        let is_https = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(wrong()),
        };
        let host = host_of(authority).ok_or_else(wrong)?;
        Ok(Self {
            is_https,
            host: host.to_ascii_lowercase(),
            url: url.to_owned(),
        })
    }
}

/// Returns the host of `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`; `None` for other texts.
pub(crate) fn host_of(authority: &str) -> Option<&str> {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let (host, port) = if authority.starts_with('[') {
        let end = authority.find(']')? + 1;
        let (host, rest) = authority.split_at(end);
        (
            host,
            rest.strip_prefix(':')
                .or_else(|| rest.is_empty().then_some("0"))?,
        )
    } else {
        authority.split_once(':').unwrap_or((authority, "0"))
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    (is_port(port) && !host.is_empty() && host.bytes().all(is_name)).then_some(host)
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "an IP address and a port are needed, such as 127.0.0.1:7788 or [::1]:7788".to_owned()
    })
}

#[cfg(test)]
mod tests;
