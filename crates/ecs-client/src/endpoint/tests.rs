use super::*;

#[test]
fn endpoints_are_parsed_or_refused() {
    for (text, shown) in [
        ("http://127.0.0.1:40123", "http://127.0.0.1:40123"),
        ("https://[::1]:8443/", "https://[::1]:8443"),
        (
            " https://gateway.example/ecs/ ",
            "https://gateway.example/ecs",
        ),
    ] {
        assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), shown);
    }
    for text in [
        "",
        "ecs.example",
        "ftp://ecs.example",
        "https://",
        "https://u:p@h",
        "https://h/?q",
        "https://h h",
        "http://:80",
        "http://h:",
        "http://h:0",
        "http://h:99999",
        "http://[::1]:x",
        "http://h/#x",
    ] {
        let error = text.parse::<Endpoint>().unwrap_err().to_string();
        assert!(error.contains("looks like https://"), "{text:?}: {error}");
        assert!(!error.contains("u:p"));
    }
}

#[test]
fn prefix_precedes_the_path() {
    let endpoint: Endpoint = "https://gateway.example/ecs/".parse().unwrap();
    let uri = endpoint
        .absolute(&"/v1/p/jobs/j?x=%20".parse().unwrap())
        .unwrap();
    assert_eq!(uri, "https://gateway.example/ecs/v1/p/jobs/j?x=%20");
}

#[test]
fn equivalent_endpoints_are_equal() {
    let parse = |text: &str| text.parse::<Endpoint>().unwrap();
    for (text, shown) in [
        ("HTTPS://ECS.Example:443/", "https://ecs.example"),
        ("http://ecs.example:80", "http://ecs.example"),
        ("https://ecs.example:0443", "https://ecs.example"),
        ("https://[FE80::1]:443", "https://[fe80::1]"),
        ("https://ecs.example:80", "https://ecs.example:80"),
        ("http://ecs.example:443/Ecs", "http://ecs.example:443/Ecs"),
    ] {
        assert_eq!(parse(text), parse(shown));
        assert_eq!(parse(text).to_string(), shown);
    }
    assert_ne!(
        parse("https://ecs.example/a"),
        parse("https://ecs.example/A")
    );
}
