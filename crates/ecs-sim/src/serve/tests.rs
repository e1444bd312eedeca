//! Tests of the server on real sockets.

use std::num::NonZeroU32;
use std::time::Duration;

use bytes::Bytes;
use ecs_model::{BatchRebootServers, Operation, RebootType};
use ecs_transport::{Attempt, HyperTransport, Transport, TransportErrorKind};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{REQUEST_LIMIT, Server, ServerBuilder, SimServer, Tls};
use crate::{Region, SimErrorKind};

fn builder() -> ServerBuilder {
    Server::builder(Region::builder().servers(3).build().unwrap())
}

fn request(server: &SimServer, operation: &impl Operation) -> http::Request<Bytes> {
    let info = server.info();
    let mut request = operation.encode(&info.project_id);
    let uri = format!("{}{}", info.listening, request.uri());
    *request.uri_mut() = uri.parse().unwrap();
    let token = info.token.expose_secret().parse().unwrap();
    request.headers_mut().insert("x-auth-token", token);
    request
}

fn reboot(server: &SimServer) -> BatchRebootServers {
    BatchRebootServers::new(RebootType::Soft, server.info().servers.clone()).unwrap()
}

fn client() -> ecs_transport::HyperTransportBuilder {
    HyperTransport::builder().native_roots(false).no_proxy()
}

#[tokio::test]
async fn restarts_work_over_http() {
    let server = SimServer::start(builder()).await.unwrap();
    let transport = client().build().unwrap();
    let operation = reboot(&server);
    let sent = request(&server, &operation);
    let (head, body) = transport
        .send(sent, &Attempt::first())
        .await
        .unwrap()
        .into_parts();
    let accepted = BatchRebootServers::decode(head.status, &head.headers, &body).unwrap();
    server.region().with(|region| {
        let entry = &region.accepted().entries()[0];
        assert_eq!(entry.job_id, accepted.job_id);
        assert_eq!(Some(&entry.request_id), accepted.request_id.as_ref());
        // The calendar started with the server.
        let age = jiff::Timestamp::now().duration_since(region.epoch());
        assert!(age.unsigned_abs() < Duration::from_secs(60), "{age}");
    });
    drop(transport);
    server.stop().await;
}

#[tokio::test]
async fn restarts_work_over_https_with_the_ca() {
    let tls = Tls::self_signed().unwrap();
    let ca = tls.ca_pem().unwrap().to_owned();
    let server = SimServer::start(builder().tls(tls)).await.unwrap();
    assert!(server.info().listening.starts_with("https://127.0.0.1:"));
    let knowing = client().ca_pem(ca).build().unwrap();
    for host in ["127.0.0.1", "localhost"] {
        let mut sent = request(
            &server,
            &ecs_model::ShowServer::new(server.info().servers[0]),
        );
        let uri = sent.uri().to_string().replace("127.0.0.1", host);
        *sent.uri_mut() = uri.parse().unwrap();
        let response = knowing.send(sent, &Attempt::first()).await.unwrap();
        assert_eq!(response.status(), 200);
    }
    let other = Tls::self_signed().unwrap();
    let untrusting = client().ca_pem(other.ca_pem().unwrap()).build().unwrap();
    let operation = reboot(&server);
    let sent = request(&server, &operation);
    let error = untrusting.send(sent, &Attempt::first()).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::UnknownIssuer);
    server
        .region()
        .with(|region| assert!(region.accepted().entries().is_empty()));
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let server = SimServer::start(builder()).await.unwrap();
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    for _ in 0..3 {
        stream
            .write_all(b"GET /v1/p/x HTTP/1.1\r\nhost: sim\r\n\r\n")
            .await
            .unwrap();
        let mut answer = vec![0; 4096];
        let read = stream.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    }
}

/// Sends bytes and reads to the end.
async fn exchange(server: &SimServer, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server may close before it has read everything.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let read = tokio::time::timeout(Duration::from_secs(20), read).await;
    let _ = read.expect("an answer, not silence");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn invalid_or_oversized_requests_affect_no_other_client() {
    let server = SimServer::start(builder()).await.unwrap();
    let answer = exchange(&server, "nonsense\r\n\r\n", b"").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");

    let length = REQUEST_LIMIT + 1;
    let head = format!(
        "POST /v1/p/cloudservers/action HTTP/1.1\r\nhost: sim\r\ncontent-length: {length}\r\n\r\n"
    );
    let answer = exchange(&server, &head, b"").await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("overLimit") && answer.contains("x-request-id"));

    // A body that ends too early: nothing is done. The next client is served.
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream
        .write_all(b"POST /v1/p/x HTTP/1.1\r\nhost: sim\r\ncontent-length: 9\r\n\r\n{")
        .await
        .unwrap();
    drop(stream);
    let head = "GET /v1/p/x HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n\r\n";
    let answer = exchange(&server, head, b"").await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}

#[tokio::test]
async fn a_shutdown_ends_idle_connections_and_the_listener() {
    let server = SimServer::start(builder()).await.unwrap();
    let address = server.address();
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /v1/p/x HTTP/1.1\r\nhost: sim\r\n\r\n")
        .await
        .unwrap();
    assert!(idle.read(&mut [0; 4096]).await.unwrap() > 0);
    server.stop().await;
    assert_eq!(idle.read(&mut [0; 16]).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn dropping_the_handle_ends_the_server() {
    let server = SimServer::start(builder()).await.unwrap();
    let address = server.address();
    let mut open = TcpStream::connect(address).await.unwrap();
    drop(server);
    // Ends when the aborted task is dropped, and with it the socket.
    assert_eq!(open.read(&mut [0; 16]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn the_first_line_has_its_fields_in_order() {
    let server = builder()
        .speed(NonZeroU32::new(60).unwrap())
        .bind()
        .await
        .unwrap();
    let info = server.info().with_ca_file("/tmp/ca.pem");
    let line = info.to_line();
    let names = [
        "listening",
        "project_id",
        "region",
        "access_key",
        "secret_key",
        "token",
        "user",
        "password",
        "domain",
        "servers",
        "speed",
        "ca_file",
        "user_id",
        "domain_id",
        "agency",
    ];
    let places: Vec<_> = names
        .iter()
        .map(|name| line.find(&format!("\"{name}\":")).unwrap())
        .collect();
    assert!(places.is_sorted(), "{line}");
    let value: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value.as_object().unwrap().len(), names.len());
    assert_eq!(value["servers"].as_array().unwrap().len(), 3);
    assert_eq!(value["token"], info.token.expose_secret());
    assert_eq!(value["speed"], 60);
    assert!(server.info().to_line().find("ca_file").is_none());
}

#[tokio::test]
async fn debug_masks_every_secret() {
    let tls = Tls::self_signed().unwrap();
    let mut shown = format!("{tls:?}");
    let region = Region::builder()
        .token("token-of-mine")
        .access_key("AK1", "secret-key-of-mine")
        .passcode("passcode-of-mine");
    shown += &format!("{region:?}");
    let mut region = region.build().unwrap();
    let keys = http::Request::get("/openstack/latest/securitykey").body(Bytes::new());
    let keys = region.handle(&keys.unwrap(), Duration::ZERO).into_body();
    let keys: Value = serde_json::from_slice(&keys).unwrap();
    let identity = region.identity().clone();
    shown += &format!("{identity:?} {region:?}");
    let server = Server::builder(region);
    shown += &format!("{server:?}");
    let server = server.bind().await.unwrap();
    shown += &format!("{server:?} {:?}", server.info());
    let server = SimServer::start(builder()).await.unwrap();
    shown += &format!(
        "{server:?} {:?}",
        crate::SimTransport::new(server.region().clone())
    );
    for info in [server.info().clone()] {
        for secret in [&info.token, &info.secret_key, &info.password] {
            assert!(!shown.contains(secret.expose_secret()));
        }
    }
    for secret in [&identity.token, &identity.secret_key, &identity.password] {
        assert!(!shown.contains(secret.expose_secret()));
    }
    for name in ["secret", "securitytoken"] {
        assert!(!shown.contains(keys["credential"][name].as_str().unwrap()));
    }
    assert!(!shown.contains("of-mine"), "{shown}");
    assert!(!shown.contains("PRIVATE KEY"));
    assert!(shown.contains("REDACTED"));
}

#[tokio::test]
async fn setup_errors_are_explained() {
    let taken = builder().bind().await.unwrap();
    let error = builder()
        .listen(taken.address().to_string())
        .bind()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), SimErrorKind::Bind);
    assert!(error.to_string().contains(&taken.address().to_string()));
    assert!(std::error::Error::source(&error).is_some());

    for (chain, key) in [("", ""), ("not PEM", "not PEM")] {
        assert_eq!(
            Tls::from_pem(chain, key).unwrap_err().kind(),
            SimErrorKind::Tls
        );
    }
    let (one, other) = (Tls::self_signed().unwrap(), Tls::self_signed().unwrap());
    assert!(Tls::from_pem(one.chain.clone(), one.key.clone()).is_ok());
    assert_eq!(
        Tls::from_pem(one.chain, other.key).unwrap_err().kind(),
        SimErrorKind::Tls
    );
}
