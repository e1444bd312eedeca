use ecs_ops::model::ServerId;
use jiff::Timestamp;

use super::*;

fn run(name: &str, servers: &[u8]) -> ActiveRun {
    let servers = servers.iter().map(|n| ServerId::from_bytes([*n; 16]));
    ActiveRun::new(
        name,
        "https://e",
        "p".parse().unwrap(),
        "reboot",
        servers.collect(),
        Timestamp::UNIX_EPOCH,
    )
}

#[test]
fn a_second_run_on_a_server_is_refused_until_the_first_ends() {
    let folder = tempfile::tempdir().unwrap();
    let registry = FileRegistry::new(folder.path().join("active"));
    let first = registry.register_now(&run("a", &[1, 2])).unwrap();
    let other = registry.register_now(&run("b", &[3])).unwrap();
    let error = registry.register_now(&run("c", &[2, 3])).unwrap_err();
    let RegisterError::Conflict(conflict) = error else {
        panic!("{error}");
    };
    assert!(["a", "b"].contains(&conflict.run.run_id.as_str()));
    assert_eq!(conflict.servers.len(), 1);
    drop((first, other));
    registry.register_now(&run("c", &[2, 3])).unwrap();
}

#[test]
fn entries_of_dead_processes_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let registry = FileRegistry::new(folder.path().to_owned());
    let entry = folder.path().join("dead.json");
    std::fs::write(&entry, serde_json::to_vec(&run("dead", &[1])).unwrap()).unwrap();
    std::fs::write(folder.path().join("dead.lock"), "").unwrap();
    let _taken = registry.register_now(&run("a", &[1])).unwrap();
    assert!(!entry.exists());
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_entries() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let registry = FileRegistry::new(folder.path().join("active"));
    let _taken = registry.register_now(&run("a", &[1])).unwrap();
    let mode = |name: &str| {
        let path = folder.path().join("active").join(name);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode(""), mode("a.json")), (0o700, 0o600));
}
