//! The fast parser gives the result of serde_json, or leaves the body to it.

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Plain, from_plain, plain_length};
use crate::lenient::object;
use crate::{Job, ServersPage, ShownServer, arbitrary};

/// Returns the result of serde_json: directly, or through a value if a member is duplicated.
fn by_serde<T: DeserializeOwned>(text: &str) -> Option<T> {
    let mut straight = serde_json::Deserializer::from_str(text);
    if let Ok(value) = object(&mut straight)
        && straight.end().is_ok()
    {
        return value;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    object(value).ok().flatten()
}

fn agrees<T: Plain + DeserializeOwned + PartialEq + std::fmt::Debug>(text: &str) -> bool {
    let Ok(read) = from_plain::<T>(text) else {
        return false;
    };
    assert_eq!(Some(read), by_serde(text), "{text}");
    true
}

const BODY: &str = r#"{"status":"RUNNING","entities":{"sub_jobs_total":2,"sub_jobs":[{"status":"SUCCESS","entities":{
    "server_id":"616fb98f-46ca-475e-917e-2563e5a8cd19"},"job_id":"a","job_type":"t","begin_time":"b","end_time":"",
    "error_code":null,"fail_reason":null},{"fail_reason":"\"no\"","status":"X"},{}]},"job_id":"j"}"#;

#[test]
fn usual_answers_take_the_fast_path() {
    for text in [
        BODY,
        " { } ",
        r#"{"status":"a","status":"b","status":null}"#,
        r#"{"entities":{"x":1,"server_id":"y","server_id":null,"x":2}}"#,
        r#"{"entities":{"server_id":17,"sub_jobs":{},"sub_jobs_total":"2","nic_id":[1,{"a":"b"}],"x\n":"\u00e4"}}"#,
        r#"{"entities":[]}"#,
        r#"{"entities":{"sub_jobs":[1,null,[],"x",{"status":5}]} , "new":[{"deep":[1e3,-1]}]}"#,
        r#"{ "job_id" : 12 , "error_code" : 500.5 }"#,
        r#"{"job_id":{"$serde_json::private::Number":"12"},"entities":{"$serde_json::private::Number":"1"}}"#,
        r#"{"st\u0061tus":"x"}"#,
    ] {
        assert!(agrees::<Job>(text), "{text}");
    }
    assert!(agrees::<ServersPage>(
        r#"{"count":7,"servers":[{"tags":["a",1,null,[]],"locked":true,"fault":{"code":1}}]}"#
    ));
    assert!(agrees::<ShownServer>(
        r#"{"server":{"OS-EXT-STS:power_state":-1,"hostId":""}}"#
    ));
}

#[test]
fn invalid_json_is_left_to_serde_json() {
    for text in [
        "",
        "{",
        "[]",
        "{} {}",
        r#"{"status"}"#,
        r#"{"status":}"#,
        r#"{"status":"a",}"#,
        r#"{,"status":"a"}"#,
        r#"{"status":"a" "job_id":"b"}"#,
        r#"{"status":nul}"#,
        r#"{"x":tru}"#,
        r#"{"x":01}"#,
        r#"{"entities":{"x":1e999}}"#,
        r#"{"status":"a"#,
        "{\"status\":\"a\nb\"}",
        r#"{"status":"\x"}"#,
        r#"{"status":"\ud83d"}"#,
        r#"{"entities":{"sub_jobs":[{},]}}"#,
        r#"{"entities":{"sub_jobs":[,{}]}}"#,
        r#"{"entities":{"sub_jobs":[{}{}]}}"#,
        r#"{"entities":{"sub_jobs":[{}}}"#,
        r#"{"status":"a\"#,
        r#"{"a":1]"#,
    ] {
        assert!(from_plain::<Job>(text).is_err(), "{text}");
    }
    let deep = |levels: usize| format!(r#"{{"x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    assert!(from_plain::<Job>(&deep(100)).is_ok());
    // Kept values are read by a bounded recursion, skipped ones without recursion.
    assert!(from_plain::<Job>(&deep(1_000_000)).is_ok());
    let kept = |levels: usize| format!(r#"{{"entities":{}}}"#, deep(levels));
    assert!(from_plain::<Job>(&kept(100)).is_ok());
    assert!(from_plain::<Job>(&kept(1_000_000)).is_err());
}

/// A body that is cut anywhere is not read. With any byte inserted anywhere, both parsers agree.
#[test]
fn bodies_with_one_fault_are_read_alike() {
    for at in (0..BODY.len()).filter(|at| BODY.is_char_boundary(*at)) {
        let (before, after) = BODY.split_at(at);
        assert!(from_plain::<Job>(before).is_err(), "{before}");
        for byte in "\"\\,:{}[]0n \n-x".chars() {
            agrees::<Job>(&format!("{before}{byte}{after}"));
            agrees::<Job>(&format!(
                "{before}{byte}{}",
                after.get(1..).unwrap_or_default()
            ));
        }
    }
}

#[test]
fn text_ends_are_found_at_every_position() {
    for length in 0..40 {
        let text: String = "ä~\u{7f}!#x".chars().cycle().take(length).collect();
        assert_eq!(plain_length(text.as_bytes()), text.len());
        for end in ['"', '\\', '\n', '\u{1f}', '\0'] {
            let ended = format!("{text}{end}\"\\\u{1}");
            assert_eq!(plain_length(ended.as_bytes()), text.len(), "{ended:?}");
        }
    }
}

/// Generates a value in which some parts are replaced by others.
fn with_surprises(whole: BoxedStrategy<Value>) -> impl Strategy<Value = Value> {
    let surprise = prop_oneof![
        arbitrary::json().boxed(),
        Just(json!("")).boxed(),
        Just(Value::Null).boxed()
    ];
    (
        whole,
        proptest::collection::vec((any::<prop::sample::Index>(), surprise), 0..3),
    )
        .prop_map(|(mut whole, surprises)| {
            for (index, surprise) in surprises {
                let mut paths = Vec::new();
                collect(&whole, String::new(), &mut paths);
                if let Some(place) = whole.pointer_mut(index.get::<String>(&paths)) {
                    *place = surprise;
                }
            }
            whole
        })
}

fn collect(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect(member, format!("{path}/{name}"), paths);
            }
        }
        Value::Array(elements) => {
            for (at, element) in elements.iter().enumerate() {
                collect(element, format!("{path}/{at}"), paths);
            }
        }
        _ => {}
    }
    paths.push(path);
}

fn written(value: &Value, pretty: bool) -> String {
    let text = if pretty {
        serde_json::to_string_pretty(value)
    } else {
        serde_json::to_string(value)
    };
    text.expect("JSON")
}

proptest! {
    #[test]
    fn jobs_are_read_alike(job in with_surprises(arbitrary::job().boxed()), pretty in any::<bool>()) {
        prop_assert!(agrees::<Job>(&written(&job, pretty)) || !job.is_object());
    }

    #[test]
    fn pages_are_read_alike(page in with_surprises(arbitrary::servers_page().boxed()), pretty in any::<bool>()) {
        prop_assert!(agrees::<ServersPage>(&written(&page, pretty)) || !page.is_object());
    }
}
