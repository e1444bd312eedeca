use super::*;

#[test]
fn a_public_address_has_a_host_and_no_path() {
    let https: PublicUrl = "https://Runs.example:8443/".parse().unwrap();
    assert!(https.is_https);
    assert_eq!(
        (https.host.as_str(), https.url.as_str()),
        ("runs.example", "https://Runs.example:8443")
    );
    assert!(!"http://[::1]:80".parse::<PublicUrl>().unwrap().is_https);
    for wrong in [
        "runs.example",
        "ftp://runs.example",
        "https://",
        "https://h/runs",
        "https://u:p@h",
        "https://h:x",
        "https://h?q",
        "https://[::1",
    ] {
        assert!(wrong.parse::<PublicUrl>().is_err(), "{wrong}");
    }
}

#[test]
fn the_host_of_an_authority() {
    for (authority, host) in [
        ("localhost", Some("localhost")),
        ("localhost:80", Some("localhost")),
        ("[::1]", Some("[::1]")),
        ("[::1]:80", Some("[::1]")),
        ("[::1]80", None),
        ("h:", None),
        ("", None),
        ("h/x", None),
        ("a b", None),
    ] {
        assert_eq!(host_of(authority), host, "{authority}");
    }
}

#[test]
fn an_address_to_listen_on_is_numeric() {
    assert!(address("127.0.0.1:0").is_ok() && address("[::]:80").is_ok());
    assert!(
        address("localhost:80")
            .unwrap_err()
            .contains("127.0.0.1:7788")
    );
}
