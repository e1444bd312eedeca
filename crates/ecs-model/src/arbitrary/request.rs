//! Requests: as values, and as JSON that is valid or nearly valid.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::{change, job_id, mutated, project_id, server_id};
use crate::{
    AnyOperation, BatchRebootServers, BatchStartServers, BatchStopServers, ListScalingGroups,
    ListScalingInstances, ListServerActions, ListServersDetails, ListTraces, RebootType,
    ScalingGroupId, ServerId, ShowJob, ShowServer, StopType,
};

/// Generates servers for one request: no duplicates, usually a few, rarely as many as are allowed.
pub fn server_ids() -> impl Strategy<Value = Vec<ServerId>> + Clone {
    const MOST: usize = BatchRebootServers::MAX_SERVERS;
    prop_oneof![
        450 => vec(server_id(), 1..6),
        49 => vec(server_id(), 6..40),
        1 => vec(server_id(), MOST - 2..=MOST),
    ]
    .prop_map(distinct)
    .boxed()
}

/// Drops duplicates. At least one server remains.
fn distinct(mut servers: Vec<ServerId>) -> Vec<ServerId> {
    let mut seen = HashSet::new();
    servers.retain(|&server| seen.insert(server));
    servers
}

/// Generates the type of a restart.
pub fn reboot_type() -> impl Strategy<Value = RebootType> + Clone {
    select(RebootType::ALL)
}

/// Generates the type of a stop.
pub fn stop_type() -> impl Strategy<Value = StopType> + Clone {
    select(StopType::ALL)
}

/// Generates a request to restart servers.
pub fn batch_reboot_servers() -> impl Strategy<Value = BatchRebootServers> + Clone {
    (reboot_type(), server_ids())
        .prop_filter_map("invalid", |(kind, servers)| {
            BatchRebootServers::new(kind, servers).ok()
        })
        .boxed()
}

/// Generates a request to start servers.
pub fn batch_start_servers() -> impl Strategy<Value = BatchStartServers> + Clone {
    server_ids()
        .prop_filter_map("invalid", |servers| BatchStartServers::new(servers).ok())
        .boxed()
}

/// Generates a request to stop servers, with or without a type.
pub fn batch_stop_servers() -> impl Strategy<Value = BatchStopServers> + Clone {
    (proptest::option::of(stop_type()), server_ids())
        .prop_filter_map("invalid", |(kind, servers)| {
            BatchStopServers::new(kind, servers).ok()
        })
        .boxed()
}

/// Generates a query for a job.
pub fn show_job() -> impl Strategy<Value = ShowJob> + Clone {
    job_id().prop_map(ShowJob::new)
}

/// Generates a query for a server.
pub fn show_server() -> impl Strategy<Value = ShowServer> + Clone {
    server_id().prop_map(ShowServer::new)
}

/// Generates a query for the actions on a server.
pub fn list_server_actions() -> impl Strategy<Value = ListServerActions> + Clone {
    server_id().prop_map(ListServerActions::new).boxed()
}

/// Generates a query for a page of servers: any of its parameters, with any text where a text is
/// allowed.
pub fn list_servers_details() -> impl Strategy<Value = ListServersDetails> + Clone {
    const TEXTS: &[&str] = &[
        "marker",
        "server_id",
        "name",
        "status",
        "tags",
        "not-tags",
        "flavor",
        "reservation_id",
        "ip",
    ];
    let number = |range| proptest::option::of(range);
    let text = prop_oneof![
        Just("ACTIVE".to_owned()),
        "[ -~]{0,12}",
        any::<String>().prop_map(|text| text.chars().take(40).collect()),
    ];
    let texts = proptest::sample::subsequence(TEXTS, 0..=TEXTS.len())
        .prop_flat_map(move |names| (Just(names.clone()), vec(text.clone(), names.len())));
    (number(1_u64..=5000), number(1_u64..=1000), texts)
        .prop_filter_map("refused", |(offset, limit, (names, texts))| {
            let numbers = [("offset", offset), ("limit", limit)].into_iter();
            let numbers = numbers.filter_map(|(name, number)| Some((name, number?.to_string())));
            let pairs: Vec<String> = numbers
                .chain(names.into_iter().zip(texts))
                .map(|(name, text)| format!("{name}={}", crate::operation::percent_encode(&text)))
                .collect();
            ListServersDetails::from_query(&pairs.join("&")).ok()
        })
        .boxed()
}

/// Generates the id of an auto-scaling group.
pub fn scaling_group_id() -> impl Strategy<Value = ScalingGroupId> + Clone {
    "[A-Za-z0-9_-]{1,64}"
        .prop_filter_map("invalid", |text| text.parse().ok())
        .boxed()
}

/// Generates a query for a page of auto-scaling groups.
pub fn list_scaling_groups() -> impl Strategy<Value = ListScalingGroups> + Clone {
    page_of_scaling()
        .prop_filter_map("refused", |query| {
            ListScalingGroups::from_query(&query).ok()
        })
        .boxed()
}

/// Generates a query for a page of the members of an auto-scaling group.
pub fn list_scaling_instances() -> impl Strategy<Value = ListScalingInstances> + Clone {
    (scaling_group_id(), page_of_scaling())
        .prop_filter_map("refused", |(group, query)| {
            ListScalingInstances::from_query(group, &query).ok()
        })
        .boxed()
}

fn page_of_scaling() -> impl Strategy<Value = String> + Clone {
    let start = proptest::option::of(0_u64..=5000);
    (start, proptest::option::of(0_u64..=100)).prop_map(|(start, limit)| {
        let numbers = [("start_number", start), ("limit", limit)].into_iter();
        let pairs: Vec<String> = numbers
            .filter_map(|(name, number)| Some(format!("{name}={}", number?)))
            .collect();
        pairs.join("&")
    })
}

/// Generates a query for a page of traces.
pub fn list_traces() -> impl Strategy<Value = ListTraces> + Clone {
    let window = proptest::option::of((0..u64::MAX / 2, 0..u64::MAX / 2));
    let texts = proptest::option::of(("[a-z]{1,20}", "[A-Z]{1,10}", "[0-9a-f-]{1,40}"));
    (window, texts, proptest::option::of(1_u64..=200))
        .prop_filter_map("refused", |(window, texts, limit)| {
            let mut pairs = Vec::new();
            if let Some((from, to)) = window {
                pairs.push(format!("from={from}&to={to}"));
            }
            if let Some((name, service, next)) = texts {
                pairs.push(format!(
                    "trace_name={name}&service_type={service}&next={next}"
                ));
            }
            pairs.extend(limit.map(|limit| format!("limit={limit}")));
            ListTraces::from_query(&pairs.join("&")).ok()
        })
        .boxed()
}

/// Generates any of the operations.
pub fn any_operation() -> impl Strategy<Value = AnyOperation> + Clone {
    prop_oneof![
        batch_reboot_servers().prop_map(AnyOperation::BatchRebootServers),
        batch_start_servers().prop_map(AnyOperation::BatchStartServers),
        batch_stop_servers().prop_map(AnyOperation::BatchStopServers),
        show_job().prop_map(AnyOperation::ShowJob),
        show_server().prop_map(AnyOperation::ShowServer),
        list_servers_details().prop_map(AnyOperation::ListServersDetails),
        list_server_actions().prop_map(AnyOperation::ListServerActions),
        list_scaling_groups().prop_map(AnyOperation::ListScalingGroups),
        list_scaling_instances().prop_map(AnyOperation::ListScalingInstances),
        list_traces().prop_map(AnyOperation::ListTraces),
    ]
    .boxed()
}

/// Generates the body of a batch action that the service accepts, with ids in any case.
///
/// ```
/// use ecs_model::{BatchRebootServers, BatchStartServers, BatchStopServers, arbitrary};
/// use proptest::prelude::*;
///
/// proptest!(|(body in arbitrary::valid_request())| {
///     let body = body.to_string();
///     prop_assert!(
///         BatchRebootServers::from_json(body.as_bytes()).is_ok()
///             || BatchStartServers::from_json(body.as_bytes()).is_ok()
///             || BatchStopServers::from_json(body.as_bytes()).is_ok()
///     );
/// });
/// ```
pub fn valid_request() -> impl Strategy<Value = Value> + Clone {
    let action = prop_oneof![
        select(&["SOFT", "HARD"][..]).prop_map(|kind| ("reboot", Some(kind))),
        Just(("os-start", None)),
        proptest::option::of(select(&["SOFT", "HARD"][..])).prop_map(|kind| ("os-stop", kind)),
    ];
    (action, server_ids(), any::<u64>())
        .prop_map(|((key, kind), servers, case)| {
            let servers: Vec<Value> = servers
            .iter()
            .enumerate()
            .map(
                |(index, server)| json!({"id": in_case(&server.to_string(), case >> (index % 64))}),
            )
            .collect();
            let mut action = json!({"servers": servers});
            if let Some(kind) = kind {
                action["type"] = kind.into();
            }
            json!({key: action})
        })
        .boxed()
}

/// Returns the text in lower case, upper case or a mixture, by the lowest two bits.
fn in_case(text: &str, case: u64) -> String {
    match case & 3 {
        0 | 1 => text.to_owned(),
        2 => text.to_ascii_uppercase(),
        _ => text
            .char_indices()
            .map(|(index, c)| {
                if index % 2 == 0 {
                    c.to_ascii_uppercase()
                } else {
                    c
                }
            })
            .collect(),
    }
}

/// Generates the body of a batch action with one change that usually makes it invalid: a field
/// dropped, replaced or added, no servers, too many, a duplicate, an invalid id or type, another
/// action's name. Some remain valid.
pub fn almost_valid_request() -> impl Strategy<Value = Value> + Clone {
    prop_oneof![
        6 => mutated(valid_request()),
        6 => (valid_request(), flaw(), any::<Index>()).prop_map(|(mut body, flaw, at)| {
            flaw.apply(&mut body, at);
            body
        }),
        1 => (valid_request(), change(), change(), any::<[Index; 2]>()).prop_map(
            |(mut body, first, second, at)| {
                for (change, at) in [first, second].into_iter().zip(at) {
                    let places = super::pointers(&body);
                    let place = places.get(at.index(places.len().max(1)));
                    change.apply(&mut body, place.map_or("", String::as_str));
                }
                body
            }
        ),
    ]
    .boxed()
}

/// A deliberate flaw of a request.
#[derive(Clone, Debug)]
enum Flaw {
    NoServers,
    TooMany(usize),
    Twice,
    BadId(String),
    BadType(Value),
    Named(String),
    OtherFieldInServer,
}

fn flaw() -> impl Strategy<Value = Flaw> + Clone {
    prop_oneof![
        20 => Just(Flaw::NoServers),
        1 => (1001_usize..1003).prop_map(Flaw::TooMany),
        20 => Just(Flaw::Twice),
        40 => bad_id().prop_map(Flaw::BadId),
        20 => prop_oneof![
            select(&["soft", "Hard", "SOFT ", "", "GENTLE"][..]).prop_map(Value::from),
            super::json(),
        ]
        .prop_map(Flaw::BadType),
        20 => prop_oneof![
            select(&["reboot", "os-start", "os-stop", "os-reboot", "Reboot"][..])
                .prop_map(str::to_owned),
            project_id().prop_map(|text| text.to_string()),
        ]
        .prop_map(Flaw::Named),
        10 => Just(Flaw::OtherFieldInServer),
    ]
    .boxed()
}

/// Generates texts that resemble the id of a server.
fn bad_id() -> impl Strategy<Value = String> + Clone {
    prop_oneof![
        server_id().prop_map(|id| id.to_string().replace('-', "")),
        server_id().prop_map(|id| format!("{{{id}}}")),
        server_id().prop_map(|id| format!("urn:uuid:{id}")),
        server_id().prop_map(|id| format!("{id}\n")),
        server_id().prop_map(|id| id.to_string().replace('-', "_")),
        (server_id(), any::<Index>(), any::<char>()).prop_map(|(id, at, c)| {
            let mut text: Vec<char> = id.to_string().chars().collect();
            let at = at.index(text.len());
            text.splice(at..=at, [c]);
            text.into_iter().collect()
        }),
        (server_id(), 0_usize..36).prop_map(|(id, end)| id.to_string().chars().take(end).collect()),
        any::<String>(),
    ]
    .boxed()
}

impl Flaw {
    fn apply(self, body: &mut Value, at: Index) {
        if let Self::Named(name) = &self {
            let action = body
                .as_object_mut()
                .and_then(|body| body.values_mut().next());
            *body = json!({name: action.map(Value::take)});
            return;
        }
        let action = body
            .as_object_mut()
            .and_then(|body| body.values_mut().next());
        let Some(action) = action else { return };
        if let Self::BadType(kind) = self {
            action["type"] = kind;
            return;
        }
        let Some(servers) = action["servers"].as_array_mut() else {
            return;
        };
        let at = at.index(servers.len().max(1));
        let id = servers.get(at).and_then(|server| server["id"].as_str());
        let id = id.unwrap_or_default().to_owned();
        let server = match self {
            Self::NoServers => {
                servers.clear();
                return;
            }
            Self::TooMany(count) => {
                servers.extend((0..count - servers.len()).map(|number| {
                    let number = u128::MAX - number as u128;
                    json!({"id": ServerId::from_bytes(number.to_be_bytes())})
                }));
                return;
            }
            Self::Twice => {
                servers.push(json!({"id": in_case(&id, 3)}));
                return;
            }
            Self::BadId(bad) => json!({"id": bad}),
            Self::OtherFieldInServer => json!({"id": id, "name": "web"}),
            Self::BadType(_) | Self::Named(_) => return,
        };
        if let Some(place) = servers.get_mut(at) {
            *place = server;
        }
    }
}
