//! Tests of lists by ids, and of the limits of queries.

use serde_json::Value;

use super::Client;
use crate::{IdFilter, Region};

fn rows(client: &mut Client, ids: &str) -> Vec<(String, bool)> {
    let body = client
        .get(&format!(
            "cloudservers/detail?limit=1000&name=none&server_id={ids}"
        ))
        .json();
    let rows = body["servers"].as_array().unwrap().iter();
    let row = |row: &Value| {
        (
            row["id"].as_str().unwrap().to_owned(),
            row["status"].is_string(),
        )
    };
    rows.map(row).collect()
}

#[test]
fn ids_filter_the_list() {
    let region = Region::builder().servers(60);
    let mut client = Client::new(region.id_filter(IdFilter::Limited(3)));
    let ids: Vec<String> = client.ids().iter().map(ToString::to_string).collect();
    let nobody = "07070707-0707-0707-0707-070707070707";
    // Other filters are ignored, and an unknown id gets its own row.
    let asked = format!("{},{nobody},{}", ids[7], ids[3]);
    let expected = [
        (ids[3].clone(), true),
        (ids[7].clone(), true),
        (nobody.to_owned(), false),
    ];
    assert_eq!(rows(&mut client, &asked), expected);
    assert_eq!(rows(&mut client, "no%22id"), [("no\"id".to_owned(), false)]);
    let got = client.get(&format!(
        "cloudservers/detail?server_id={}",
        ids[..4].join(",")
    ));
    got.assert_refused(400, "Ecs.0005", "4 ids, and at most 3");
}

#[test]
fn id_filters_can_be_ignored_or_refused() {
    let mut client = Client::of(60);
    let id = client.ids()[7];
    let body = client
        .get(&format!("cloudservers/detail?server_id={id}"))
        .json();
    assert_eq!(body["servers"].as_array().unwrap().len(), 25);
    let mut client = Client::new(Region::builder().id_filter(IdFilter::Refused));
    let got = client.get(&format!("cloudservers/detail?server_id={id}"));
    got.assert_refused(400, "Ecs.0005", "not a parameter");
}

/// Each kind of query has its own limit.
#[test]
fn queries_are_limited_per_minute() {
    let mut client = Client::new(Region::builder().servers(5).queries_per_minute(2));
    let id = client.ids()[0];
    for path in [
        "cloudservers/detail".to_owned(),
        format!("cloudservers/{id}"),
    ] {
        for _ in 0..2 {
            assert_eq!(client.get(&path).status, 200);
        }
        client
            .get(&path)
            .assert_refused(429, "APIGW.0308", "limit:2");
    }
    client.wait(60.0);
    assert_eq!(client.get("cloudservers/detail").status, 200);
}
