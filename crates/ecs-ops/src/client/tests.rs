use std::collections::HashSet;

use http::Request;
use serde_json::json;

use crate::ErrorKind;
use crate::scripted::{Does, ids, service};

fn asked_page(request: &Request<bytes::Bytes>) -> usize {
    let query = request.uri().query().unwrap();
    let offset = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("offset="));
    // A service that knows no markers answers them with its first page.
    offset.map_or(1, |offset| offset.parse().unwrap())
}

/// All servers are found, whatever size of page the service allows, and whether it counts them or repeats its last page.
#[tokio::test(start_paused = true)]
async fn every_page_of_the_list() {
    for (servers, allows) in [
        (0, 200),
        (1, 200),
        (199, 200),
        (200, 200),
        (201, 200),
        (450, 50),
    ] {
        for (counts, repeats) in [(true, false), (false, false), (true, true)] {
            let (builder, seen) = service(move |request, _| {
                let pages: Vec<Vec<_>> = ids(servers).chunks(allows).map(<[_]>::to_vec).collect();
                let page = asked_page(request) - 1;
                let page = if repeats {
                    page.min(pages.len().saturating_sub(1))
                } else {
                    page
                };
                let page = pages.get(page).cloned().unwrap_or_default();
                let page: Vec<_> = page.iter().map(|id| json!({"id": id})).collect();
                let mut body = json!({"servers": page});
                if counts {
                    body["count"] = json!(servers);
                }
                Does::Says(200, body.to_string(), Vec::new())
            });
            let found = builder.build().unwrap().servers().await.unwrap();
            let found: HashSet<_> = found.into_iter().map(|server| server.id.unwrap()).collect();
            assert_eq!(found, ids(servers).into_iter().collect());
            let pages = usize::try_from(servers).unwrap().div_ceil(allows);
            assert!(seen.count(http::Method::GET) <= pages + 2);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_without_an_id_is_not_left_out_in_silence() {
    let (builder, _) = service(|_, _| Does::Answer(200, r#"{"servers":[{"name":"web-1"}]}"#));
    let error = builder.build().unwrap().servers().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(
        error.to_string().contains("without a readable id"),
        "{error}"
    );
}
