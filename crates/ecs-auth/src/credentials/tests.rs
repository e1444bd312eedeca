use bytes::Bytes;

use super::Credentials;
use crate::{AccessKey, AuthErrorKind, CredentialsProvider, StaticCredentials};

const TOKEN: &str = "MIIDkgYJKoZIhvcNAQcCoIIDgzCCA38CAQExDTALBglghkgBZQMEAgEw";

#[test]
fn debug_masks_the_token_in_every_type_that_holds_it() {
    let credentials = Credentials::token(TOKEN).unwrap();
    let provider = StaticCredentials::new(credentials.clone());
    let mut request = http::Request::new(Bytes::new());
    credentials.authenticate(&mut request, jiff::Timestamp::now());
    let shown = format!("{credentials:?} {provider:?} {request:?}");
    assert!(!shown.contains("MIID"), "{shown}");
    assert!(shown.contains("masked"));
}

#[test]
fn debug_masks_the_secret_key_in_every_type_that_holds_it() {
    let key = AccessKey::new("QTWAOYTTINDUT2QVKYUC", "MFyfvK41ba2giqM7Uio6")
        .unwrap()
        .with_security_token("gQpjbi1ub3J0aC00i2bQ")
        .unwrap();
    let credentials = Credentials::access_key(key);
    let provider = StaticCredentials::new(credentials.clone());
    let mut request = http::Request::new(Bytes::new());
    credentials.authenticate(&mut request, jiff::Timestamp::now());
    let shown = format!("{credentials:?} {provider:?} {provider:#?} {request:?}");
    assert!(shown.contains("QTWAOYTTINDUT2QVKYUC"), "{shown}");
    for secret in ["MFyf", "gQpj", "Signature="] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn a_token_replaces_a_signature_and_a_signature_a_token() {
    let key = AccessKey::new("AK", "SK").unwrap();
    let key = Credentials::access_key(key.with_security_token("T").unwrap());
    let token = Credentials::token(TOKEN).unwrap();
    let mut request = http::Request::get("https://ecs.example/x")
        .body(Bytes::new())
        .unwrap();
    let names = |request: &http::Request<Bytes>| {
        let mut names: Vec<String> = request.headers().keys().map(ToString::to_string).collect();
        names.sort();
        names
    };
    let signed = ["authorization", "host", "x-sdk-date", "x-security-token"];
    key.authenticate(&mut request, jiff::Timestamp::now());
    assert_eq!(names(&request), signed);
    token.authenticate(&mut request, jiff::Timestamp::now());
    assert_eq!(names(&request), ["host", "x-auth-token"]);
    key.authenticate(&mut request, jiff::Timestamp::now());
    assert_eq!(names(&request), signed);
}

#[test]
fn the_token_goes_into_its_header_and_replaces_an_older_one() {
    let mut request = http::Request::new(Bytes::new());
    Credentials::token("old")
        .unwrap()
        .authenticate(&mut request, jiff::Timestamp::now());
    Credentials::token(TOKEN)
        .unwrap()
        .authenticate(&mut request, jiff::Timestamp::now());
    let sent: Vec<_> = request.headers().get_all("x-auth-token").iter().collect();
    assert_eq!(sent, [TOKEN]);
}

#[test]
fn invalid_tokens_are_errors_without_the_token() {
    for token in [
        "",
        "secret\n",
        "secret\r\nX-Evil: 1",
        "secr\u{e9}t",
        "secret\0",
    ] {
        let error = Credentials::token(token).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::Malformed);
        assert!(!format!("{error} {error:?}").contains("secr"), "{error:?}");
    }
}

#[test]
fn a_static_provider_has_nothing_newer() {
    let refused = Credentials::token(TOKEN).unwrap();
    let provider = StaticCredentials::new(refused.clone());
    let renewed = futures_util::FutureExt::now_or_never(provider.renew(&refused)).unwrap();
    assert!(renewed.unwrap().is_none());
}

#[test]
fn credentials_are_compared_as_a_service_does() {
    let key = |id, secret| AccessKey::new(id, secret).unwrap();
    let temporary = |token| key("AK", "SK").with_security_token(token).unwrap();
    let all = [
        Credentials::token("one").unwrap(),
        Credentials::token("two").unwrap(),
        Credentials::access_key(key("AK", "SK")),
        Credentials::access_key(key("AK2", "SK")),
        Credentials::access_key(key("AK", "SK2")),
        Credentials::access_key(temporary("T")),
        Credentials::access_key(temporary("T2")),
    ];
    for (at, one) in all.iter().enumerate() {
        for (other_at, other) in all.iter().enumerate() {
            assert_eq!(one.is_same(other), at == other_at, "{one:?} {other:?}");
        }
    }
    assert!(Credentials::token("one").unwrap().is_same(&all[0]));
    assert!(Credentials::access_key(temporary("T")).is_same(&all[5]));
    assert_eq!(all[2].access_key_id(), Some("AK"));
    assert_eq!(all[0].access_key_id(), None);
}
