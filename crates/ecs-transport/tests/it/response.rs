//! Responses: complete, cut, too large or not HTTP; and the requests for them.

use std::net::Ipv6Addr;
use std::time::Duration;

use crate::common::{builder, fail, get, post, send, send_as, transport};
use bytes::Bytes;
use ecs_transport::testing::{Play, Signal, Tarpit};
use ecs_transport::{Attempt, Delivery, TransportErrorKind as Kind};
use http::{Method, Request, StatusCode};

async fn answering(response: impl Into<Bytes>) -> Tarpit {
    Tarpit::always(Play::new().read_request().send(response))
        .await
        .unwrap()
}

#[tokio::test]
async fn cut_bodies_are_errors_with_the_head() {
    for cut in [
        "HTTP/1.1 202 Accepted\r\nX-Request-Id: r-1\r\nContent-Length: 10\r\n\r\n{\"job",
        "HTTP/1.1 202 Accepted\r\nX-Request-Id: r-1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"job\r\n",
        "HTTP/1.1 202 Accepted\r\nX-Request-Id: r-1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"",
    ] {
        let server = answering(cut).await;
        let error = fail(&transport(), post(server.url())).await;
        assert_eq!(
            (error.kind(), error.delivery()),
            (Kind::BodyCut, Delivery::MaybeSent),
            "{cut}"
        );
        let (status, headers) = error.head().unwrap();
        assert_eq!(
            (status, &headers["x-request-id"]),
            (StatusCode::ACCEPTED, &"r-1".parse().unwrap())
        );
        assert_eq!(server.requests(), 1);
    }
}

#[tokio::test]
async fn reset_bodies_are_cut() {
    let seen = Signal::new();
    let play = Play::new()
        .read_request()
        .send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        .wait_for(&seen)
        .reset();
    let server = Tarpit::always(play).await.unwrap();
    let giving = seen.clone();
    tokio::spawn(async move {
        // A reset overtakes bytes that are not read yet.
        tokio::time::sleep(Duration::from_millis(300)).await;
        giving.give();
    });
    let error = fail(&transport(), get(server.url())).await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::BodyCut, Delivery::MaybeSent)
    );
    assert_eq!(error.head().unwrap().0, StatusCode::OK);
}

#[tokio::test]
async fn timeout_in_the_body_keeps_the_head() {
    let play = Play::new()
        .read_request()
        .send("HTTP/1.1 200 OK\r\nX-Request-Id: r-1\r\nContent-Length: 10\r\n\r\nabc")
        .hang();
    let server = Tarpit::always(play).await.unwrap();
    let attempt = Attempt::first().with_timeout(Duration::from_millis(1500));
    let error = send_as(&transport(), get(server.url()), attempt)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Timeout, Delivery::MaybeSent)
    );
    assert_eq!(error.head().unwrap().1["x-request-id"], "r-1");
}

#[tokio::test]
async fn invalid_http_is_a_protocol_error() {
    for garbage in [
        "SSH-2.0-OpenSSH_9.9\r\n",
        "HTTP/1.1 two hundred\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        "\0\0\0\0\0\0\0\0",
    ] {
        let server = answering(garbage).await;
        let error = fail(&transport(), post(server.url())).await;
        assert_eq!(
            (error.kind(), error.delivery()),
            (Kind::Protocol, Delivery::MaybeSent),
            "{garbage}"
        );
        assert!(error.head().is_none());
    }
    let server = answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").await;
    let error = fail(&transport(), post(server.url())).await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Protocol, Delivery::MaybeSent)
    );
    assert_eq!(error.head().unwrap().0, StatusCode::OK);
}

#[tokio::test]
async fn informational_heads_are_skipped() {
    let server = answering(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    let response = send(&transport(), post(server.url())).await.unwrap();
    assert_eq!(
        (response.status(), &response.body()[..]),
        (StatusCode::OK, &b"ok"[..])
    );
}

#[tokio::test]
async fn chunked_and_close_delimited_bodies_are_read_completely() {
    for response in [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nabc",
    ] {
        let server = answering(response).await;
        assert_eq!(
            send(&transport(), get(server.url())).await.unwrap().body(),
            "abc"
        );
    }
}

#[tokio::test]
async fn bodies_are_accepted_up_to_the_limit() {
    let transport = builder().response_limit(1000).build().unwrap();
    let server = Tarpit::always(Play::new().reply(StatusCode::OK, vec![b'x'; 1000]))
        .await
        .unwrap();
    assert_eq!(
        send(&transport, get(server.url()))
            .await
            .unwrap()
            .body()
            .len(),
        1000
    );

    let server = Tarpit::always(Play::new().reply(StatusCode::OK, vec![b'x'; 1001]))
        .await
        .unwrap();
    let error = fail(&transport, get(server.url())).await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::TooLarge, Delivery::MaybeSent)
    );
    assert!(error.to_string().contains("1000"), "{error}");
}

#[tokio::test]
async fn announced_length_over_the_limit_is_refused_at_once() {
    // The body never arrives, so the head alone decides.
    let play = Play::new()
        .read_request()
        .send("HTTP/1.1 200 OK\r\nX-Request-Id: r-1\r\nContent-Length: 99999999999\r\n\r\n")
        .hang();
    let server = Tarpit::always(play).await.unwrap();
    let error = fail(&transport(), get(server.url())).await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::TooLarge, Delivery::MaybeSent)
    );
    assert_eq!(error.head().unwrap().1["x-request-id"], "r-1");
}

#[tokio::test]
async fn unannounced_floods_end_at_the_limit() {
    let chunk = "10000\r\n".to_owned() + &"x".repeat(0x10000) + "\r\n";
    for (head, flood) in [
        ("HTTP/1.1 200 OK\r\n\r\n", "x".repeat(0x10000)),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            chunk,
        ),
    ] {
        let play = Play::new().read_request().send(head).send_forever(flood);
        let server = Tarpit::always(play).await.unwrap();
        let error = fail(&transport(), get(server.url())).await;
        assert_eq!(
            (error.kind(), error.delivery()),
            (Kind::TooLarge, Delivery::MaybeSent)
        );
        assert_eq!(error.head().unwrap().0, StatusCode::OK);
    }
}

/// Concurrent floods must not fill the memory: beyond their first MiB, responses are read one at a
/// time.
#[tokio::test]
async fn large_bodies_are_read_one_at_a_time_and_small_ones_at_any_time() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 3145728\r\n\r\n";
    let proceed = Signal::new();
    let slow = Play::new()
        .read_request()
        .send(head)
        .send(vec![b'x'; 2 << 20])
        .wait_for(&proceed)
        .send(vec![b'x'; 1 << 20]);
    let slow = Tarpit::always(slow).await.unwrap();
    let large = answering(head.to_owned() + &"x".repeat(3 << 20)).await;
    let small = Tarpit::always(Play::new().reply(StatusCode::OK, vec![b'x'; 1 << 20]))
        .await
        .unwrap();
    let transport = transport();
    let (first, request) = (transport.clone(), get(slow.url()));
    let first = tokio::spawn(async move { send(&first, request).await });
    let waits = async {
        // It waits as soon as the first response has grown beyond its first MiB.
        loop {
            let attempt = Attempt::first().with_timeout(Duration::from_millis(500));
            match send_as(&transport, get(large.url()), attempt).await {
                Ok(response) => assert_eq!(response.body().len(), 3 << 20),
                Err(error) => return assert_eq!(error.kind(), Kind::Timeout),
            }
        }
    };
    let waits = tokio::time::timeout(Duration::from_secs(30), waits).await;
    waits.expect("large bodies are read side by side");
    let passes = send(&transport, get(small.url())).await.unwrap();
    assert_eq!(passes.body().len(), 1 << 20);
    proceed.give();
    assert_eq!(first.await.unwrap().unwrap().body().len(), 3 << 20);
    let in_turn = send(&transport, get(large.url())).await.unwrap();
    assert_eq!(in_turn.body().len(), 3 << 20);
}

#[tokio::test]
async fn endless_heads_are_refused() {
    let play = Play::new()
        .read_request()
        .send("HTTP/1.1 200 OK\r\nX-Long: ")
        .send_forever("x".repeat(0x10000));
    let server = Tarpit::always(play).await.unwrap();
    let error = fail(&transport(), get(server.url())).await;
    assert_eq!(
        (error.kind(), error.delivery()),
        (Kind::Protocol, Delivery::MaybeSent)
    );
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Tarpit::always(Play::new().reply(StatusCode::OK, ""))
        .await
        .unwrap();
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let server = answering(format!(
            "HTTP/1.1 {status}\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
            elsewhere.url()
        ))
        .await;
        let response = send(&transport(), post(server.url())).await.unwrap();
        assert!(response.status().is_redirection());
        assert_eq!(response.headers()["location"], elsewhere.url());
        assert_eq!(server.requests(), 1);
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn requests_arrive_unchanged_with_host_and_length() {
    let server = Tarpit::always(Play::new().reply(StatusCode::OK, ""))
        .await
        .unwrap();
    let request = Request::post(format!("{}/v1/p%20q/action?a=b%26c", server.url()))
        .header("X-Auth-Token", "t0k3n")
        .body(Bytes::from_static(b"{}"))
        .unwrap();
    send(&transport(), request).await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!(
        (seen.method(), seen.uri()),
        (&Method::POST, &"/v1/p%20q/action?a=b%26c".parse().unwrap())
    );
    assert_eq!(seen.body(), "{}");
    let mut headers: Vec<_> = seen
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    headers.sort_unstable();
    let host = server.address().to_string();
    assert_eq!(
        headers,
        [
            ("content-length", "2"),
            ("host", &*host),
            ("x-auth-token", "t0k3n")
        ]
    );
}

#[tokio::test]
async fn signed_host_headers_are_kept() {
    let server = Tarpit::always(Play::new().reply(StatusCode::OK, ""))
        .await
        .unwrap();
    let mut request = get(server.url());
    request
        .headers_mut()
        .insert("host", "ecs.example".parse().unwrap());
    send(&transport(), request).await.unwrap();
    assert_eq!(server.seen()[0].headers()["host"], "ecs.example");
}

#[tokio::test]
async fn ipv6_addresses_are_hosts() {
    let Ok(server) = Tarpit::start_at(
        (Ipv6Addr::LOCALHOST, 0).into(),
        [Play::new().reply(StatusCode::OK, "six")],
    )
    .await
    else {
        return; // this machine has no IPv6
    };
    assert!(server.url().starts_with("http://[::1]:"));
    assert_eq!(
        send(&transport(), get(server.url())).await.unwrap().body(),
        "six"
    );
    assert_eq!(
        server.seen()[0].headers()["host"],
        server.address().to_string()
    );
}
