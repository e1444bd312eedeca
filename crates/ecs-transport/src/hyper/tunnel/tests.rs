use http::StatusCode;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{NoTunnel, open};

/// Opens a tunnel through a proxy with this answer, and reads the bytes after it.
async fn answered(answer: &[u8]) -> (Result<(), NoTunnel>, Vec<u8>) {
    let (mut client, mut proxy) = tokio::io::duplex(64 * 1024);
    let mut asked = vec![0; "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n".len()];
    let (opened, ()) = tokio::join!(open(&mut client, "a:1", None), async {
        proxy.read_exact(&mut asked).await.unwrap();
        proxy.write_all(answer).await.unwrap();
        proxy.shutdown().await.unwrap();
    });
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    (opened, rest)
}

#[tokio::test]
async fn bytes_after_the_head_belong_to_the_tunnel() {
    let (opened, rest) =
        answered(b"HTTP/1.1 200 Connection established\r\nA: b\r\n\r\nhello").await;
    opened.unwrap();
    assert_eq!(rest, b"hello");
}

#[tokio::test]
async fn refusals_have_a_status_and_a_reason() {
    for (answer, expected) in [
        (
            "HTTP/1.0 403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n\r\n",
            (403, Some("X-Squid-Error: ERR_ACCESS_DENIED 0")),
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://login.example/in?key=hunter2\r\n\r\n",
            (302, Some("Location: http://login.example/in")),
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\nLocation: /\r\n\r\n",
            (503, None),
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", (204, None)),
        ("HTTP/1.1 407\r\n\r\n", (407, None)),
    ] {
        let (opened, _) = answered(answer.as_bytes()).await;
        let Err(NoTunnel::Refused(status, reason)) = opened else {
            panic!("{answer}: {opened:?}");
        };
        assert_eq!((status.as_u16(), reason.as_deref()), expected);
    }
}

#[tokio::test]
async fn invalid_answers_differ_from_silence() {
    assert!(matches!(answered(b"").await.0, Err(NoTunnel::Closed)));
    let long = [b"HTTP/1.1 200 OK\r\nA: ".to_vec(), vec![b'a'; 20_000]].concat();
    for answer in [
        &b"SSH-2.0-OpenSSH_9.9\r\n"[..],
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 20",
        b"\0\n",
        &long,
    ] {
        assert!(
            matches!(answered(answer).await.0, Err(NoTunnel::NotHttp)),
            "{answer:?}"
        );
    }
}

proptest! {
    #[test]
    fn only_200_opens_a_tunnel(status in 100u16..=999, body in proptest::collection::vec(any::<u8>(), 0..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answer = [format!("HTTP/1.1 {status} Any\r\n\r\n").into_bytes(), body.clone()].concat();
        let (opened, rest) = runtime.block_on(answered(&answer));
        prop_assert_eq!(opened.is_ok(), status == 200);
        if let Err(NoTunnel::Refused(refused, _)) = opened {
            prop_assert_eq!(refused, StatusCode::from_u16(status).unwrap());
        }
        prop_assert_eq!(rest, body);
    }

    #[test]
    fn any_answer_is_judged_without_panic(answer in proptest::collection::vec(any::<u8>(), 0..200)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        prop_assert!(runtime.block_on(answered(&answer)).0.is_err());
    }
}
