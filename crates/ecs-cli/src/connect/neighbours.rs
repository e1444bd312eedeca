//! The addresses of the services beside ECS: Auto Scaling and Cloud Trace Service.

use ecs_ops::Endpoint;
use ecs_ops::auth::Operator;

use super::is_this_machine;
use crate::args::Global;
use crate::fail::CliError;
use crate::term::Printer;

/// A service beside ECS.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Neighbour {
    Scaling,
    Traces,
}

impl Neighbour {
    /// Returns the first label of the service's host.
    fn label(self) -> &'static str {
        match self {
            Self::Scaling => "as",
            Self::Traces => "cts",
        }
    }

    fn given(self, global: &Global) -> Option<&String> {
        match self {
            Self::Scaling => global.as_endpoint.as_ref(),
            Self::Traces => global.cts_endpoint.as_ref(),
        }
    }
}

/// Returns the address of such a service: the given one, or the one beside ECS in a known cloud. Credentials are
/// never sent to a guessed host.
pub(crate) fn endpoint(
    neighbour: Neighbour,
    global: &Global,
    ecs: &Endpoint,
    printer: &Printer,
) -> Result<Option<Endpoint>, CliError> {
    let label = neighbour.label();
    let Some(address) = neighbour.given(global) else {
        return Ok(beside(label, ecs));
    };
    let parsed: Result<Endpoint, _> = address.parse();
    let endpoint =
        parsed.map_err(|error| CliError::usage(format!("--{label}-endpoint: {error}")))?;
    if !endpoint.is_https() && !is_this_machine(endpoint.host()) {
        printer.warn(&format!(
            "requests travel unencrypted to {endpoint}: anyone who can read the traffic can use their credentials"
        ));
    }
    Ok(Some(endpoint))
}

/// Returns `https://LABEL.REGION.CLOUD` for `https://ecs.REGION.CLOUD` of a known operator, whose hosts differ in
/// their first label only.
fn beside(label: &str, ecs: &Endpoint) -> Option<Endpoint> {
    let address = ecs.to_string();
    let rest = address.trim_end_matches('/').strip_prefix("https://ecs.")?;
    // An address with a port or a path is a gateway, which may not have that service.
    let bare = !rest.contains([':', '/']);
    Operator::of_address(&address).filter(|_| bare)?;
    format!("https://{label}.{rest}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_derived_only_in_known_clouds() {
        for (ecs, expected) in [
            (
                "https://ecs.eu-de.otc.t-systems.com",
                Some("https://as.eu-de.otc.t-systems.com"),
            ),
            (
                "https://ecs.eu-ch2.sc.otc.t-systems.com",
                Some("https://as.eu-ch2.sc.otc.t-systems.com"),
            ),
            (
                "https://ecs.cn-north-4.myhuaweicloud.com",
                Some("https://as.cn-north-4.myhuaweicloud.com"),
            ),
            (
                "https://ecs.eu-west-101.myhuaweicloud.eu",
                Some("https://as.eu-west-101.myhuaweicloud.eu"),
            ),
            ("http://ecs.eu-de.otc.t-systems.com", None),
            ("https://gateway.eu-de.otc.t-systems.com", None),
            ("https://ecs.eu-de.otc.t-systems.com:8443", None),
            ("https://ecs.eu-de.otc.t-systems.com/ecs", None),
            ("https://ecs.otc.t-systems.com.evil.example", None),
            ("https://ecs.corp.example", None),
            ("http://127.0.0.1:8080", None),
        ] {
            let ecs: Endpoint = ecs.parse().unwrap();
            let found = beside("as", &ecs).map(|found| found.to_string());
            assert_eq!(found.as_deref(), expected, "{ecs}");
        }
    }
}
