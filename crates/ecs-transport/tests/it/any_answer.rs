//! Whatever a server answers, nothing panics, and a request that it read is never reported as
//! unsent.

use crate::common::{builder, post, send};
use ecs_transport::testing::{Play, Tarpit};
use ecs_transport::{Delivery, TransportErrorKind as Kind};
use proptest::prelude::*;

/// Generates bytes that resemble HTTP to a varying degree.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let head = prop::sample::select(vec![
        "",
        "HTTP/1.1 ",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.0 500 Oh\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 3\r\n\r\n",
    ]);
    (head, prop::collection::vec(any::<u8>(), 0..200))
        .prop_map(|(head, rest)| [head.as_bytes(), &rest].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_panics_and_never_claims_that_nothing_was_sent(answer in answers(), resets: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let play = Play::new().read_request().send(answer);
            let server = Tarpit::always(if resets { play.reset() } else { play }).await.unwrap();
            let transport = builder().response_limit(100).build().unwrap();
            match send(&transport, post(server.url())).await {
                Ok(response) => assert!(response.body().len() <= 100),
                Err(error) => {
                    assert_eq!(error.delivery(), Delivery::MaybeSent, "{error:?}");
                    assert!(
                        matches!(error.kind(), Kind::Closed | Kind::BodyCut | Kind::Protocol | Kind::TooLarge),
                        "{error:?}"
                    );
                }
            }
            assert_eq!((server.connections(), server.requests()), (1, 1));
        });
    }
}
