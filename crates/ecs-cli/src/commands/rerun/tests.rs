use super::*;

#[test]
fn options_after_the_dashes_are_those_of_a_run() {
    let words = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let id = "616fb98f-46ca-475e-917e-2563e5a8cd19";
    let (action, run) = parse(&words(&format!("ecsctl reboot {id} --type hard --wave 5"))).unwrap();
    assert_eq!(
        (action.name(), action.kind(), run.ids.len()),
        ("reboot", Some("HARD"), 1)
    );
    let fail = parse(&words(&format!("ecsctl stop {id} --wave x"))).unwrap_err();
    assert!(
        fail.message.contains("invalid value 'x' for '--wave"),
        "{}",
        fail.message
    );
    assert!(parse(&words("ecsctl sim")).is_err());
}
