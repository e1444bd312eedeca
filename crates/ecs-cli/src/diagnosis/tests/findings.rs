use super::*;

/// Each kind of fault, in the messages of the services, and its diagnosis.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn each_kind_of_fault_is_explained() {
    const GATEWAY: &str = "APIGW.0301";
    let differs = differs();
    let (same, missing) = (Echo::Same, Echo::Missing);
    let table: Vec<(End<'_>, &str, Exit, &[&str])> = vec![
        (End::Answered, "ok", Exit::Success, &["work"]),
        (
            refusal(
                401,
                GATEWAY,
                "Incorrect IAM authentication information: AK access failed to reach the limit,forbidden.",
                Some(&missing),
            ),
            "locked_key",
            Exit::Credentials,
            &[KEY, "locked", "five minutes"],
        ),
        (
            refusal(
                401,
                GATEWAY,
                "Incorrect IAM authentication information: signature expired, signature time:20261123T125900Z,server time:20261123T132000Z",
                Some(&missing),
            ),
            "clock_skew",
            Exit::Credentials,
            &[
                "21 minutes behind",
                "2026-11-23T12:59:00Z",
                "2026-11-23T13:20:00Z",
                "timedatectl",
            ],
        ),
        (
            refusal(
                401,
                GATEWAY,
                "Incorrect IAM authentication information: Get secretKey failed,ak:HPUA0EXAMPLE,err:ak not exist",
                Some(&missing),
            ),
            "unknown_key",
            Exit::Credentials,
            &[
                KEY,
                "https://ecs.eu-de.otc.t-systems.com",
                "eu-de",
                "Huawei Cloud",
            ],
        ),
        (
            refusal(
                401,
                GATEWAY,
                "Incorrect IAM authentication information: verify aksk signature fail, canonicalRequest:GET|/",
                Some(&same),
            ),
            "wrong_secret_key",
            Exit::Credentials,
            &[
                "received the request as it was signed",
                KEY,
                "five wrong signatures",
            ],
        ),
        (
            refusal(401, GATEWAY, "verify aksk signature fail", Some(&missing)),
            "wrong_secret_key",
            Exit::Credentials,
            &["mostly because", KEY],
        ),
        (
            refusal(
                401,
                GATEWAY,
                "verify aksk signature fail, canonicalRequest:GET|/",
                Some(&differs),
            ),
            "request_changed",
            Exit::Credentials,
            &["a different query", "proxy or gateway"],
        ),
        (
            refusal(
                401,
                GATEWAY,
                "Incorrect IAM authentication information: token expires",
                None,
            ),
            "expired",
            Exit::Credentials,
            &["the token has expired", "new token"],
        ),
        (
            refusal(401, "Common.0013", "the token is not valid here", None),
            "invalid_token",
            Exit::Credentials,
            &["Common.0013", "of this cloud and region"],
        ),
        (
            refusal(
                403,
                "Pdp.0001",
                "Policy does not allow ecs:cloudServers:list to be performed.",
                Some(&missing),
            ),
            "missing_permission",
            Exit::Credentials,
            &["lack the permission ecs:cloudServers:list", "IAM"],
        ),
        (
            refusal(403, "", "", None),
            "no_answer",
            Exit::Failed,
            &["is not from this API: HTTP 403", "proxy"],
        ),
        (
            refusal(403, "", "no", None),
            "missing_permission",
            Exit::Credentials,
            &["may not do this", "ecs:cloudServers:list"],
        ),
        (
            refusal(400, "Ecs.0023", "no", None),
            "wrong_project",
            Exit::Credentials,
            &["project p1", "--project-id", "--region"],
        ),
        (
            refusal(404, "APIGW.0101", "no API has this path", None),
            "wrong_endpoint",
            Exit::Failed,
            &["APIGW.0101", "must be that of ECS"],
        ),
        (
            refusal(503, "", "", None),
            "no_answer",
            Exit::Failed,
            &["HTTP 503", "try again"],
        ),
        (
            refusal(307, "", "", None),
            "wrong_endpoint",
            Exit::Failed,
            &["redirects to another address"],
        ),
        (
            refusal(200, "", "", None),
            "no_answer",
            Exit::Failed,
            &["not one of this API"],
        ),
        (
            refusal(418, "X.1", "teapot", None),
            "refused",
            Exit::Credentials,
            &["X.1: teapot"],
        ),
        (
            End::Missing,
            "no_credentials",
            Exit::Usage,
            &["HUAWEICLOUD_SDK_AK", "--sim"],
        ),
        (
            End::Malformed("--access-key is set"),
            "malformed",
            Exit::Usage,
            &["--access-key"],
        ),
        (
            End::Denied("no project"),
            "refused",
            Exit::Credentials,
            &["no project"],
        ),
        (
            End::Unavailable("IAM is away"),
            "no_answer",
            Exit::Failed,
            &["IAM is away"],
        ),
        (
            End::Failed(TransportErrorKind::Dns, "no such host"),
            "dns",
            Exit::Failed,
            &["the service was not reached: no such host", "HTTPS_PROXY="],
        ),
        (
            End::Failed(TransportErrorKind::Connect, "refused"),
            "connect",
            Exit::Failed,
            &["firewalls"],
        ),
        (
            End::Failed(TransportErrorKind::Timeout, "30s"),
            "timeout",
            Exit::Failed,
            &["firewall"],
        ),
        (
            End::Failed(TransportErrorKind::UnknownIssuer, "UnknownIssuer"),
            "tls",
            Exit::Failed,
            &["--ca-file", "SSL_CERT_FILE"],
        ),
        (
            End::Failed(TransportErrorKind::Certificate, "it has expired"),
            "tls",
            Exit::Failed,
            &["clock", "renew", "a CA file does not help"],
        ),
        (
            End::Failed(TransportErrorKind::ClientCertificateRequired, "demanded"),
            "client_certificate",
            Exit::Failed,
            &["name a client certificate", "clouds.yaml"],
        ),
        (
            End::Failed(TransportErrorKind::TlsUnsupported, "ProtocolVersion"),
            "tls",
            Exit::Failed,
            &["1.2 or 1.3"],
        ),
        (
            End::Failed(TransportErrorKind::Tls, "eof"),
            "tls",
            Exit::Failed,
            &["firewalls"],
        ),
        (
            End::Failed(proxy_refused(407), "407"),
            "proxy",
            Exit::Failed,
            &["http://USER:PASSWORD@"],
        ),
        (
            End::Failed(proxy_refused(403), "403"),
            "proxy",
            Exit::Failed,
            &["allow CONNECT"],
        ),
        (
            End::Failed(TransportErrorKind::Closed, "cut"),
            "no_answer",
            Exit::Failed,
            &["cut"],
        ),
    ];
    for (end, finding, exit, expected) in table {
        let diagnosis = diagnose(&evidence(end.clone()));
        assert_eq!(diagnosis.finding, finding, "{end:?}");
        assert_eq!(diagnosis.exit, exit, "{end:?}");
        let reported = format!("{} {}", diagnosis.message, diagnosis.advice.join(" "));
        for word in expected {
            assert!(reported.contains(word), "{word:?} is missing in {reported}");
        }
        assert_eq!(diagnosis.clocks.is_some(), finding == "clock_skew");
        assert_eq!(diagnosis.difference.is_some(), finding == "request_changed");
    }
}
