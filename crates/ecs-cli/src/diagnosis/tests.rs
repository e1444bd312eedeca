mod findings;

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
        diagnosis.message.contains("2 hours ahead of"),
        "{}",
        diagnosis.message
    );
    // A caller who does not sign needs no clock.
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
fn different_endings_are_shown() {
    let expected = "Incorrect IAM authentication information: token expires";
    let echo = Echo::Missing;
    let mut seen = evidence(refusal(401, "APIGW.0301", expected, Some(&echo)));
    seen.kind = CredentialKind::TemporaryKey;
    let diagnosis = diagnose(&seen);
    assert!(
        diagnosis.message.contains("temporary key has expired"),
        "{}",
        diagnosis.message
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
fn messages_of_iam_and_proxies_name_their_source() {
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
        assert_eq!(
            diagnosis.message,
            "the metadata service could not be queried"
        );
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
fn any_message_can_be_diagnosed() {
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
