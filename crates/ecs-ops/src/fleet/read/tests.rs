//! Lists of the simulated region, with its quirks.

use ecs_auth::{Credentials, StaticCredentials};
use ecs_model::ServerId;
use ecs_sim::{ListQuirk, Region, RegionBuilder, SimTransport};
use secrecy::ExposeSecret;

use super::*;

/// A client of a region, and what it knows of it.
pub(in crate::fleet) fn client(region: RegionBuilder) -> (Client, Vec<ServerId>) {
    let region = region.build().unwrap();
    let ids = region.servers().collect();
    let identity = region.identity().clone();
    let token = Credentials::token(identity.token.expose_secret()).unwrap();
    let client = Client::builder("https://sim.test".parse().unwrap(), identity.project_id)
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
async fn looks_take_what_they_see() {
    let region = Region::builder()
        .servers(450)
        .list_quirk(ListQuirk::CountOff(1));
    let (client, ids) = client(region);
    assert_eq!(servers_seen(&client).await.unwrap().len(), ids.len());
}
