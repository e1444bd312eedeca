use proptest::prelude::*;

use super::*;

fn id(number: u8) -> ServerId {
    ServerId::from_bytes([number; 16])
}

fn run(name: &str, project: &str, servers: &[u8]) -> ActiveRun {
    ActiveRun::new(
        name,
        "https://e",
        project.parse().unwrap(),
        "reboot",
        servers.iter().copied().map(id).collect(),
        Timestamp::UNIX_EPOCH,
    )
}

#[test]
fn only_the_same_place_conflicts() {
    let wanted = run("b", "p", &[1, 2]);
    assert_eq!(Conflict::between(&wanted, [run("a", "q", &[1])]), None);
    let elsewhere = ActiveRun {
        endpoint: "https://f".to_owned(),
        ..run("a", "p", &[1])
    };
    assert_eq!(Conflict::between(&wanted, [elsewhere]), None);
    let same = Conflict::between(&wanted, [run("b", "p", &[])]).unwrap();
    assert!(same.servers.is_empty());
    let expected = RegisterError::Conflict(Box::new(same)).to_string();
    assert_eq!(expected, "run b acts on its servers already");
}

#[test]
fn an_entry_is_read_back() {
    let entry = ActiveRun {
        invocation: Some(Invocation {
            user: Some("ops".to_owned()),
            ..Invocation::default()
        }),
        journal: Some("/j".to_owned()),
        ..run("a", "p", &[1])
    };
    let text = serde_json::to_string(&entry).unwrap();
    assert_eq!(serde_json::from_str::<ActiveRun>(&text).unwrap(), entry);
}

proptest! {
    #[test]
    fn a_conflict_lists_the_servers_of_both_runs(
        mine in prop::collection::vec(any::<u8>(), 0..20), theirs in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let found = Conflict::between(&run("b", "p", &mine), [run("a", "p", &theirs)]);
        let both: Vec<_> = mine.iter().filter(|id| theirs.contains(id)).copied().map(id).collect();
        prop_assert_eq!(found.is_some(), !both.is_empty());
        if let Some(found) = found {
            prop_assert_eq!(found.servers, both);
        }
    }
}
