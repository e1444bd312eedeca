//! Failed handshakes: their meaning, and that nothing of the request was read.

use std::time::Duration;

use crate::common::{
    End, Pki, ServerSide, TlsServer, builder, fail, get, pki, pki_at, pki_of, post, send,
};
use ecs_transport::testing::{Play, Tarpit};
use ecs_transport::{Delivery, HyperTransport, TransportErrorKind as Kind};
use http::Method;
use rustls::version::{TLS12, TLS13};

/// Returns a transport that trusts this authority.
fn transport(pki: &Pki) -> HyperTransport {
    builder().ca_pem(pki.ca_pem.clone()).build().unwrap()
}

#[tokio::test]
async fn required_client_certificate_leaves_the_request_unread() {
    let pki = pki(&["127.0.0.1"]);
    for version in [&TLS12, &TLS13] {
        let side = ServerSide::new(&pki)
            .versions(&[version])
            .demanding_certificates();
        let server = side.start().await;
        // A new transport for each, to vary the races between alert, close and request.
        for round in 0..30 {
            let transport = transport(&pki);
            let url = format!("https://127.0.0.1:{}/", server.port);
            let request = if round % 3 == 0 { get(url) } else { post(url) };
            let method = request.method().clone();
            let error = fail(&transport, request).await;
            assert_eq!(
                (error.kind(), error.delivery()),
                (Kind::ClientCertificateRequired, Delivery::NotSent),
                "{version:?} {method} {round}: {error:?}"
            );
            assert!(error.kind().is_permanent());
        }
        assert_eq!(server.requests(), 0);
    }
}

#[tokio::test]
async fn large_request_in_a_refused_handshake_is_not_sent() {
    // The request fills the buffers of both sides, so that the refusal meets a write that waits or
    // fails.
    let pki = pki(&["127.0.0.1"]);
    let side = ServerSide::new(&pki)
        .versions(&[&TLS13])
        .demanding_certificates();
    let server = side.start().await;
    for _ in 0..10 {
        let mut request = post(format!("https://127.0.0.1:{}/", server.port));
        *request.body_mut() = vec![b'a'; 8 * 1024 * 1024].into();
        let error = fail(&transport(&pki), request).await;
        assert_eq!(
            (error.kind(), error.delivery()),
            (Kind::ClientCertificateRequired, Delivery::NotSent),
            "{error:?}"
        );
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn optional_client_certificate_is_not_needed() {
    let pki = pki(&["127.0.0.1"]);
    for version in [&TLS12, &TLS13] {
        let side = ServerSide::new(&pki)
            .versions(&[version])
            .asking_for_certificates();
        let server = side.start().await;
        let url = format!("https://127.0.0.1:{}/", server.port);
        send(&transport(&pki), post(url)).await.unwrap();
        assert_eq!(server.requests(), 1);
    }
}

#[tokio::test]
async fn inconclusive_failures_stay_unknown() {
    // The server reads the request before its connection ends in the same alert or without one: it
    // may have acted.
    let pki = pki(&["127.0.0.1"]);
    for (asks, end) in [
        (true, End::Close),
        (true, End::Cut),
        (false, End::Close),
        (false, End::Cut),
    ] {
        for version in [&TLS12, &TLS13] {
            let mut side = ServerSide::new(&pki).versions(&[version]).ending(end);
            if asks {
                side = side.asking_for_certificates();
            }
            let server = side.start().await;
            let url = format!("https://127.0.0.1:{}/", server.port);
            let error = fail(&transport(&pki), post(url)).await;
            assert_eq!(
                (error.kind(), error.delivery()),
                (Kind::Closed, Delivery::MaybeSent),
                "{end:?} {version:?} {error:?}"
            );
            assert_eq!(server.requests(), 1);
            let shown = format!("{error:?}");
            assert!(!shown.contains("docs.rs"), "{shown}");
        }
    }
}

#[tokio::test]
async fn expired_certificates_are_named() {
    for (pki, expected) in [
        (pki_at(&["127.0.0.1"], 2001..2002), "expired"),
        (pki_at(&["127.0.0.1"], 2101..2102), "not valid yet"),
    ] {
        let server = ServerSide::new(&pki).versions(&[&TLS13]).start().await;
        let url = format!("https://127.0.0.1:{}/", server.port);
        let error = fail(&transport(&pki), post(url)).await;
        assert_eq!(
            (error.kind(), error.delivery()),
            (Kind::Certificate, Delivery::NotSent)
        );
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.kind().is_permanent());
        assert_eq!(server.requests(), 0);
    }
}

#[tokio::test]
async fn ended_handshakes_are_temporary() {
    for play in [
        Play::new().read_byte(),
        Play::new().read_byte().reset(),
        Play::new(),
    ] {
        let server = Tarpit::always(play).await.unwrap();
        let url = format!("https://{}/", server.address());
        let error = fail(&transport(&pki(&[])), post(url)).await;
        assert_eq!(
            (error.kind(), error.delivery()),
            (Kind::Tls, Delivery::NotSent)
        );
        assert!(!error.kind().is_permanent());
    }
}

#[tokio::test]
async fn handshake_alerts_are_classified() {
    // A fatal alert in plaintext, as sent by servers that accept nothing of a ClientHello.
    for (alert, kind, expected) in [
        (70, Kind::TlsUnsupported, "TLS 1.2 and 1.3"),
        (40, Kind::TlsUnsupported, "host name"),
        (112, Kind::TlsUnsupported, "host name"),
        (71, Kind::TlsUnsupported, "TLS 1.2 and 1.3"),
        (80, Kind::Tls, "InternalError"),
    ] {
        let play = Play::new()
            .read_byte()
            .send(vec![21, 3, 3, 0, 2, 2, alert])
            .hang();
        let server = Tarpit::always(play).await.unwrap();
        let url = format!("https://{}/", server.address());
        let error = fail(&transport(&pki(&[])), post(url)).await;
        assert_eq!(
            (error.kind(), error.delivery()),
            (kind, Delivery::NotSent),
            "{error:?}"
        );
        assert!(format!("{error} {error:?}").contains(expected), "{error:?}");
    }
}

#[tokio::test]
async fn unknown_issuers_differ_from_invalid_certificates() {
    let server = TlsServer::start(&pki(&["127.0.0.1"]), &[&TLS13]).await;
    let url = format!("https://127.0.0.1:{}/", server.port);
    let error = fail(&transport(&pki_of("Another", &[])), post(url)).await;
    assert_eq!(error.kind(), Kind::UnknownIssuer);
    assert!(error.kind().is_permanent());
}

#[tokio::test]
async fn https_proxy_that_requires_a_certificate_is_sent_nothing() {
    let pki = pki(&["localhost"]);
    let side = ServerSide::new(&pki)
        .versions(&[&TLS13])
        .demanding_certificates();
    let proxy = side.start().await;
    let url = format!("https://localhost:{}", proxy.port);
    let transport = builder()
        .ca_pem(pki.ca_pem.clone())
        .http_proxy(&url)
        .https_proxy(&url)
        .build()
        .unwrap();
    for (target, method) in [
        ("http://ecs.invalid/", Method::POST),
        ("http://ecs.invalid/", Method::GET),
        ("https://ecs.invalid/", Method::POST),
    ] {
        let mut request = post(target);
        *request.method_mut() = method;
        let sending = fail(&transport, request);
        let error = tokio::time::timeout(Duration::from_secs(20), sending)
            .await
            .unwrap();
        assert_eq!(error.delivery(), Delivery::NotSent, "{target} {error:?}");
    }
    assert_eq!(proxy.requests(), 0);
}
