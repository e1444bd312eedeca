use bytes::BytesMut;
use http::Request;

use super::read_request;

async fn read(mut wire: &[u8]) -> std::io::Result<Option<Request<bytes::Bytes>>> {
    read_request(&mut wire, &mut BytesMut::new()).await
}

#[tokio::test]
async fn bodies_with_a_length_or_chunks_are_read_completely() {
    let request = read(b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (request.uri().path(), &request.body()[..]),
        ("/a", &b"abc"[..])
    );

    let request = read(
        b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
    )
    .await
    .unwrap()
    .unwrap();
    assert_eq!(request.body(), "abc");
}

#[tokio::test]
async fn incomplete_requests_are_none() {
    for part in [
        "",
        "POST /a HT",
        "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nab",
        "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n",
    ] {
        assert!(read(part.as_bytes()).await.unwrap().is_none(), "{part}");
    }
}

#[tokio::test]
async fn invalid_http_is_an_error() {
    for bad in [
        "\x16\x03\x01\x02\x00",
        "POST /a HTTP/1.1\r\nContent-Length: -3\r\n\r\nab",
        "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffff\r\n",
    ] {
        assert!(read(bad.as_bytes()).await.is_err(), "{bad}");
    }
}
