use super::*;

/// Each kind of failure whose cause is a setting has a remedy that names the setting.
#[test]
fn each_remedy_names_its_setting() {
    let settings = Settings {
        endpoint: "--iam-endpoint",
        proxies: "ALL_PROXY",
    };
    let refused = |status| TransportErrorKind::ProxyRefused { status };
    for (kind, setting) in [
        (TransportErrorKind::Dns, "--iam-endpoint"),
        (TransportErrorKind::Connect, "--iam-endpoint"),
        (TransportErrorKind::UnknownIssuer, "--ca-file"),
        (TransportErrorKind::Certificate, "--iam-endpoint"),
        (TransportErrorKind::ClientCertificateRequired, "clouds.yaml"),
        (TransportErrorKind::TlsUnsupported, "--iam-endpoint"),
        (TransportErrorKind::Tls, "--iam-endpoint"),
        (TransportErrorKind::Protocol, "https://"),
        (TransportErrorKind::Proxy, "ALL_PROXY"),
        (refused(407), "ALL_PROXY"),
        (refused(403), "CONNECT"),
        (refused(503), "ALL_PROXY"),
    ] {
        let steps = of_connection(kind, settings).join("; ");
        assert!(steps.contains(setting), "{kind:?}: {steps}");
        assert!(!steps.contains("HTTPS_PROXY"), "{kind:?}: {steps}");
    }
    assert!(of_connection(TransportErrorKind::Closed, settings).is_empty());
}

/// A remedy without an examined environment names all variables of a proxy.
#[test]
fn a_remedy_for_any_environment_names_all_variables() {
    let steps = of_connection(TransportErrorKind::Proxy, Settings::ANY).join("; ");
    for variable in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"] {
        assert!(steps.contains(variable), "{steps}");
    }
}
