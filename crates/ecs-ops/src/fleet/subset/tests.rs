//! Reads of some servers against the simulated region, and against services that do not keep to
//! what is documented.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ecs_sim::{IdFilter, ListQuirk, Region, RegionBuilder, SimTransport};
use ecs_transport::{Attempt, FnTransport, Transport as _};
use http::Method;
use proptest::prelude::*;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::super::KnownPlace;
use super::*;
use crate::scripted::{Script, ids, service};
use ecs_auth::{Credentials, StaticCredentials};

const NOBODY: ServerId = ServerId::from_bytes([7; 16]);

/// Queries by kind: lists, lists by ids, single servers.
#[derive(Clone, Debug, Default)]
struct Counts(Arc<[AtomicUsize; 3]>);

impl Counts {
    fn get(&self) -> [usize; 3] {
        [0, 1, 2].map(|kind| self.0[kind].load(Ordering::SeqCst))
    }
}

/// A client of a region, its servers, and the queries that it makes.
fn client(region: RegionBuilder) -> (Client, Vec<ServerId>, Counts) {
    let region = region.build().unwrap();
    let servers = region.servers().collect();
    let identity = region.identity().clone();
    let token = Credentials::token(identity.token.expose_secret()).unwrap();
    let (sim, counts) = (SimTransport::new(region), Counts::default());
    let counted = counts.clone();
    let transport = FnTransport::new(
        move |request: http::Request<bytes::Bytes>, attempt: Attempt| {
            let uri = request.uri();
            let kind = match uri.query().unwrap_or_default() {
                query if query.contains("server_id=") => 1,
                _ if uri.path().ends_with("/detail") => 0,
                _ => 2,
            };
            counted.0[kind].fetch_add(1, Ordering::SeqCst);
            let sim = sim.clone();
            async move { sim.send(request, &attempt).await }
        },
    );
    let client = Client::builder("https://sim.test".parse().unwrap(), identity.project_id)
        .credentials(StaticCredentials::new(token))
        .transport(transport)
        .seed(1)
        .build()
        .unwrap();
    (client, servers, counts)
}

/// The result of a read: by id, the status and the time of the last change.
fn shown(read: &ServersRead) -> BTreeMap<ServerId, String> {
    let servers = read.servers.iter();
    let shown = servers.map(|server| {
        let state = format!("{:?} {:?}", server.status, server.updated);
        (server.id.unwrap(), state)
    });
    shown.collect()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// With any behaviour of the filter of ids, and with any rights, small reads show
    /// the same servers as the list of the whole project, and none is absent that is there.
    #[test]
    fn partial_reads_agree_with_the_whole_list(
        servers in 1..900_usize,
        picks in proptest::collection::vec(0..1_000_usize, 0..250),
        filter in prop_oneof![
            Just(IdFilter::Ignored),
            Just(IdFilter::Refused),
            (0..130_usize).prop_map(IdFilter::Limited),
        ],
        quirk in proptest::option::of(prop_oneof![
            Just(ListQuirk::CapsPages(60)),
            Just(ListQuirk::SmallPages(60)),
            Just(ListQuirk::IgnoresEverything),
            Just(ListQuirk::NoCount),
        ]),
        without_single: bool,
        evidence: bool,
        known: bool,
    ) {
        let mut region = Region::builder().servers(servers).shutoff(0.3).id_filter(filter);
        if without_single {
            region = region.deny("ecs:cloudServers:get");
        }
        // The list of evidence takes one try, and pages that are cut show less.
        if let Some(quirk) = quirk.filter(|_| !evidence) {
            region = region.list_quirk(quirk);
        }
        let purpose = if evidence { ReadPurpose::Evidence } else { ReadPurpose::Selection };
        runtime().block_on(async {
            let (client, all, counts) = client(region);
            if known {
                client.0.place.set_project_servers(all.len());
            }
            let exists = |pick: &usize| all.get(*pick).copied();
            let wanted: Vec<ServerId> =
                picks.iter().map(|pick| exists(pick).unwrap_or(NOBODY)).collect();
            let whole = read::servers(&client).await.unwrap();
            let whole = shown(&ServersRead { servers: whole, ..ServersRead::default() });
            let before: usize = counts.get().iter().sum();
            for _ in 0..2 {
                let read = client.read_servers(&wanted, purpose).await.unwrap();
                let expected: BTreeMap<_, _> = whole
                    .iter()
                    .filter(|(id, _)| wanted.contains(id))
                    .map(|(id, state)| (*id, state.clone()))
                    .collect();
                assert_eq!(shown(&read), expected);
                assert_eq!(read.servers.len(), expected.len());
                assert_eq!(read.absent.contains(&NOBODY), wanted.contains(&NOBODY));
                assert!(read.absent.len() <= 1);
            }
            // Never much more than the two lists would have taken.
            let queries = counts.get().iter().sum::<usize>() - before;
            let lists = 2 * (all.len().div_ceil(60) + 2);
            assert!(queries <= 2 * lists + 6, "{queries} queries, {lists} for the lists");
        });
    }
}

/// A service that has the filter is asked with it, one that ignores or refuses it once.
#[tokio::test(start_paused = true)]
async fn a_filter_is_tried_once() {
    for (filter, expected) in [
        (IdFilter::Limited(100), [0, 2 * 3, 0]),
        (IdFilter::Ignored, [2 * 11, 1, 0]),
        (IdFilter::Refused, [2 * 11, 1, 0]),
        // Too many ids are refused.
        (IdFilter::Limited(99), [2 * 11, 1, 0]),
    ] {
        let (client, all, counts) = client(Region::builder().servers(2_000).id_filter(filter));
        client.0.place.set_project_servers(all.len());
        for _ in 0..2 {
            let read = client.read_servers(&all[500..750], ReadPurpose::Evidence);
            assert_eq!(read.await.unwrap().servers.len(), 250);
        }
        assert_eq!(counts.get(), expected, "{filter:?}");
    }
}

/// A few servers of a large project are queried one by one, and a server that does not exist is
/// absent by the service's own answer.
#[tokio::test(start_paused = true)]
async fn a_few_servers_of_many() {
    let (client, all, counts) = client(Region::builder().servers(2_000));
    client.0.place.set_project_servers(all.len());
    let wanted = [all[1_500], NOBODY];
    let read = client.read_servers(&wanted, ReadPurpose::Evidence);
    let read = read.await.unwrap();
    assert_eq!(read.servers.len(), 1);
    assert_eq!(read.absent, HashSet::from([NOBODY]));
    assert_eq!(counts.get(), [0, 0, 2]);
}

/// A filter's row of an id only is no proof: this server is queried alone.
#[tokio::test(start_paused = true)]
async fn a_row_without_a_server_is_asked_for_again() {
    let region = Region::builder().servers(2_000);
    let (client, all, counts) = client(region.id_filter(IdFilter::Limited(100)));
    client.0.place.set_project_servers(all.len());
    let mut wanted = all[..20].to_vec();
    wanted.push(NOBODY);
    let read = client.read_servers(&wanted, ReadPurpose::Evidence);
    let read = read.await.unwrap();
    assert_eq!(read.servers.len(), 20);
    assert_eq!(read.absent, HashSet::from([NOBODY]));
    assert_eq!(counts.get(), [0, 1, 1]);
}

/// Queries of single servers have a limit of their own: above it, the list shows the others.
#[tokio::test(start_paused = true)]
async fn the_limit_of_single_queries() {
    let region = Region::builder().servers(6_000).queries_per_minute(40);
    let (client, all, counts) = client(region);
    client.0.place.set_project_servers(all.len());
    client.0.place.update(|place| place.id_filter = Support::No);
    for at in 0..4 {
        let from = at * 1_000;
        let read = client.read_servers(&all[from..from + 25], ReadPurpose::Evidence);
        assert_eq!(read.await.unwrap().servers.len(), 25);
    }
    let [lists, _, single] = counts.get();
    assert!(
        single >= 40 && lists <= 40 * 4,
        "{lists} lists, {single} single"
    );
}

/// The answer of a cache is no evidence: the list, which can be varied, is read instead, and single
/// servers are not requested again.
#[tokio::test(start_paused = true)]
async fn a_cached_answer_about_one_server() {
    let named = ids(2);
    let (builder, seen) = service(move |request, _| {
        let is_list = request.uri().path().ends_with("/detail");
        if !is_list {
            let body = json!({"server": {"id": ids(1)[0], "status": "ACTIVE"}});
            let headers = vec![("age", "3")];
            return Script::AnswerWithHeaders(200, body.to_string(), headers);
        }
        let rows: Vec<_> = ids(2).iter().map(|id| json!({"id": id})).collect();
        Script::AnswerWithHeaders(
            200,
            json!({"count": 2, "servers": rows}).to_string(),
            Vec::new(),
        )
    });
    let client = builder.build().unwrap();
    // The queries: one of a server, one with ids, one whole list; then the list only.
    for queries in [3, 4] {
        client.0.place.set_project_servers(10_000);
        let read = client.read_servers(&named, ReadPurpose::Evidence).await;
        assert_eq!(read.unwrap().servers.len(), 2);
        assert_eq!(seen.count(Method::GET), queries);
    }
}

/// Nor is what a cache keeps of a server that was not found once.
#[tokio::test(start_paused = true)]
async fn a_cached_answer_about_a_server_that_was_not_found() {
    let missing = r#"{"itemNotFound":{"code":404,"message":"no such server"}}"#;
    for (purpose, age, absent) in [
        (ReadPurpose::Evidence, Some("3"), false),
        (ReadPurpose::Absence, Some("3"), false),
        (ReadPurpose::Evidence, None, true),
        (ReadPurpose::Selection, Some("3"), true),
    ] {
        let (builder, _) = service(move |request, _| {
            if !request.uri().path().ends_with("/detail") {
                let headers = age.map(|age| ("age", age));
                return Script::AnswerWithHeaders(
                    404,
                    missing.to_owned(),
                    headers.into_iter().collect(),
                );
            }
            let first = !request.uri().query().unwrap().contains("marker");
            let rows = [json!({"id": ids(1)[0], "status": "ACTIVE"})];
            let rows = if first { &rows[..] } else { &[] };
            let body = json!({"count": 1, "servers": rows}).to_string();
            Script::AnswerWithHeaders(200, body, Vec::new())
        });
        let client = builder.build().unwrap();
        client.0.place.set_project_servers(10_000);
        let read = client.read_servers(&ids(1), purpose).await.unwrap();
        let shown = (read.servers.len(), read.absent.len());
        let expected = if absent { (0, 1) } else { (1, 0) };
        assert_eq!(shown, expected, "{purpose:?} {age:?}");
    }
}

/// An answer about another server says nothing about the requested one.
#[tokio::test(start_paused = true)]
async fn an_answer_about_another_server() {
    let named = ids(1);
    let (builder, _) = service(move |request, _| {
        let is_list = request.uri().path().ends_with("/detail");
        let row = |id: ServerId, status: &str| json!({"id": id, "status": status});
        let body = if is_list {
            json!({"count": 1, "servers": [row(ids(1)[0], "SHUTOFF")]})
        } else {
            json!({"server": row(ids(2)[1], "ACTIVE")})
        };
        Script::AnswerWithHeaders(200, body.to_string(), Vec::new())
    });
    let client = builder.build().unwrap();
    for purpose in [ReadPurpose::Selection, ReadPurpose::Evidence] {
        client.0.place.set_project_servers(10_000);
        let read = client.read_servers(&named, purpose).await.unwrap();
        let status = &read.servers[0].status;
        assert_eq!(*status, Some(ecs_model::ServerStatus::Shutoff));
    }
}

/// A filter that an operator documents counts as supported; an undocumented one is not tried.
#[test]
fn filters_that_operators_document_are_used() {
    for (endpoint, expected) in [
        ("https://ecs.cn-north-4.myhuaweicloud.com", Support::Yes),
        ("https://ecs.eu-west-101.myhuaweicloud.eu", Support::Yes),
        ("https://ecs.eu-de.otc.t-systems.com", Support::No),
        ("https://ecs.internal.example", Support::Untried),
    ] {
        let known = KnownPlace::of(&endpoint.parse().unwrap());
        assert_eq!(known.get().id_filter, expected, "{endpoint}");
    }
}
