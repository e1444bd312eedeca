use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::{Exceptions, Proxies};
use crate::BuildErrorKind;

fn contain(list: &str, host: &str, port: u16) -> bool {
    Exceptions::parse(list).contain(host, port)
}

#[test]
fn exceptions_are_read_as_curl_reads_them() {
    // Checked against `curl --noproxy` 7.88.1, except for the cases of the next test.
    for (list, host, matches) in [
        ("*", "ecs.example", true),
        ("*", "127.0.0.1", true),
        ("*", "[::1]", true),
        ("ecs.example", "ecs.example", true),
        ("ecs.example", "ECS.Example", true),
        ("ECS.example", "ecs.example", true),
        ("ecs.example", "ecs.example.", true),
        ("ecs.example.", "ecs.example", true),
        ("example", "ecs.example", true),
        (".example", "ecs.example", true),
        (".ecs.example", "ecs.example", true),
        ("cs.example", "ecs.example", false),
        ("ecs.example", "example", false),
        ("ecs.example.org", "ecs.example", false),
        ("a.example,ecs.example", "ecs.example", true),
        ("a.example ecs.example", "ecs.example", true),
        (" a.example , ecs.example ", "ecs.example", true),
        ("a.example,,", "ecs.example", false),
        ("", "ecs.example", false),
        (".", "ecs.example", false),
        ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.0/8", "127.0.0.1", true),
        ("10.0.0.0/8", "127.0.0.1", false),
        ("10.0.0.0/33", "10.0.0.1", false),
        ("0.0.1", "127.0.0.1", false),
        ("127.*", "127.0.0.1", false),
        ("::1", "[::1]", true),
        ("[::1]", "[::1]", true),
        ("fe80::/10", "[fe80::7]", true),
        ("127.0.0.1", "localhost", false),
    ] {
        assert_eq!(contain(list, host, 443), matches, "{list:?} and {host}");
    }
}

#[test]
fn ports_and_stars_are_read_as_go_and_python_read_them() {
    for (list, host, port, matches) in [
        ("ecs.example:8443", "ecs.example", 8443, true),
        ("ecs.example:8443", "ecs.example", 443, false),
        ("127.0.0.1:8080", "127.0.0.1", 8080, true),
        ("127.0.0.1:8080", "127.0.0.1", 80, false),
        ("[::1]:8080", "[::1]", 8080, true),
        ("[::1]:8080", "[::1]", 80, false),
        ("ecs.example:", "ecs.example", 443, false),
        ("ecs.example:99999", "ecs.example", 443, false),
        ("a.example,*", "ecs.example", 443, true),
        ("*.example", "ecs.example", 443, true),
        ("*.example", "10.0.0.1", 443, false),
    ] {
        assert_eq!(
            contain(list, host, port),
            matches,
            "{list:?} and {host}:{port}"
        );
    }
}

fn environment(variables: &[(&str, &str)]) -> Result<Option<Proxies>, crate::BuildError> {
    let variables: HashMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Proxies::from_environment(|name| variables.get(name).cloned())
}

#[test]
fn the_environment_names_a_proxy_for_each_scheme() {
    let host = |variables: &[(&str, &str)], target: &str| {
        let proxies = environment(variables).unwrap()?;
        let proxy = proxies.intercept(&target.parse().unwrap())?;
        Some(proxy.uri().host().unwrap().to_owned())
    };
    let (http, https) = ("http://ecs.example/", "https://ecs.example/");
    let one = [("HTTPS_PROXY", "http://a:1"), ("ALL_PROXY", "b:2")];
    assert_eq!(host(&one, https).as_deref(), Some("a"));
    assert_eq!(host(&one, http).as_deref(), Some("b"));
    assert_eq!(
        host(&[("http_proxy", "http://a:1")], http).as_deref(),
        Some("a")
    );
    assert_eq!(host(&[("http_proxy", "http://a:1")], https), None);
    let both = [("HTTPS_PROXY", "http://a:1"), ("https_proxy", "http://b:2")];
    assert_eq!(host(&both, https).as_deref(), Some("a"));
    let empty = [("HTTPS_PROXY", ""), ("https_proxy", "http://b:2")];
    assert_eq!(host(&empty, https).as_deref(), Some("b"));
    let cgi = [("HTTP_PROXY", "http://a:1"), ("REQUEST_METHOD", "GET")];
    assert_eq!(host(&cgi, http), None);
    let except = [("ALL_PROXY", "http://a:1"), ("NO_PROXY", "*")];
    assert_eq!(host(&except, "https://10.0.0.1/"), None);
    assert_eq!(host(&[], https), None);
}

#[test]
fn invalid_proxy_variables_are_refused_by_name() {
    for name in ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"] {
        let error = environment(&[(name, "user:hunter2@proxy example")]).unwrap_err();
        assert_eq!(error.kind(), BuildErrorKind::Proxy);
        let message = error.to_string();
        assert!(
            message.starts_with(name) && !message.contains("hunter2"),
            "{message}"
        );
    }
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9-]{0,8}(\\.[a-z][a-z0-9-]{0,8}){0,3}"
}

proptest! {
    #[test]
    fn any_list_and_host_are_compared_without_panic(list in ".*", host in ".*", port: u16) {
        contain(&list, &host, port);
    }

    #[test]
    fn a_star_in_the_list_excepts_everything(before in "[^*]*", host in ".*", port: u16) {
        let list = format!("{before},*");
        prop_assert!(contain(&list, &host, port));
    }

    #[test]
    fn names_except_their_subdomains(name in name(), below in name(), port: u16) {
        let subdomain = format!("{below}.{name}");
        for entry in [name.clone(), format!(".{name}"), format!("*.{name}"), name.to_uppercase()] {
            prop_assert!(contain(&entry, &name, port));
            prop_assert!(contain(&entry, &subdomain, port));
            let longer = format!("x{name}");
            prop_assert!(!contain(&entry, &longer, port));
        }
        prop_assert!(!contain(&subdomain, &name, port));
    }

    #[test]
    fn a_port_narrows_an_entry(name in name(), port: u16, other: u16) {
        let entry = format!("{name}:{port}");
        prop_assert_eq!(contain(&entry, &name, other), port == other);
    }

    #[test]
    fn addresses_are_in_each_enclosing_network(bits: u32, length in 0u8..=32, other: u32) {
        let (address, other_address) = (Ipv4Addr::from(bits), Ipv4Addr::from(other));
        let list = format!("{address}/{length}");
        prop_assert!(contain(&list, &address.to_string(), 443));
        let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
        let inside = bits & mask == other & mask;
        prop_assert_eq!(contain(&list, &other_address.to_string(), 443), inside);
    }

    #[test]
    fn an_address_excepts_itself_only(bits: u128, other: u128) {
        let host = |bits: u128| format!("[{}]", Ipv6Addr::from(bits));
        let list = Ipv6Addr::from(bits).to_string();
        prop_assert!(contain(&list, &host(bits), 443));
        prop_assert_eq!(contain(&list, &host(other), 443), bits == other);
    }
}
