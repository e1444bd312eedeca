//! The fast way reads what serde_json reads, or leaves it to serde_json.

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Plain, from_plain, plain_length};
use crate::lenient::object;
use crate::{Job, ServersPage, ShownServer, arbitrary};

/// What serde_json reads: straight, or by way of a value where a member is given twice.
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
fn what_the_service_writes_is_read_the_fast_way() {
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
fn what_is_no_json_is_left() {
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
    // What is kept is read by a recursion that ends in time; what is skipped by none.
    assert!(from_plain::<Job>(&deep(1_000_000)).is_ok());
    let kept = |levels: usize| format!(r#"{{"entities":{}}}"#, deep(levels));
    assert!(from_plain::<Job>(&kept(100)).is_ok());
    assert!(from_plain::<Job>(&kept(1_000_000)).is_err());
}

/// Cut anywhere, a body is not read; and whatever byte is put anywhere, both ways read the same.
#[test]
fn bodies_with_one_fault() {
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
fn the_end_of_a_text_is_found_at_every_place() {
    for length in 0..40 {
        let text: String = "ä~\u{7f}!#x".chars().cycle().take(length).collect();
        assert_eq!(plain_length(text.as_bytes()), text.len());
        for end in ['"', '\\', '\n', '\u{1f}', '\0'] {
            let ended = format!("{text}{end}\"\\\u{1}");
            assert_eq!(plain_length(ended.as_bytes()), text.len(), "{ended:?}");
        }
    }
}

/// Returns a value with other values in the places of some of its parts.
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
    fn jobs_mean_the_same(job in with_surprises(arbitrary::job().boxed()), pretty in any::<bool>()) {
        prop_assert!(agrees::<Job>(&written(&job, pretty)) || !job.is_object());
    }

    #[test]
    fn pages_mean_the_same(page in with_surprises(arbitrary::servers_page().boxed()), pretty in any::<bool>()) {
        prop_assert!(agrees::<ServersPage>(&written(&page, pretty)) || !page.is_object());
    }
}
