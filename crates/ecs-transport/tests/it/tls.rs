//! Trust of the transport, on real sockets with generated certificates.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::{ServerSide, TlsServer, builder, fail, get, pki, pki_of, post, send};
use ecs_transport::testing::{Play, Tarpit};
use ecs_transport::{
    Attempt, BuildErrorKind, Delivery, HyperTransport, SendCheck, Transport as _,
    TransportErrorKind as Kind,
};
use http::StatusCode;
use rustls::version::{TLS12, TLS13};

#[tokio::test]
async fn given_authorities_are_trusted_from_text_and_file() {
    let pki = pki(&["localhost", "127.0.0.1"]);
    let server = TlsServer::start(&pki, &[&TLS13, &TLS12]).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &pki.ca_pem).unwrap();
    for builder in [
        builder().ca_pem(pki.ca_pem.clone()),
        builder().ca_file(file.path()),
    ] {
        let transport = builder.build().unwrap();
        for host in ["localhost", "127.0.0.1"] {
            let response = send(&transport, post(format!("https://{host}:{}/", server.port)))
                .await
                .unwrap();
            assert_eq!(
                (response.status(), &response.body()[..]),
                (StatusCode::OK, &b"ok"[..])
            );
            assert_eq!(response.headers()["x-tls"], "TLSv1_3");
        }
    }
    assert_eq!(server.requests(), 4);
}

#[tokio::test]
async fn given_authorities_are_added_to_those_of_the_machine() {
    let pki = pki(&["127.0.0.1"]);
    let server = TlsServer::start(&pki, &[&TLS13]).await;
    let transport = HyperTransport::builder()
        .no_proxy()
        .ca_pem(pki.ca_pem.clone())
        .build()
        .unwrap();
    send(
        &transport,
        get(format!("https://127.0.0.1:{}/", server.port)),
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn several_authorities_can_be_given_at_once() {
    let (one, other) = (pki(&["127.0.0.1"]), pki(&["127.0.0.1"]));
    let transport = builder()
        .ca_pem(format!("{}{}", one.ca_pem, other.ca_pem))
        .build()
        .unwrap();
    for pki in [one, other] {
        let server = TlsServer::start(&pki, &[&TLS13]).await;
        send(
            &transport,
            get(format!("https://127.0.0.1:{}/", server.port)),
        )
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn tls_1_2_is_spoken() {
    let pki = pki(&["127.0.0.1"]);
    let server = TlsServer::start(&pki, &[&TLS12]).await;
    let transport = builder().ca_pem(pki.ca_pem.clone()).build().unwrap();
    let response = send(
        &transport,
        get(format!("https://127.0.0.1:{}/", server.port)),
    )
    .await
    .unwrap();
    assert_eq!(response.headers()["x-tls"], "TLSv1_2");
}

#[tokio::test]
async fn unknown_authority_sends_nothing() {
    let server = TlsServer::start(&pki(&["127.0.0.1"]), &[&TLS13]).await;
    // An authority with its own name, and one with the same name.
    for authority in [pki_of("Another Authority", &[]), pki(&[])] {
        let transport = builder().ca_pem(authority.ca_pem).build().unwrap();
        let error = fail(
            &transport,
            post(format!("https://127.0.0.1:{}/", server.port)),
        )
        .await;
        assert_eq!(
            (error.kind(), error.delivery()),
            (Kind::UnknownIssuer, Delivery::NotSent)
        );
        assert!(error.to_string().contains("CA file"), "{error}");
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn wrong_host_name_sends_nothing() {
    let pki = pki(&["ecs.example"]);
    let server = TlsServer::start(&pki, &[&TLS13]).await;
    let transport = builder().ca_pem(pki.ca_pem.clone()).build().unwrap();
    let error = fail(
        &transport,
        post(format!("https://localhost:{}/", server.port)),
    )
    .await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Certificate, Delivery::NotSent)
    );
    assert!(error.to_string().contains("another host name"), "{error}");
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn server_without_tls_is_sent_nothing() {
    // Plain servers answer a handshake in their own way, or close.
    let answer = Play::new()
        .read_byte()
        .send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    for (play, kind, advice) in [
        (answer.hang(), Kind::TlsUnsupported, "http://"),
        (Play::new().read_byte(), Kind::Tls, "127.0.0.1"),
    ] {
        let server = Tarpit::always(play).await.unwrap();
        let transport = builder().ca_pem(pki(&[]).ca_pem).build().unwrap();
        let error = fail(&transport, post(format!("https://{}/", server.address()))).await;
        assert_eq!((error.kind(), error.delivery()), (kind, Delivery::NotSent));
        assert!(error.to_string().contains(advice), "{error}");
    }
}

#[tokio::test]
async fn client_without_roots_still_speaks_http() {
    let server = Tarpit::always(Play::new().reply(StatusCode::OK, ""))
        .await
        .unwrap();
    let transport = builder().build().unwrap();
    send(&transport, get(server.url())).await.unwrap();

    let error = fail(&transport, post(format!("https://{}/", server.address()))).await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::UnknownIssuer, Delivery::NotSent)
    );
    assert!(error.to_string().contains("give a CA file"), "{error}");
    assert_eq!(server.connections(), 1, "it did not even connect");
}

#[test]
fn unusable_authorities_are_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.pem");
    let error = builder().ca_file(&missing).build().unwrap_err();
    assert_eq!(error.kind(), BuildErrorKind::CaFile);
    assert!(error.to_string().contains("missing.pem"), "{error}");
    assert!(std::error::Error::source(&error).is_some());

    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let bad_base64 = "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n";
    let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let no_end = "-----BEGIN CERTIFICATE-----\nAAAA\n";
    for (content, message) in [
        (&b""[..], "is not PEM"),
        (b"\x30\x82\x01\x0a\xff", "is not PEM"),
        (key.as_bytes(), "holds no certificate"),
        (bad_base64.as_bytes(), "is not valid PEM"),
        (no_end.as_bytes(), "is not valid PEM"),
        (
            no_certificate.as_bytes(),
            "holds a certificate that cannot be used",
        ),
    ] {
        let file = directory.path().join("ca.pem");
        std::fs::write(&file, content).unwrap();
        for (builder, name) in [
            (builder().ca_file(&file), "ca.pem"),
            (builder().ca_pem(content), "the given"),
        ] {
            let error = builder.build().unwrap_err();
            assert_eq!(error.kind(), BuildErrorKind::CaCertificate, "{error}");
            assert!(
                error.to_string().contains(message) && error.to_string().contains(name),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn client_certificate_is_shown_on_demand() {
    let pki = pki(&["127.0.0.1"]);
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.pem");
    std::fs::write(&own, &pki.own_pem).unwrap();
    for version in [&TLS13, &TLS12] {
        let server = ServerSide::new(&pki)
            .versions(&[version])
            .demanding_certificates();
        let server = server.start().await;
        let builder = builder().ca_pem(pki.ca_pem.clone());
        let url = format!("https://127.0.0.1:{}/", server.port);
        let with = builder.clone().client_certificate(&own, &own);
        let response = send(&with.build().unwrap(), get(url.clone())).await;
        assert_eq!(response.unwrap().status(), StatusCode::OK);
        let error = fail(&builder.build().unwrap(), get(url)).await;
        assert_eq!(error.delivery(), Delivery::NotSent);
        assert_eq!(server.requests(), 1);
    }
    for (text, expected) in [("", "no certificate"), (&*pki.ca_pem, "no key")] {
        std::fs::write(&own, text).unwrap();
        let error = builder()
            .client_certificate(&own, &own)
            .build()
            .unwrap_err();
        assert_eq!(error.kind(), BuildErrorKind::ClientCertificate);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

/// Steps that take time, such as a handshake, may take too long: then the request is not sent.
#[tokio::test]
async fn requests_that_expire_in_the_handshake_are_not_sent() {
    let pki = pki(&["127.0.0.1"]);
    let server = TlsServer::start(&pki, &[&TLS13]).await;
    let transport = builder().ca_pem(pki.ca_pem.clone()).build().unwrap();
    for (stays_valid, requests) in [(false, 0), (true, 1)] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        let may_be_sent = Arc::new(AtomicBool::new(true));
        let (asked, upstream) = (Arc::clone(&may_be_sent), server.port);
        tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            // The connection is made, and the handshake has begun.
            client.readable().await.unwrap();
            asked.store(stays_valid, Ordering::SeqCst);
            let upstream = tokio::net::TcpStream::connect(("127.0.0.1", upstream)).await;
            let _ = tokio::io::copy_bidirectional(&mut client, &mut upstream.unwrap()).await;
        });
        let check = SendCheck::new(move || may_be_sent.load(Ordering::SeqCst));
        let attempt = Attempt::first().with_send_check(check);
        let sent = transport.send(post(url), &attempt).await;
        if stays_valid {
            assert_eq!(sent.unwrap().status(), StatusCode::OK);
        } else {
            let error = sent.unwrap_err();
            assert_eq!(error.kind(), Kind::Cancelled);
            assert!(error.is_not_sent());
            assert_eq!(attempt.mark().delivery(), Delivery::NotSent);
        }
        assert_eq!(server.requests(), requests);
    }
}
