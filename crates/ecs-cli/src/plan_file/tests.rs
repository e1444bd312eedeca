use ecs_ops::PowerAction;
use ecs_ops::model::RebootType;
use proptest::prelude::*;

use super::*;

fn id(number: u8) -> ServerId {
    ServerId::from_bytes([number; 16])
}

fn planned(number: u8, status: Option<&str>) -> PlannedServer {
    PlannedServer {
        id: id(number),
        name: Some(format!("web-{number}")),
        status: status.map(str::to_owned),
        availability_zone: None,
    }
}

fn plan(servers: u8) -> RunPlan {
    let ids = (1..=servers).map(id).collect();
    let project = "5dd3c0b24cdc4d31952c49589182a89d".parse().unwrap();
    let endpoint = "https://ecs.example".parse().unwrap();
    RunPlan {
        created: "2026-11-30T08:00:00Z".parse().unwrap(),
        run: RunRecord::new(
            "plan",
            &endpoint,
            project,
            PowerAction::Reboot(RebootType::Soft),
            ids,
        ),
        servers: (1..=servers)
            .map(|number| planned(number, Some("ACTIVE")))
            .collect(),
    }
}

#[test]
fn a_written_plan_is_read_back() {
    let file = PlanFile::new(plan(3)).unwrap();
    let text = file.text().unwrap();
    assert_eq!(PlanFile::parse(text.as_bytes()), Ok(file.clone()));
    // The hash does not depend on the formatting.
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        PlanFile::parse(value.to_string().as_bytes()),
        Ok(file.clone())
    );
    let journal = file.journal_path(Path::new("/plans/web.plan.json"));
    let name = journal.display().to_string();
    assert!(
        name.starts_with("/plans/web.plan.") && name.ends_with(".jsonl") && name.len() == 34,
        "{name}"
    );
}

#[test]
fn every_change_of_a_plan_is_detected() {
    let text = PlanFile::new(plan(2)).unwrap().text().unwrap();
    for (before, after) in [
        ("\"SOFT\"", "\"HARD\""),
        ("\"batch_size\": 100", "\"batch_size\": 1000"),
        (
            "01010101-0101-0101-0101-010101010101",
            "09010101-0101-0101-0101-010101010101",
        ),
        ("\"ACTIVE\"", "\"SHUTOFF\""),
        ("2026-11-30T08:00:00Z", "2026-11-30T09:00:00Z"),
        ("https://ecs.example", "https://ecs.examp1e"),
        ("\"plan\": {", "\"plan\": {\"more\": 1, "),
    ] {
        assert!(text.contains(before), "{before}");
        let changed = text.replacen(before, after, 1);
        assert_eq!(
            PlanFile::parse(changed.as_bytes()),
            Err(PlanFileError::Changed),
            "{after}"
        );
    }
}

#[test]
fn other_files_are_not_plans() {
    for (text, message) in [
        ("", "not a plan of ecsctl"),
        ("{}", "its \"format\" is not"),
        (
            "{\"format\":\"ecsctl plan\",\"version\":2}",
            "a plan of version 2",
        ),
        (
            "{\"format\":\"ecsctl plan\",\"version\":1,\"plan\":{}}",
            "its hash does not fit",
        ),
    ] {
        let error = PlanFile::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn differences_from_the_plan_are_described() {
    let before = planned(1, Some("ACTIVE"));
    assert_eq!(drift(&before, Some(&before)), None);
    assert_eq!(
        drift(&before, None).unwrap(),
        format!("{} web-1: not found", id(1))
    );
    let now = PlannedServer {
        name: None,
        ..planned(1, Some("SHUTOFF"))
    };
    assert_eq!(
        drift(&before, Some(&now)).unwrap(),
        format!(
            "{} web-1: name was web-1, is unknown, status was ACTIVE, is SHUTOFF",
            id(1)
        )
    );
    assert_eq!(
        drift(&planned(1, None), Some(&planned(1, Some("ERROR")))),
        None
    );
}

proptest! {
    #[test]
    fn the_order_of_members_does_not_matter(keys in proptest::collection::hash_set("[a-z\"é]{0,4}", 0..6), number in any::<i64>()) {
        let text = |keys: &[&String]| {
            let members: Vec<String> = keys.iter().map(|key| format!("{}:[{number},{{}}]", Value::String(key.to_string()))).collect();
            format!("{{{}}}", members.join(","))
        };
        let mut order: Vec<&String> = keys.iter().collect();
        let one: Value = serde_json::from_str(&text(&order)).unwrap();
        order.reverse();
        let other: Value = serde_json::from_str(&text(&order)).unwrap();
        prop_assert_eq!(PlanHash::of(&one), PlanHash::of(&other));
    }

    #[test]
    fn no_file_causes_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        prop_assert!(PlanFile::parse(&bytes).is_err());
    }
}
