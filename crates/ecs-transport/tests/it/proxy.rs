//! Proxies: what they see, and the delivery when they refuse.

use std::process::Command;

use crate::common::{
    TlsServer, builder, closed_port, fail, get, let_time_run_out, pki, pki_of, post, send,
};
use bytes::Bytes;
use ecs_transport::testing::{Play, Tarpit};
use ecs_transport::{BuildErrorKind, Delivery, HyperTransport, TransportErrorKind as Kind};
use http::StatusCode;
use rustls::version::TLS13;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn http_goes_through_a_forward_proxy_with_its_whole_uri() {
    let proxy = Tarpit::always(Play::new().reply(StatusCode::OK, "from the proxy"))
        .await
        .unwrap();
    let url = format!("http://user:hunter2@{}", proxy.address());
    let transport = builder().http_proxy(url).build().unwrap();
    let response = send(&transport, post("http://ecs.invalid/v1?a=b"))
        .await
        .unwrap();
    assert_eq!(response.body(), "from the proxy");
    let seen = &proxy.seen()[0];
    assert_eq!(seen.uri(), "http://ecs.invalid/v1?a=b");
    assert_eq!(seen.headers()["host"], "ecs.invalid");
    assert_eq!(
        seen.headers()["proxy-authorization"],
        "Basic dXNlcjpodW50ZXIy"
    );
}

#[tokio::test]
async fn https_tunnels_show_only_the_address() {
    let pki = pki(&["localhost"]);
    let server = TlsServer::start(&pki, &[&TLS13]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap();
    let port = server.port;
    let tunnel = tokio::spawn(tunnel(listener, port));
    let transport = builder()
        .ca_pem(pki.ca_pem.clone())
        .https_proxy(format!("http://user:hunter2@{proxy}"))
        .build()
        .unwrap();
    let mut request = post(format!("https://localhost:{port}/secret"));
    request
        .headers_mut()
        .insert("x-auth-token", "t0k3n".parse().unwrap());
    assert_eq!(
        send(&transport, request).await.unwrap().status(),
        StatusCode::OK
    );
    assert_eq!(server.requests(), 1);

    drop(transport);
    let asked = tunnel.await.unwrap();
    assert!(
        asked.starts_with(&format!("CONNECT localhost:{port} HTTP/1.1\r\n")),
        "{asked}"
    );
    assert!(
        asked.contains("Proxy-Authorization: Basic dXNlcjpodW50ZXIy\r\n"),
        "{asked}"
    );
    assert!(
        !asked.contains("secret") && !asked.contains("t0k3n"),
        "{asked}"
    );
}

#[tokio::test]
async fn a_proxy_can_itself_be_reached_over_tls() {
    let pki = pki(&["localhost"]);
    let proxy = TlsServer::start(&pki, &[&TLS13]).await;
    let transport = builder()
        .ca_pem(pki.ca_pem.clone())
        .http_proxy(format!("https://localhost:{}", proxy.port))
        .build()
        .unwrap();
    let response = send(&transport, get("http://ecs.invalid/")).await.unwrap();
    assert_eq!(response.headers()["x-tls"], "TLSv1_3");
    assert_eq!(proxy.requests(), 1);
}

#[tokio::test]
async fn proxy_without_a_tunnel_is_sent_nothing() {
    for (play, expected) in [
        (
            Play::new().read_request().send("SSH-2.0-OpenSSH_9.9\r\n"),
            "not HTTP",
        ),
        (Play::new().read_request().reset(), "on the way to"),
        (Play::new().read_request(), "without an answer"),
        (Play::new(), "on the way to"),
        (
            Play::new()
                .read_request()
                .send("HTTP/1.1 200 Connection established\r\n\r\n"),
            "opened a tunnel",
        ),
        (
            Play::new()
                .read_request()
                .send("HTTP/1.1 200 OK\r\n\r\n")
                .read_byte()
                .reset(),
            "opened a tunnel",
        ),
    ] {
        let proxy = Tarpit::always(play).await.unwrap();
        let error = fail_through(&proxy).await;
        assert_eq!(
            (error.kind(), error.delivery()),
            (Kind::Proxy, Delivery::NotSent),
            "{error:?}"
        );
        assert!(!error.kind().is_permanent());
        assert!(error.to_string().contains(expected), "{error}");
    }
}

/// Returns the error of a request through a tunnel of this proxy. It names both ends and never the
/// password.
async fn fail_through(proxy: &Tarpit) -> ecs_transport::TransportError {
    let url = format!("http://user:hunter2@{}", proxy.address());
    let transport = builder()
        .ca_pem(pki(&[]).ca_pem)
        .https_proxy(url)
        .build()
        .unwrap();
    let error = fail(&transport, post("https://ecs.invalid/")).await;
    let (address, shown) = (proxy.address().to_string(), error.to_string());
    assert!(shown.contains(&address), "{shown}");
    assert!(shown.contains("ecs.invalid:443"), "{shown}");
    let debug = format!("{error:?}");
    assert!(!shown.contains("hunter2") && !debug.contains("hunter2"));
    error
}

#[tokio::test]
async fn a_refused_tunnel_names_the_status() {
    for (answer, permanent, expected) in [
        ("403 Forbidden", true, "answered 403 Forbidden"),
        (
            "407 Proxy Authentication Required",
            true,
            "user name and password",
        ),
        (
            "302 Found\r\nLocation: http://login.example/",
            true,
            "302 Found (Location: http://login.example/)",
        ),
        ("204 No Content", true, "answered 204 No Content"),
        (
            "429 Too Many Requests",
            false,
            "answered 429 Too Many Requests",
        ),
        ("502 Bad Gateway", false, "answered 502 Bad Gateway"),
        (
            "503 Service Unavailable\r\nX-Squid-Error: ERR_CONNECT_FAIL 111",
            false,
            "(X-Squid-Error: ERR_CONNECT_FAIL 111)",
        ),
        ("599 Odd", false, "answered 599"),
    ] {
        let play = Play::new()
            .read_request()
            .send(format!("HTTP/1.1 {answer}\r\n\r\n"));
        let proxy = Tarpit::always(play).await.unwrap();
        let error = fail_through(&proxy).await;
        let Kind::ProxyRefused { status } = error.kind() else {
            panic!("{error:?}");
        };
        assert_eq!(error.delivery(), Delivery::NotSent);
        assert!(answer.starts_with(&status.to_string()), "{error}");
        assert_eq!(error.kind().is_permanent(), permanent, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_certificate_seen_through_a_tunnel_names_the_proxy() {
    // An intercepting proxy shows a certificate of its own authority.
    let server = TlsServer::start(&pki(&["localhost"]), &[&TLS13]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap();
    let port = server.port;
    tokio::spawn(tunnel(listener, port));
    let transport = builder()
        .ca_pem(pki_of("Another", &[]).ca_pem)
        .https_proxy(format!("http://{proxy}"))
        .build()
        .unwrap();
    let error = fail(&transport, post(format!("https://localhost:{port}/"))).await;
    assert_eq!(error.kind(), Kind::UnknownIssuer);
    let through = format!("through the proxy {proxy}");
    assert!(error.to_string().contains(&through), "{error}");
}

/// Accepts one connection, opens the requested tunnel, and returns the request for it.
async fn tunnel(listener: TcpListener, port: u16) -> String {
    let (mut client, _) = listener.accept().await.unwrap();
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") {
        client.read_buf(&mut asked).await.unwrap();
    }
    let mut upstream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    client
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await
        .unwrap();
    let _ = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
    String::from_utf8(asked).unwrap()
}

#[tokio::test]
async fn silent_proxy_is_sent_nothing() {
    let proxy = Tarpit::always(Play::new().read_request().hang())
        .await
        .unwrap();
    let transport = builder()
        .ca_pem(pki(&[]).ca_pem)
        .https_proxy(proxy.url())
        .build()
        .unwrap();
    let failing = tokio::spawn(async move { fail(&transport, post("https://ecs.invalid/")).await });
    proxy.wait_for_requests(1).await;
    let_time_run_out().await;
    assert!(failing.await.unwrap().is_not_sent());
}

#[tokio::test]
async fn unreachable_proxy_is_sent_nothing() {
    let proxy = closed_port();
    for url in [format!("http://{proxy}"), format!("https://{proxy}")] {
        let transport = builder()
            .ca_pem(pki(&[]).ca_pem)
            .http_proxy(&url)
            .https_proxy(&url)
            .build()
            .unwrap();
        for target in ["http://ecs.invalid/", "https://ecs.invalid/"] {
            let error = fail(&transport, post(target)).await;
            assert_eq!(
                (error.kind(), error.delivery()),
                (Kind::Proxy, Delivery::NotSent)
            );
        }
    }
}

#[tokio::test]
async fn unsupported_proxies_are_refused() {
    let server = Tarpit::always(Play::new().reply(StatusCode::OK, ""))
        .await
        .unwrap();
    let transport = builder()
        .http_proxy("socks5://127.0.0.1:1080")
        .build()
        .unwrap();
    let error = fail(&transport, post(server.url())).await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Proxy, Delivery::NotSent)
    );
    assert!(error.to_string().contains("only http and https"), "{error}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn exceptions_are_reached_directly() {
    let proxy = Tarpit::always(Play::new().reply(StatusCode::BAD_GATEWAY, ""))
        .await
        .unwrap();
    let server = Tarpit::always(Play::new().reply(StatusCode::OK, ""))
        .await
        .unwrap();
    let url = format!("http://user:hunter2@{}", proxy.address());
    let by_name = server.url().replace("127.0.0.1", "localhost");
    for (hosts, url_of_server) in [
        ("127.0.0.1", server.url()),
        ("ecs.example, 127.0.0.0/8", server.url()),
        ("localhost", by_name.clone()),
        (".localhost", by_name.clone()),
        ("*", server.url()),
        ("*", by_name),
    ] {
        let transport = builder()
            .http_proxy(&url)
            .proxy_exceptions(hosts)
            .build()
            .unwrap();
        let response = send(&transport, get(url_of_server)).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{hosts}");
        if hosts != "*" {
            let other = send(&transport, get("http://10.0.0.1/")).await.unwrap();
            assert_eq!(other.status(), StatusCode::BAD_GATEWAY, "{hosts}");
        }
    }
    assert_eq!((proxy.requests(), server.requests()), (4, 6));
    for request in server.seen() {
        assert!(!request.headers().contains_key("proxy-authorization"));
        assert_eq!(request.uri(), "/");
    }
}

#[test]
fn invalid_proxies_are_refused_without_repeating_them() {
    for url in [
        "",
        "http://",
        "user:hunter2@proxy example",
        "ftp://user:hunter2@proxy.example",
    ] {
        for builder in [builder().http_proxy(url), builder().https_proxy(url)] {
            let error = builder.build().unwrap_err();
            assert_eq!(error.kind(), BuildErrorKind::Proxy, "{url}");
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }
}

#[test]
fn debug_shows_no_credentials() {
    let url = "http://user:hunter2@proxy.example:3128";
    let builder = builder().http_proxy(url).https_proxy(url);
    assert!(!format!("{builder:?}").contains("hunter2"));
    assert!(!format!("{:#?}", builder.build().unwrap()).contains("hunter2"));
}

/// The environment belongs to the whole process, so the transport that reads it runs in another
/// one: this test binary, started again with the next test alone.
async fn run_with_environment(variables: &[(&'static str, String)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "proxy::sends_with_its_environment"]);
    for name in [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "REQUEST_METHOD",
    ] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.envs(variables.iter().cloned());
    let status = tokio::task::spawn_blocking(move || command.status())
        .await
        .unwrap();
    assert!(status.unwrap().success());
}

#[tokio::test]
#[ignore = "needs the environment that run_with_environment gives it"]
async fn sends_with_its_environment() {
    let url = std::env::var("ECS_TEST_URL").unwrap();
    let mut builder = HyperTransport::builder().native_roots(false);
    if std::env::var_os("ECS_TEST_NO_PROXY").is_some() {
        builder = builder.no_proxy();
    }
    let response = send(&builder.build().unwrap(), get(url)).await.unwrap();
    assert_eq!(
        response.body(),
        &Bytes::from(std::env::var("ECS_TEST_ANSWER").unwrap())
    );
}

#[tokio::test]
async fn environment_sets_the_proxy_by_default() {
    let proxy = Tarpit::always(Play::new().reply(StatusCode::OK, "proxy"))
        .await
        .unwrap();
    let server = Tarpit::always(Play::new().reply(StatusCode::OK, "server"))
        .await
        .unwrap();
    let environment = |url: &str, answer: &str| {
        vec![
            ("HTTP_PROXY", proxy.url()),
            ("ECS_TEST_URL", url.to_owned()),
            ("ECS_TEST_ANSWER", answer.to_owned()),
        ]
    };
    run_with_environment(&environment("http://ecs.invalid/a", "proxy")).await;
    assert_eq!(proxy.seen()[0].uri(), "http://ecs.invalid/a");

    let mut excepted = environment(&server.url(), "server");
    excepted.push(("NO_PROXY", "127.0.0.1".to_owned()));
    run_with_environment(&excepted).await;

    let mut switched_off = environment(&server.url(), "server");
    switched_off.push(("ECS_TEST_NO_PROXY", "1".to_owned()));
    run_with_environment(&switched_off).await;
    assert_eq!((proxy.requests(), server.requests()), (1, 2));
}
