use super::AccessKey;
use crate::AuthErrorKind;

const SECRET: &str = "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc";
const TOKEN: &str = "gQpjbi1ub3J0aC00i2bQRIUaBWuBBV1I";

#[test]
fn debug_shows_the_name_and_nothing_secret() {
    let key = AccessKey::new("QTWAOYTTINDUT2QVKYUC", SECRET)
        .unwrap()
        .with_security_token(TOKEN)
        .unwrap();
    let shown = format!("{key:?} {key:#?}");
    assert!(shown.contains("QTWAOYTTINDUT2QVKYUC"), "{shown}");
    assert!(shown.contains("temporary: true"), "{shown}");
    assert!(
        !shown.contains("MFyf") && !shown.contains("gQpj"),
        "{shown}"
    );
}

#[test]
fn badly_pasted_keys_are_errors_without_the_secret() {
    for (id, secret, token, expected) in [
        ("", SECRET, TOKEN, "access key is empty"),
        ("AK ", SECRET, TOKEN, "access key has"),
        ("AK,x", SECRET, TOKEN, "access key has"),
        ("AK/x", SECRET, TOKEN, "access key has"),
        ("AK=x", SECRET, TOKEN, "access key has"),
        ("AK", "", TOKEN, "secret key is empty"),
        ("AK", "MFyf\n", TOKEN, "secret key has"),
        ("AK", "MFyf\u{200b}", TOKEN, "secret key has"),
        ("AK", SECRET, "", "security token is empty"),
        ("AK", SECRET, "gQpj\r\nX-Evil: 1", "security token has"),
    ] {
        let error = AccessKey::new(id, secret)
            .and_then(|key| key.with_security_token(token))
            .unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::Malformed);
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(expected), "{shown}");
        assert!(
            !shown.contains("MFyf") && !shown.contains("gQpj"),
            "{shown}"
        );
    }
}
