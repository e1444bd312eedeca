use ecs_ops::journal::{Record, RunRecord};

use super::*;

/// The fixture of journal version 1 has every option.
#[test]
fn every_option_of_a_journal_is_written_as_it_was_typed() {
    let first = include_str!("../../../../ecs-ops/src/journal/line/fixtures/v1.jsonl")
        .lines()
        .next()
        .unwrap();
    let line: serde_json::Value = serde_json::from_str(first).unwrap();
    let Ok(Record::Run(run)) = serde_json::from_value(line["record"].clone()) else {
        panic!("the first record is a run");
    };
    let mut run: RunRecord = *run;
    // These options were added to version 1 later.
    run.servers_per_minute = Some(50);
    let rolling = run.rolling.as_mut().unwrap();
    rolling.escalate_hang_ms = Some(1_800_000);
    let arguments: Vec<String> = options_of(&run)
        .iter()
        .flat_map(RecordedOption::arguments)
        .collect();
    assert_eq!(
        arguments.join(" "),
        "--type soft --servers-per-minute 50 --deadline 1h --verify --verify-timeout 2m --wave 5 --canary 1 --pause 30s --max-failures 1 \
         --health-cmd curl -f https://shop.example --escalate hard-after 5m --escalate hard-if-hung 30m"
    );
}

#[test]
fn a_value_with_a_dash_is_not_parsed_as_an_option() {
    let option = RecordedOption {
        name: "--health-cmd",
        values: vec!["-x".to_owned()],
    };
    assert_eq!(option.arguments(), ["--health-cmd=-x"]);
}

#[test]
fn options_after_the_dashes_are_those_of_a_run() {
    let arguments = |arguments: &str| arguments.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let id = "616fb98f-46ca-475e-917e-2563e5a8cd19";
    let (action, run) = parse(&arguments(&format!(
        "ecsctl reboot {id} --type hard --wave 5"
    )))
    .unwrap();
    assert_eq!(
        (action.name(), action.type_name(), run.ids.len()),
        ("reboot", Some("HARD"), 1)
    );
    let fail = parse(&arguments(&format!("ecsctl stop {id} --wave x"))).unwrap_err();
    assert!(
        fail.message.contains("invalid value 'x' for '--wave"),
        "{}",
        fail.message
    );
    assert!(parse(&arguments("ecsctl sim")).is_err());
}
