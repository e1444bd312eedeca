use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{Method, Request, Version};

use super::prepare;
use crate::hyper::proxies::Proxies;
use crate::{Delivery, TransportErrorKind};

fn request(method: Method, uri: &str, body: &'static str) -> Request<Bytes> {
    Request::builder()
        .method(method)
        .uri(uri)
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap()
}

#[test]
fn invalid_requests_are_refused_unsent() {
    for (method, uri) in [
        (Method::GET, "/v1/p/jobs/j"),
        (Method::GET, "ecs.example:443"),
        (Method::GET, "ftp://ecs.example/"),
        (Method::GET, "https://user:hunter2@ecs.example/"),
        (Method::GET, "https://ecs.example:/"),
        (Method::GET, "https://ecs.example:99999/"),
        (Method::CONNECT, "https://ecs.example/"),
    ] {
        let error = prepare(request(method, uri, ""), None).unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::Request, "{uri}");
        assert_eq!(error.delivery(), Delivery::NotSent, "{uri}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn valid_uris_pass() {
    for uri in [
        "http://ecs.example",
        "https://ecs.example:8443/v1?a=b",
        "http://[::1]:80/",
        "http://[::1]/",
    ] {
        prepare(request(Method::GET, uri, ""), None).unwrap();
    }
}

#[test]
fn content_length_is_that_of_the_body() {
    let length = |method, body| {
        let mut request = request(method, "http://ecs.example/", body);
        request.headers_mut().insert(CONTENT_LENGTH, 99.into());
        request
            .headers_mut()
            .insert(TRANSFER_ENCODING, "chunked".parse().unwrap());
        *request.version_mut() = Version::HTTP_2;
        let request = prepare(request, None).unwrap();
        assert_eq!(request.version(), Version::HTTP_11);
        assert!(!request.headers().contains_key(TRANSFER_ENCODING));
        request
            .headers()
            .get(CONTENT_LENGTH)
            .map(|length| length.to_str().unwrap().to_owned())
    };
    assert_eq!(length(Method::POST, "body").as_deref(), Some("4"));
    assert_eq!(length(Method::POST, "").as_deref(), Some("0"));
    assert_eq!(length(Method::GET, ""), None);
}

#[test]
fn only_a_forward_proxy_gets_its_credentials_in_the_request() {
    let proxy = Some(("the proxy", "http://user:hunter2@proxy.example:3128"));
    let proxies = Proxies::new(proxy, proxy, "").unwrap();
    let carries = |uri| {
        let request = prepare(request(Method::GET, uri, ""), Some(&proxies)).unwrap();
        request.headers().contains_key("proxy-authorization")
    };
    assert!(carries("http://ecs.example/"));
    assert!(!carries("https://ecs.example/"));
}
