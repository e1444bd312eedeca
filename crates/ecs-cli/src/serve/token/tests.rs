use std::fs;

use secrecy::ExposeSecret as _;

use super::*;

#[cfg(unix)]
fn with_mode(text: &str, mode: u32) -> Result<SecretString, CliError> {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    from_file(&file)
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_not_used() {
    let token = "0123456789abcdefghij";
    assert_eq!(
        with_mode(&format!("{token}\n"), 0o600)
            .unwrap()
            .expose_secret(),
        token
    );
    assert!(with_mode(token, 0o400).is_ok());
    for mode in [0o640, 0o604, 0o660] {
        let fail = with_mode(token, mode).unwrap_err();
        assert!(
            fail.message.contains("other users can read"),
            "{}",
            fail.message
        );
        assert!(!format!("{fail:?}").contains(token));
    }
}

#[cfg(unix)]
#[test]
fn a_token_is_long_and_on_one_line() {
    for wrong in [
        "",
        "short",
        "0123456789 abcdefghij",
        "0123456789\nabcdefghij",
        "0123456789abcdefghé",
        &"x".repeat(513),
    ] {
        let fail = with_mode(wrong, 0o600).unwrap_err();
        assert!(
            fail.message.contains("20 to 512"),
            "{wrong}: {}",
            fail.message
        );
        assert!(wrong.is_empty() || !format!("{fail:?}").contains(wrong));
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let fail = from_file(Path::new("/nonexistent/token")).unwrap_err();
    assert!(fail.message.contains("/nonexistent/token"));
}

#[test]
fn new_tokens_differ() {
    let (one, other) = (new(), new());
    assert_eq!(one.expose_secret().len(), 64);
    assert_ne!(one.expose_secret(), other.expose_secret());
}
