//! The remedies for failed connections and for answers that are not from the service: one set for all commands. Pure.

use ecs_ops::transport::TransportErrorKind;

/// The settings that a remedy names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings<'a> {
    /// The setting that has the address.
    pub(crate) endpoint: &'a str,
    /// The variables that set a proxy.
    pub(crate) proxies: &'a str,
}

impl Settings<'static> {
    /// The settings of a command whose environment was not examined.
    pub(crate) const ANY: Self = Self {
        endpoint: "--endpoint (or --region)",
        proxies: "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY",
    };
}

/// The step for a host that needs no proxy.
const WITHOUT_PROXY: &str = "if it can be reached directly, name the host in NO_PROXY";

/// Returns the steps after a failed connection, the most likely one first. Empty if the kind of failure suggests none.
pub(crate) fn of_connection(kind: TransportErrorKind, settings: Settings<'_>) -> Vec<String> {
    let Settings { endpoint, proxies } = settings;
    match kind {
        TransportErrorKind::Dns => vec![format!(
            "check {endpoint}: the host name does not resolve on this machine"
        )],
        TransportErrorKind::Connect => vec![format!(
            "check {endpoint}, and the rules of firewalls between this machine and it"
        )],
        TransportErrorKind::UnknownIssuer => vec![
            "if the certificate comes from a private CA, or from a proxy that inspects TLS, name the CA certificate with \
             --ca-file or SSL_CERT_FILE"
                .to_owned(),
            format!("otherwise check the host in {endpoint}"),
        ],
        TransportErrorKind::Certificate => vec![
            format!("check the host in {endpoint}, and this machine's clock"),
            "otherwise its owner must renew or correct the certificate; a CA file does not help"
                .to_owned(),
        ],
        TransportErrorKind::ClientCertificateRequired => vec![format!(
            "name a client certificate for {endpoint}: `cert` and `key` of the cloud in clouds.yaml; or use an endpoint that \
             accepts tokens or access keys only"
        )],
        TransportErrorKind::TlsUnsupported => vec![format!(
            "check scheme, host and port in {endpoint}, and the TLS versions that are allowed there (1.2 or 1.3 is needed)"
        )],
        TransportErrorKind::Tls => vec![format!(
            "the connection ended in the TLS handshake: check host and port in {endpoint}, and the rules of firewalls"
        )],
        TransportErrorKind::Protocol => vec![format!(
            "check scheme and port in {endpoint}: a port for TLS needs https://, and not every port speaks HTTP"
        )],
        TransportErrorKind::ProxyRefused { status: 407 } => vec![proxy_credentials(proxies)],
        TransportErrorKind::ProxyRefused { status: 500.. } => vec![
            format!(
                "the proxy ({proxies}) cannot reach the endpoint: check host and port in {endpoint}, or ask the proxy's operator"
            ),
            WITHOUT_PROXY.to_owned(),
        ],
        TransportErrorKind::ProxyRefused { .. } => vec![
            format!(
                "ask the operator of the proxy ({proxies}) to allow CONNECT to this host and port"
            ),
            WITHOUT_PROXY.to_owned(),
        ],
        TransportErrorKind::Proxy => vec![
            format!(
                "check the proxy that the environment sets ({proxies}): its address, and user and password in it"
            ),
            WITHOUT_PROXY.to_owned(),
        ],
        _ => Vec::new(),
    }
}

/// Returns the step after status 407, with which a proxy asks for credentials; the service has no such status.
pub(crate) fn proxy_credentials(proxies: &str) -> String {
    format!(
        "put a user and password into the proxy's URL ({proxies}): http://USER:PASSWORD@HOST:PORT, where @ within them is \
         written %40 and : is written %3A; or name the host in NO_PROXY if it can be reached directly"
    )
}

/// Returns the step after a redirect of the whole site.
pub(crate) fn moved(endpoint: &str) -> String {
    format!("if you trust that address, use it: --endpoint {endpoint}")
}

/// Returns the steps after a page that is not from the service.
pub(crate) fn of_page(settings: Settings<'_>) -> Vec<String> {
    vec![
        format!(
            "check {}: it must be the address of ECS, such as https://ecs.eu-de.otc.t-systems.com",
            settings.endpoint
        ),
        "look for a proxy, a gateway or a login page between this machine and the service"
            .to_owned(),
    ]
}

#[cfg(test)]
mod tests;
