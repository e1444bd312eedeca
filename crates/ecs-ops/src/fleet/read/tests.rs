//! Lists of the simulated region, with its quirks.

use ecs_auth::{Credentials, StaticCredentials};
use ecs_model::ServerId;
use ecs_sim::{ListQuirk, Region, RegionBuilder, SimTransport};
use secrecy::ExposeSecret;

use std::collections::HashSet;

use serde_json::json;

use super::*;
use crate::scripted::{Script, ids, service};

/// A client of a region, with its knowledge of the place.
pub(in crate::fleet) fn client(region: RegionBuilder) -> (crate::Client, Vec<ServerId>) {
    let region = region.build().unwrap();
    let ids = region.servers().collect();
    let identity = region.identity().clone();
    let token = Credentials::token(identity.token.expose_secret()).unwrap();
    let client = crate::Client::builder("https://sim.test".parse().unwrap(), identity.project_id)
        .credentials(StaticCredentials::new(token))
        .transport(SimTransport::new(region))
        .seed(1)
        .build()
        .unwrap();
    (client, ids)
}

async fn listed(servers: usize, quirks: &[ListQuirk]) -> Result<Vec<ServerId>, String> {
    let mut region = Region::builder().servers(servers);
    for quirk in quirks {
        region = region.list_quirk(*quirk);
    }
    let (client, ids) = client(region);
    let found = client.servers().await.map_err(|error| {
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        error.to_string()
    })?;
    let found: Vec<_> = found.into_iter().filter_map(|server| server.id).collect();
    let hidden = ids.len() - found.len();
    // Those that vanish or come are at the beginning.
    let known = found.len().min(ids.len() - hidden);
    assert_eq!(found[found.len() - known..], ids[ids.len() - known..]);
    Ok(found)
}

#[tokio::test(start_paused = true)]
async fn a_list_is_whole_whatever_the_service_does_not_know() {
    for quirks in [
        &[][..],
        &[ListQuirk::IgnoresMarker],
        &[ListQuirk::RefusesMarker],
        &[ListQuirk::IgnoresMarker, ListQuirk::SmallPages(30)],
        &[ListQuirk::IgnoresMarker, ListQuirk::CapsPages(30)],
        &[ListQuirk::CapsPages(30)],
        &[ListQuirk::NoCount],
        &[ListQuirk::CountOff(-7)],
        &[ListQuirk::RepeatsLastPage],
        &[ListQuirk::IgnoresEverything],
    ] {
        for servers in [0, 1, 199, 200, 201, 450] {
            let found = listed(servers, quirks).await;
            assert_eq!(found.map(|found| found.len()), Ok(servers), "{quirks:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_shifts_is_begun_anew_until_it_holds_still() {
    let number = ListQuirk::IgnoresMarker;
    // In the second try nothing moves any more.
    let shrunk = listed(450, &[number, ListQuirk::Shrinks(2)]).await.unwrap();
    assert_eq!(shrunk.len(), 448);
    let grown = listed(450, &[number, ListQuirk::Grows(2)]).await.unwrap();
    assert_eq!(grown.len(), 450);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_whole_is_refused() {
    for (quirks, expected) in [
        (
            &[ListQuirk::IgnoresMarker, ListQuirk::Shrinks(usize::MAX)][..],
            "its count changed from",
        ),
        (
            &[ListQuirk::IgnoresPages],
            "the service repeats pages: 200 of 450 were found (tried 3 times)",
        ),
        (
            &[ListQuirk::IgnoresPages, ListQuirk::NoCount],
            "gives no count: 200 were found",
        ),
        (
            &[ListQuirk::CountOff(1)],
            "it ended after 450, and its count is 451",
        ),
    ] {
        let error = listed(450, quirks).await.unwrap_err();
        assert!(
            error.starts_with("the list of servers is not whole: "),
            "{error}"
        );
        assert!(error.contains(expected), "{quirks:?}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_without_checks_takes_each_page_as_it_is() {
    let region = Region::builder()
        .servers(450)
        .list_quirk(ListQuirk::CountOff(1));
    let (client, ids) = client(region);
    assert_eq!(servers_now(&client).await.unwrap().len(), ids.len());
}

fn asked_page(request: &http::Request<bytes::Bytes>) -> usize {
    let query = request.uri().query().unwrap();
    let offset = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("offset="));
    // A service that knows no markers answers them with its first page.
    offset.map_or(1, |offset| offset.parse().unwrap())
}

/// All servers are found, whatever size of page the service allows, and whether it counts them or
/// repeats its last page.
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
                Script::AnswerWithHeaders(200, body.to_string(), Vec::new())
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
async fn a_server_without_an_id_is_an_error() {
    let (builder, _) = service(|_, _| Script::Answer(200, r#"{"servers":[{"name":"web-1"}]}"#));
    let error = builder.build().unwrap().servers().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(
        error.to_string().contains("without a readable id"),
        "{error}"
    );
}
