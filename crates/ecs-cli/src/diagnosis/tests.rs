use super::refusal::{permission_in, time_in};
use super::*;

const KEY: &str = "HPUA0EXAMPLE";

fn evidence(end: End<'_>) -> Evidence<'_> {
    Evidence {
        kind: CredentialKind::AccessKey,
        agency: false,
        access_key: Some(KEY),
        endpoint: Some("https://ecs.eu-de.otc.t-systems.com"),
        region: Some("eu-de"),
        project: Some("p1"),
        our_time: "2026-11-23T12:59:00Z".parse().unwrap(),
        their_time: Some("2026-11-23T12:59:01Z".parse().unwrap()),
        proxies: &[],
        asked: Asked::Service,
        unproven: None,
        end,
    }
}

fn refusal<'a>(status: u16, code: &'a str, message: &'a str, echo: Option<&'a Echo>) -> End<'a> {
    End::Refused {
        status,
        code: (!code.is_empty()).then_some(code),
        message: (!message.is_empty()).then_some(message),
        echo,
    }
}

/// A service that received another query than was signed.
fn differs() -> Echo {
    use ecs_ops::auth::{AccessKey, sign};
    use ecs_ops::model::{ListServersDetails, Operation as _};
    let key = AccessKey::new(KEY, "not-a-secret").unwrap();
    let list = ListServersDetails::builder().limit(1).build().unwrap();
    let mut request = list.encode(&"p1".parse().unwrap());
    let signed = sign(&mut request, &key, Timestamp::UNIX_EPOCH);
    let ours = signed.canonical_request();
    let read = ours.to_string().replace("limit=1", "limit=2");
    ours.compare_with_echo(&format!("canonicalRequest:{read}"))
}

/// Each kind of trouble, as the services put it, and what comes of it.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn each_kind_of_trouble_is_explained() {
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
            &["no client certificates"],
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
        let reported = format!("{} {}", diagnosis.what, diagnosis.advice.join(" "));
        for word in expected {
            assert!(reported.contains(word), "{word:?} is missing in {reported}");
        }
        assert_eq!(diagnosis.clocks.is_some(), finding == "clock_skew");
        assert_eq!(diagnosis.difference.is_some(), finding == "request_changed");
    }
}

fn proxy_refused(status: u16) -> TransportErrorKind {
    TransportErrorKind::ProxyRefused { status }
}

#[test]
fn a_proxy_that_is_set_is_named_but_not_its_address() {
    let proxies = ["HTTPS_PROXY", "ALL_PROXY"];
    for kind in [
        TransportErrorKind::Proxy,
        TransportErrorKind::Connect,
        proxy_refused(407),
        proxy_refused(502),
    ] {
        let mut seen = evidence(End::Failed(kind, "the proxy did not connect us"));
        seen.proxies = &proxies;
        let advice = diagnose(&seen).advice.join(" ");
        assert!(
            advice.contains("HTTPS_PROXY, ALL_PROXY")
                && advice.contains("name the host in NO_PROXY"),
            "{advice}"
        );
    }
}

#[test]
fn a_clock_is_known_to_be_wrong_by_the_date_of_an_answer() {
    let missing = Echo::Missing;
    let mut seen = evidence(refusal(401, "APIGW.0301", "no", Some(&missing)));
    seen.their_time = Some("2026-11-23T10:00:00Z".parse().unwrap());
    let diagnosis = diagnose(&seen);
    assert_eq!(diagnosis.finding, "clock_skew");
    assert!(
        diagnosis.what.contains("2 hours ahead of"),
        "{}",
        diagnosis.what
    );
    // Who does not sign needs no clock.
    seen.kind = CredentialKind::Token;
    seen.end = refusal(401, "APIGW.0301", "no", None);
    assert_eq!(diagnose(&seen).finding, "invalid_token");
    assert_eq!(seen.warning(), None);
}

#[test]
fn a_clock_that_goes_wrong_is_warned_of() {
    let mut seen = evidence(End::Answered);
    assert_eq!(seen.warning(), None);
    seen.their_time = Some("2026-11-23T12:54:00Z".parse().unwrap());
    let warning = seen.warning().unwrap();
    assert!(warning.contains("5 minutes ahead of"), "{warning}");
    seen.their_time = None;
    assert_eq!(seen.warning(), None);
}

#[test]
fn what_ends_differs() {
    let expected = "Incorrect IAM authentication information: token expires";
    let echo = Echo::Missing;
    let mut seen = evidence(refusal(401, "APIGW.0301", expected, Some(&echo)));
    seen.kind = CredentialKind::TemporaryKey;
    let diagnosis = diagnose(&seen);
    assert!(
        diagnosis.what.contains("temporary key has expired"),
        "{}",
        diagnosis.what
    );
    seen.kind = CredentialKind::Password;
    seen.asked = Asked::Iam;
    seen.end = refusal(401, "", "The username or password is wrong.", None);
    let diagnosis = diagnose(&seen);
    assert_eq!(diagnosis.finding, "login_refused");
    assert!(diagnosis.advice.join(" ").contains("OS_PASSCODE"));
}

/// IAM is another place than the service, and a login something else than a permission.
#[test]
fn what_iam_or_a_proxy_says_is_told_as_such() {
    for (status, expected, finding, exit, reported) in [
        (
            403,
            "the user is locked",
            "login_refused",
            Exit::Credentials,
            "locked",
        ),
        (
            403,
            "Policy doesn't allow iam:tokens:assume to be performed.",
            "missing_permission",
            Exit::Credentials,
            "iam:tokens:assume",
        ),
        (403, "", "no_answer", Exit::Failed, "were not checked"),
        (307, "", "wrong_endpoint", Exit::Failed, "--iam-endpoint"),
        (404, "", "wrong_endpoint", Exit::Failed, "--iam-endpoint"),
        (
            404,
            "no agency",
            "login_refused",
            Exit::Credentials,
            "agency",
        ),
        (407, "", "proxy", Exit::Failed, "HTTP_PROXY"),
    ] {
        let mut seen = evidence(refusal(status, "", expected, None));
        (seen.kind, seen.asked) = (CredentialKind::Password, Asked::Iam);
        seen.proxies = &["HTTP_PROXY"];
        let diagnosis = diagnose(&seen);
        let shown = format!("{diagnosis:?}");
        assert_eq!(
            (diagnosis.finding, diagnosis.exit),
            (finding, exit),
            "{shown}"
        );
        assert!(shown.contains(reported), "{reported} is missing in {shown}");
    }
    for kind in [TransportErrorKind::Dns, TransportErrorKind::Connect] {
        let mut seen = evidence(End::Failed(
            kind,
            "the metadata service could not be queried",
        ));
        seen.asked = Asked::Iam;
        let diagnosis = diagnose(&seen);
        assert_eq!(diagnosis.what, "the metadata service could not be queried");
        assert!(diagnosis.advice[0].contains("--iam-endpoint"));
    }
}

#[test]
fn permissions_are_found_in_sentences() {
    for (message, permission) in [
        (
            "Policy doesn't allow ecs:cloudServers:list to be performed.",
            Some("ecs:cloudServers:list"),
        ),
        (
            "action [ecs:servers:reboot], denied",
            Some("ecs:servers:reboot"),
        ),
        ("at 12:00:00 denied", None),
        ("no", None),
        ("", None),
    ] {
        assert_eq!(permission_in(message).as_deref(), permission, "{message}");
    }
}

#[test]
fn no_words_are_too_strange() {
    for expected in [
        "signature time:",
        "signature time:2026",
        "server time:é2026112",
        "signature time:20261123T125900Z,server time:x",
    ] {
        for status in [0, 100, 200, 400, 401, 403, 500, 999] {
            let echo = Echo::Missing;
            let _ = diagnose(&evidence(refusal(status, "x", expected, Some(&echo))));
        }
    }
    assert_eq!(
        time_in("server time:20261123t125900z", "server time:"),
        Some("2026-11-23T12:59:00Z".parse().unwrap())
    );
}
