//! Few servers one by one, many in the list, and neither.

use ecs_model::ServerStatus;
use ecs_sim::Region;

use serde_json::json;

use super::*;
use crate::ErrorKind;
use crate::fleet::read::tests::client;
use crate::scripted::{Script, ids, service};

const NOBODY: ServerId = ServerId::from_bytes([7; 16]);
const LIST: &str = "ecs:cloudServers:list";
const GET: &str = "ecs:cloudServers:get";

#[tokio::test(start_paused = true)]
async fn the_servers_are_found_in_the_order_in_which_they_were_named() {
    for denied in [None, Some(LIST), Some(GET)] {
        let mut region = Region::builder().servers(40).shutoff(1.0);
        if let Some(denied) = denied {
            region = region.deny(denied);
        }
        let (client, ids) = client(region);
        let named = [ids[7], NOBODY, ids[3]];
        let found = client.look_up(&named).await.unwrap();
        let seen: Vec<_> = found
            .servers
            .iter()
            .map(|value| value.id.unwrap())
            .collect();
        assert_eq!((seen, found.missing), (vec![ids[7], ids[3]], vec![NOBODY]));
        assert_eq!(found.servers[0].status, Some(ServerStatus::Shutoff));
    }
}

#[tokio::test(start_paused = true)]
async fn many_servers_are_searched_in_the_list() {
    let (client, ids) = client(Region::builder().servers(40).deny(GET));
    let mut named: Vec<_> = ids.iter().rev().copied().collect();
    named.push(NOBODY);
    let found = client.look_up(&named).await.unwrap();
    let seen: Vec<_> = found
        .servers
        .iter()
        .map(|value| value.id.unwrap())
        .collect();
    assert_eq!(
        (&seen[..], &found.missing[..]),
        (&named[..40], &[NOBODY][..])
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_right_nothing_is_known() {
    for count in [1, 20] {
        let (client, ids) = client(Region::builder().servers(40).deny(GET).deny(LIST));
        let error = client.look_up(&ids[..count]).await.unwrap_err();
        assert_eq!(error.problem().status(), Some(403));
    }
}

/// A service that answers a question about one server with something else: its list is read.
#[tokio::test(start_paused = true)]
async fn a_server_with_an_unreadable_answer_is_searched_in_the_list() {
    let named = ids(3);
    let (builder, seen) = service(move |request, _| {
        if !request.uri().path().ends_with("/detail") {
            return Script::Answer(200, r#"{"count":0,"servers":[]}"#);
        }
        let rows: Vec<_> = ids(2).iter().map(|id| json!({"id": id})).collect();
        let first = request.uri().query().unwrap().contains("offset=1");
        let rows = if first { rows } else { Vec::new() };
        let body = json!({"count": 2, "servers": rows});
        Script::AnswerWithHeaders(200, body.to_string(), Vec::new())
    });
    let found = builder.build().unwrap().look_up(&named).await.unwrap();
    assert_eq!((found.servers.len(), &found.missing[..]), (2, &named[2..]));
    // The queries: one of a server, one of a list with ids, and two pages.
    assert_eq!(seen.count(http::Method::GET), 4);
}

/// A few wrong signatures lock a key.
#[tokio::test(start_paused = true)]
async fn credentials_that_are_refused_are_used_once() {
    let (builder, seen) = service(|_, _| Script::Answer(401, r#"{"error_code":"APIGW.0301"}"#));
    let error = builder.build().unwrap().look_up(&ids(7)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert_eq!(seen.count(http::Method::GET), 1);
}

/// The second read of servers that the first one does not show is evidence, too: what a cache shows of
/// them may be older than a restart by another user.
#[tokio::test(start_paused = true)]
async fn a_server_that_only_a_cache_shows_is_not_known() {
    let named = ids(30);
    let (builder, seen) = service(move |request, number| {
        if !request.uri().path().ends_with("/detail") {
            return Script::Answer(403, r#"{"error":{"code":"Ecs.0004","message":"no right"}}"#);
        }
        // The last server has moved to a page that was read already.
        let count = if number == 0 { 29 } else { 30 };
        let rows: Vec<_> = ids(count)
            .iter()
            .map(|id| json!({"id": id, "status": "ACTIVE"}))
            .collect();
        let body = json!({"count": rows.len(), "servers": rows}).to_string();
        let cached = if number == 0 {
            vec![]
        } else {
            vec![("age", "600")]
        };
        Script::AnswerWithHeaders(200, body, cached)
    });
    let client = builder.build().unwrap();
    client.0.place.set_project_servers(30);
    let error = client.look_up_now(&named).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cached);
    assert!(seen.count(http::Method::GET) > 1);
}
