use hyper::header::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[test]
fn only_our_names_are_ours() {
    for own in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "10.0.0.7",
        "runs.example",
    ] {
        assert!(is_own_host(own, Some("runs.example")), "{own}");
    }
    for other in [
        "evil.example",
        "runs.example.evil.example",
        "localhost.evil.example",
        "",
        "127.0.0.1.evil.example",
    ] {
        assert!(!is_own_host(other, Some("runs.example")), "{other}");
        assert!(!is_own_host(other, None), "{other}");
    }
    assert!(!is_own_host("runs.example", None));
}

#[test]
fn there_is_one_host() {
    let found = |lines: &[(&str, &str)]| host(&headers(lines));
    assert_eq!(
        found(&[("host", "Localhost:7788")]).as_deref(),
        Some("localhost")
    );
    assert_eq!(found(&[]), None);
    assert_eq!(found(&[("host", "a b")]), None);
    assert_eq!(
        found(&[("host", "localhost"), ("host", "evil.example")]),
        None
    );
}

#[test]
fn other_sites_end_no_session() {
    let same = |lines: &[(&str, &str)]| is_same_origin(&headers(lines), "localhost");
    assert!(same(&[]));
    assert!(same(&[("sec-fetch-site", "same-origin")]));
    assert!(same(&[("origin", "http://localhost:7788")]));
    assert!(!same(&[
        ("sec-fetch-site", "cross-site"),
        ("origin", "http://localhost:7788")
    ]));
    assert!(!same(&[("sec-fetch-site", "same-site")]));
    assert!(!same(&[("origin", "http://evil.example")]));
    assert!(!same(&[("origin", "null")]));
}

#[test]
fn cookies_and_tokens_are_found() {
    let sent = headers(&[
        ("cookie", "a=1; session=x; b=2"),
        ("cookie", "c=3"),
        ("authorization", "bearer  t "),
    ]);
    assert_eq!(cookie(&sent, "session"), Some("x"));
    assert_eq!(cookie(&sent, "c"), Some("3"));
    assert_eq!(cookie(&sent, "sess"), None);
    assert_eq!(bearer(&sent), Some("t"));
    assert_eq!(bearer(&headers(&[("authorization", "Basic x")])), None);
}

proptest! {
    #[test]
    fn nothing_that_is_sent_panics(value in "[\\x20-\\x7e\\x80-\\xff]*") {
        if let Ok(value) = HeaderValue::from_str(&value) {
            let mut sent = HeaderMap::new();
            for name in [HOST, COOKIE, ORIGIN, AUTHORIZATION] {
                sent.insert(name, value.clone());
            }
            let host = host(&sent).unwrap_or_default();
            let _ = (is_own_host(&host, None), is_same_origin(&sent, &host), cookie(&sent, "x"), bearer(&sent));
        }
    }
}
