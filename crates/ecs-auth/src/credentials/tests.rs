use bytes::Bytes;

use super::Credentials;
use crate::{AuthErrorKind, CredentialsProvider, StaticCredentials};

const TOKEN: &str = "MIIDkgYJKoZIhvcNAQcCoIIDgzCCA38CAQExDTALBglghkgBZQMEAgEw";

#[test]
fn debug_masks_the_token_in_every_type_that_holds_it() {
    let credentials = Credentials::token(TOKEN).unwrap();
    let provider = StaticCredentials::new(credentials.clone());
    let mut request = http::Request::new(Bytes::new());
    credentials.authenticate(&mut request);
    let shown = format!("{credentials:?} {provider:?} {request:?}");
    assert!(!shown.contains("MIID"), "{shown}");
    assert!(shown.contains("masked"));
}

#[test]
fn the_token_goes_into_its_header_and_replaces_an_older_one() {
    let mut request = http::Request::new(Bytes::new());
    Credentials::token("old")
        .unwrap()
        .authenticate(&mut request);
    Credentials::token(TOKEN)
        .unwrap()
        .authenticate(&mut request);
    let sent: Vec<_> = request.headers().get_all("x-auth-token").iter().collect();
    assert_eq!(sent, [TOKEN]);
}

#[test]
fn a_token_that_no_header_can_hold_is_an_error_without_the_token() {
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
