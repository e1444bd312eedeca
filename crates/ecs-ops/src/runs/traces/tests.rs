//! The owner of a trace.

use std::collections::BTreeMap;

use ecs_model::RebootType;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const REBOOT: PowerAction = PowerAction::Reboot(RebootType::Soft);
/// 12:00:00 of the day of sending.
const SENT: i64 = 1_767_268_800;

fn ids(numbers: &[u8]) -> Vec<ServerId> {
    numbers
        .iter()
        .map(|number| ServerId::from_bytes([*number; 16]))
        .collect()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(SENT + second).unwrap()
}

/// A trace as the service shows it.
fn shown(second: i64, user: &str, servers: &[u8], job: Option<&str>) -> serde_json::Value {
    let servers: Vec<_> = ids(servers).iter().map(|id| json!({"id": id})).collect();
    let response = match job {
        Some(job) => json!({"job_id": job}),
        None => serde_json::Value::Null,
    };
    json!({
        "trace_name": "rebootServer",
        "time": (SENT + second) * 1000,
        "code": "200",
        "request_id": format!("request-{second}"),
        "user": {"id": user},
        "request": json!({"reboot": {"type": "SOFT", "servers": servers}}),
        "response": response,
    })
}

fn read(shown: &serde_json::Value) -> ActionTrace {
    let trace: Trace = serde_json::from_value(shown.clone()).unwrap();
    ActionTrace::read(&trace).unwrap()
}

fn trace(second: i64, user: &str, servers: &[u8], job: Option<&str>) -> ActionTrace {
    read(&shown(second, user, servers, job))
}

fn of(traces: &[ActionTrace], user: Option<&str>, request_id: Option<&str>) -> TraceFinding {
    since(Some(at(-5)), traces, user, request_id)
}

fn since(
    earliest: Option<Timestamp>,
    traces: &[ActionTrace],
    user: Option<&str>,
    request_id: Option<&str>,
) -> TraceFinding {
    let known: JobId = "known".parse().unwrap();
    let known = HashSet::from([&known]);
    let request = LostRequest {
        action: REBOOT,
        servers: &ids(&[1, 2]),
        request_id,
        user,
        earliest,
        known_jobs: &known,
    };
    find(request, traces)
}

fn job(name: &str) -> TraceFinding {
    TraceFinding::Accepted(name.parse().unwrap())
}

#[test]
fn objects_and_texts_are_read_alike() {
    let object = shown(0, "me", &[1, 2], Some("job"));
    let mut text = object.clone();
    for member in ["request", "response"] {
        text[member] = object[member].to_string().into();
    }
    assert_eq!(read(&object), read(&text));
    assert_eq!(read(&object).job_id, Some("job".parse().unwrap()));
    let mut refused = object.clone();
    refused["code"] = "400".into();
    refused["response"] = json!({"error": {"code": "Ecs.0605", "message": "locked"}});
    assert_eq!(read(&refused).refusal.as_deref(), Some("HTTP 400 Ecs.0605"));
    let mut throttled = object;
    throttled["code"] = 202.into();
    throttled["response"] = json!({"error": {"code": "Common.0024"}});
    assert_eq!(
        read(&throttled).refusal.as_deref(),
        Some("HTTP 202 Common.0024")
    );
}

#[test]
fn the_owner_of_a_trace() {
    let me = Some("me");
    let ours = trace(1, "me", &[2, 1], Some("ours"));
    assert_eq!(of(std::slice::from_ref(&ours), me, None), job("ours"));
    assert_eq!(
        of(&[trace(1, "me", &[1, 2], None)], me, None),
        TraceFinding::Executed
    );
    // Another set, another time, another request of the run: none of ours.
    for other in [
        trace(1, "me", &[1], Some("other")),
        trace(1, "me", &[1, 2, 3], Some("other")),
        trace(-60, "me", &[1, 2], Some("other")),
        trace(1, "me", &[1, 2], Some("known")),
    ] {
        let found = of(std::slice::from_ref(&other), me, None);
        assert!(
            matches!(found, TraceFinding::Nothing(_)),
            "{other:?}: {found:?}"
        );
    }
    // A trace of another user is distinguished, and its user is named.
    let theirs = trace(9, "alice", &[1, 2], Some("theirs"));
    let TraceFinding::Nothing(others) = of(std::slice::from_ref(&theirs), me, None) else {
        panic!();
    };
    let message = &others[&ids(&[1])[0]];
    assert!(
        message.contains("user alice (request request-9)"),
        "{message}"
    );
    assert_eq!(of(&[ours.clone(), theirs.clone()], me, None), job("ours"));
    // Without a user it may be anybody's; with the request's id it is ours.
    let unknown = of(std::slice::from_ref(&ours), None, None);
    assert!(
        matches!(unknown, TraceFinding::Inconclusive(_)),
        "{unknown:?}"
    );
    assert_eq!(
        of(std::slice::from_ref(&ours), None, Some("request-1")),
        job("ours")
    );
    let wrong = of(&[trace(1, "me", &[7], Some("x"))], me, Some("request-1"));
    assert!(matches!(wrong, TraceFinding::Inconclusive(_)), "{wrong:?}");
    // Twice is one too many; a refusal before it is none.
    let again = trace(2, "me", &[1, 2], Some("again"));
    let twice = of(&[ours.clone(), again], me, None);
    assert!(matches!(twice, TraceFinding::Inconclusive(_)), "{twice:?}");
    let mut refused = trace(0, "me", &[1, 2], None);
    refused.refusal = Some("HTTP 429".to_owned());
    assert_eq!(of(&[refused.clone(), ours], me, None), job("ours"));
    assert_eq!(
        of(&[refused], me, None),
        TraceFinding::Refused("HTTP 429".to_owned())
    );
}

/// The rule for an answer of HTTP holds: 500, 502, 503 and 504 prove nothing, nor does a code that may
/// come after the work began.
#[test]
fn an_error_that_proves_nothing_leaves_the_outcome_unknown() {
    let answered = |status: u16, response: serde_json::Value| {
        let mut shown = shown(1, "me", &[1, 2], None);
        shown["code"] = status.into();
        shown["response"] = response;
        of(&[read(&shown)], Some("me"), None)
    };
    let failed = |code: &str| json!({"error": {"code": code, "message": "it failed"}});
    let maybe = ErrorInfo::all()
        .iter()
        .find(|info| info.disposition.executed == Executed::Maybe)
        .unwrap();
    for (status, response) in [
        (500, serde_json::Value::Null),
        (502, json!("<html>")),
        (503, failed("Unheard.0001")),
        (504, serde_json::Value::Null),
        (400, failed(maybe.code)),
        // A wait ended, at a gateway or in the service.
        (408, serde_json::Value::Null),
        (408, failed("Unheard.0001")),
        (499, serde_json::Value::Null),
        // Codes that are proof with another status only.
        (202, failed("Unheard.0001")),
        (200, failed("Ecs.0605")),
        (500, failed("Ecs.0605")),
    ] {
        let found = answered(status, response);
        assert!(
            matches!(found, TraceFinding::Inconclusive(_)),
            "{status}: {found:?}"
        );
    }
    for (status, code) in [
        (400, "Ecs.0605"),
        (403, "Unheard.0001"),
        (202, "Common.0024"),
        (501, "Ecs.0603"),
    ] {
        let found = answered(status, failed(code));
        assert!(
            matches!(found, TraceFinding::Refused(_)),
            "{status}: {found:?}"
        );
    }
}

/// Only a trace of just its servers is one by which a request would be recognized.
#[test]
fn whether_a_trace_is_of_just_these_servers() {
    let trace = trace(1, "me", &[2, 1], None);
    assert!(trace.is_of(&ids(&[1, 2])));
    for other in [&[1][..], &[1, 2, 3], &[1, 3], &[]] {
        assert!(!trace.is_of(&ids(other)), "{other:?}");
    }
    let mut hidden = trace;
    hidden.action = None;
    assert!(!hidden.is_of(&ids(&[1, 2])));
}

/// A trace that hides its servers may be of any request.
#[test]
fn a_trace_without_its_servers_leaves_the_outcome_unknown() {
    let mut hidden = trace(1, "me", &[1, 2], Some("job"));
    hidden.action = None;
    let found = of(std::slice::from_ref(&hidden), Some("me"), None);
    assert!(matches!(found, TraceFinding::Inconclusive(_)), "{found:?}");
    hidden.user = Some("alice".to_owned());
    let found = of(&[hidden], Some("me"), None);
    assert!(matches!(found, TraceFinding::Nothing(_)), "{found:?}");
}

fn traces() -> impl Strategy<Value = Vec<ActionTrace>> {
    let users = prop::sample::select(vec!["me", "alice"]);
    let servers = prop::sample::select(vec![&[1, 2][..], &[1], &[2, 3], &[1, 2, 3]]);
    let jobs = prop::sample::select(vec![None, Some("a"), Some("b"), Some("known")]);
    let one = (
        -20_i64..60,
        users,
        servers,
        jobs,
        any::<bool>(),
        any::<bool>(),
    );
    let one = one.prop_map(|(second, user, servers, job, refused, hidden)| {
        let mut trace = trace(second, user, servers, job);
        if refused {
            (trace.job_id, trace.refusal) = (None, Some("HTTP 400".to_owned()));
        }
        if hidden {
            trace.action = None;
        }
        trace
    });
    prop::collection::vec(one, 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A job is taken for the run's own only if its trace has the user, the whole set of servers and
    /// the time, and no other accepted one like it; nothing is found only if no trace can be it.
    #[test]
    fn only_a_certain_trace_is_ours(traces in traces(), known_user: bool) {
        let user = known_user.then_some("me");
        let servers: BTreeSet<ServerId> = ids(&[1, 2]).into_iter().collect();
        let whole = |trace: &&ActionTrace| {
            trace.action.as_ref().is_some_and(|action| action.servers == servers)
        };
        let late = |trace: &&ActionTrace| trace.at.unwrap() >= at(-5);
        let unknown = |trace: &&ActionTrace| trace.job_id != Some("known".parse().unwrap());
        let mine = |trace: &&ActionTrace| trace.user.as_deref() == Some("me");
        let candidates: Vec<_> = traces.iter().filter(late).filter(unknown).collect();
        match of(&traces, user, None) {
            TraceFinding::Accepted(job_id) => {
                prop_assert!(known_user);
                let mut ours = candidates.iter().copied().filter(|trace| mine(trace) && whole(trace));
                let accepted: Vec<_> = ours.by_ref().filter(|trace| trace.refusal.is_none()).collect();
                prop_assert_eq!(accepted.len(), 1);
                prop_assert_eq!(accepted[0].job_id.as_ref(), Some(&job_id));
            }
            TraceFinding::Nothing(others) => {
                let may_be = |trace: &&&ActionTrace| {
                    (!known_user || mine(trace)) && (whole(trace) || trace.action.is_none())
                };
                prop_assert_eq!(candidates.iter().filter(may_be).count(), 0);
                let named: BTreeMap<_, _> = others.into_iter().collect();
                prop_assert!(named.keys().all(|id| servers.contains(id)));
            }
            TraceFinding::Executed | TraceFinding::Refused(_) => prop_assert!(known_user),
            TraceFinding::Inconclusive(message) => prop_assert!(!message.is_empty()),
        }
    }
}

/// The trace with the id of the lost exchange is its trace, whatever the clocks show. Without the id, a
/// trace that cannot be placed in time belongs to no request.
#[test]
fn a_clock_that_was_set() {
    let traces = [trace(0, "us", &[1, 2], Some("job"))];
    let of = |request_id| since(None, &traces, Some("us"), request_id);
    assert_eq!(
        of(Some("request-0")),
        TraceFinding::Accepted("job".parse().unwrap())
    );
    for request_id in [None, Some("request-1")] {
        let finding = of(request_id);
        assert!(
            matches!(finding, TraceFinding::Inconclusive(_)),
            "{finding:?}"
        );
    }
    let no_jobs = HashSet::new();
    let lost = |request_id| LostRequest {
        action: REBOOT,
        servers: &[],
        request_id,
        user: None,
        earliest: None,
        known_jobs: &no_jobs,
    };
    assert!(has_trace_by_id(lost(Some("request-0")), &traces));
    assert!(!has_trace_by_id(lost(Some("request-1")), &traces));
    assert!(!has_trace_by_id(lost(None), &traces));
}
