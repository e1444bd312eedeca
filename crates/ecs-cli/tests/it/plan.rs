//! `ecsctl plan` and `ecsctl apply`: exactly the plan is carried out.

mod once;

use std::collections::BTreeSet;
use std::process::Command;

use crate::common::{Ended, Sim, command, ecsctl};

const NONE: [&str; 0] = [];

struct World {
    sim: Sim,
    folder: tempfile::TempDir,
}

impl World {
    fn new(servers: usize, failing: f64) -> Self {
        Self {
            sim: Sim::start(60, |region| region.servers(servers).failing(failing)),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        ecsctl(arguments, &self.sim.options())
    }

    fn sent(&self) -> Vec<String> {
        self.sim.with(|region| {
            let entries = region.accepted().entries().iter();
            entries
                .flat_map(|entry| entry.servers.clone())
                .map(|id| id.to_string())
                .collect()
        })
    }

    fn journal(&self) -> String {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut paths = entries.map(|entry| entry.unwrap().path());
        let journal = paths.find(|path| path.extension().is_some_and(|end| end == "jsonl"));
        journal
            .expect("a journal beside the plan")
            .display()
            .to_string()
    }
}

#[test]
fn a_plan_is_shown_and_applied_once() {
    let world = World::new(60, 0.0);
    let plan = world.path("web.plan");
    let filters = [
        "--tag",
        "role=web",
        "--wave",
        "10",
        "--pause",
        "1s",
        "--batch-size",
        "5",
    ];
    world
        .run(&[&["plan", "reboot", "--out", &plan], &filters[..]].concat())
        .expect(0);
    assert!(world.sent().is_empty());
    let document = ecsctl(&["plan", "show", &plan, "-o", "json"], &NONE)
        .expect(0)
        .json();
    let planned: BTreeSet<&str> = document["plan"]["servers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|server| server["id"].as_str().unwrap())
        .collect();
    assert!(planned.len() > 10);
    let page = world.path("plan.html");
    ecsctl(&["plan", "show", &plan, "--html", &page], &NONE).expect(0);
    let again = ["plan", "show", &plan, "--html", &page];
    ecsctl(&again, &NONE).refuses(2, &["cannot write", "plan.html"]);
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("<h2>Wave 2: "), "{page}");
    assert!(planned.iter().all(|id| page.contains(id)));
    let shown = ecsctl(&["plan", "show", &plan], &NONE).expect(0).stdout;
    for expected in [
        "sha256:",
        "--wave 10",
        "--pause 1s",
        "--batch-size 5",
        "web-001",
        "ACTIVE",
        "approved by  none",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }

    let rehearsed = world
        .run(&["apply", &plan, "--dry-run", "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(rehearsed["servers"], planned.len());
    assert!(world.sent().is_empty());
    let report = world
        .run(&["apply", &plan, "--yes", "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(report["summary"]["succeeded"], planned.len());
    let sent = world.sent();
    assert_eq!(sent.len(), planned.len());
    assert_eq!(
        sent.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        planned
    );
    // In requests of five and waves of ten, as planned.
    assert!(world.sim.with(|region| {
        region
            .accepted()
            .entries()
            .iter()
            .all(|entry| entry.servers.len() <= 5)
    }));

    world
        .run(&["apply", &plan, "--yes"])
        .refuses(2, &["was applied before", "  ecsctl resume "]);
    assert_eq!(world.sent().len(), planned.len());
    let journal = world.journal();
    ecsctl(&["run", "show", &journal], &NONE).expect(0);
}

#[test]
fn an_unusable_plan_is_refused() {
    let world = World::new(12, 0.0);
    let plan = world.path("all.plan");
    world
        .run(&["plan", "stop", "--all", "--out", &plan])
        .expect(0);
    let refused = |arguments: &[&str], expected: &[&str]| {
        world
            .run(&[&["apply", &plan, "--yes"], arguments].concat())
            .refuses(2, expected);
        assert!(world.sent().is_empty());
    };
    refused(
        &["--max-age", "1ns"],
        &["the plan is 0 min old", "--max-age"],
    );
    let text = std::fs::read_to_string(&plan).unwrap();
    std::fs::write(
        &plan,
        text.replace("\"batch_size\": 100", "\"batch_size\": 1000"),
    )
    .unwrap();
    refused(&[], &["was changed after it was made"]);
    std::fs::write(&plan, &text).unwrap();
    std::fs::write(world.path("other"), "{}").unwrap();
    world
        .run(&["apply", &world.path("other")])
        .refuses(2, &["not a plan of ecsctl"]);
    world
        .run(&["plan", "stop", "--all", "--out", &plan])
        .refuses(2, &["the file exists"]);
    world
        .run(&["plan", "stop", "--all", "--yes", "--out", &world.path("x")])
        .refuses(2, &["--yes cannot be used with plan"]);

    // Another user stops two of the servers.
    let ids = [world.sim.id(3), world.sim.id(7)];
    world.run(&["stop", &ids[0], &ids[1], "--yes"]).expect(0);
    let before = world.sent().len();
    let drifted = world.run(&["apply", &plan, "--yes"]);
    let expected = [
        "2 servers differ from the plan",
        &ids[0],
        "status was ACTIVE, is SHUTOFF",
        "--accept-drift",
    ];
    drifted.refuses(2, &expected);
    assert_eq!(world.sent().len(), before);
    let applied = world.run(&["apply", &plan, "--yes", "--accept-drift"]);
    assert!(
        applied
            .stderr
            .contains("warning: 2 servers differ from the plan"),
        "{}",
        applied.stderr
    );
    assert!(world.sent().len() > before);
}

/// The store is in the environment or the configuration, so the user did not type the conflicting option.
#[test]
fn plan_and_rerun_are_refused_with_a_store() {
    let world = World::new(2, 0.0);
    let plan = world.path("all.plan");
    world
        .run(&["plan", "start", "--all", "--out", &plan])
        .expect(0);
    let beside = |arguments: &[&str]| {
        let mut command = world.sim.command(arguments);
        Ended::of(command.env("ECSCTL_STORE", "postgres://nobody@127.0.0.1:9/x"))
    };
    // The journal of its run is in the store.
    let expected = if cfg!(feature = "postgres") {
        "no connection to the store"
    } else {
        "ECSCTL_STORE names"
    };
    beside(&["apply", &plan, "--yes"]).refuses(2, &[expected]);
    let expected = [
        "rerun cannot be used with a store",
        "ECSCTL_STORE",
        "ecsctl run show last -o id --outcome failed",
    ];
    beside(&["rerun", "last", "--yes"]).refuses(2, &expected);
    assert!(world.sent().is_empty());
}

/// Neither the environment nor the configuration changes the place of a plan, and an option that does is refused.
#[test]
fn a_plan_is_applied_at_its_place() {
    let world = World::new(2, 0.0);
    let plan = world.path("all.plan");
    world
        .run(&["plan", "start", "--all", "--out", &plan])
        .expect(0);
    let token = world.sim.options().pop().unwrap();
    let apply = |more: &[&str]| {
        let given = ["apply", &plan, "--yes", "--token", &token];
        let mut command = command([&given[..], more].concat());
        command
            .env("ECSCTL_ENDPOINT", "http://127.0.0.1:9")
            .env("ECSCTL_PROJECT_ID", "another");
        Ended::of(&mut command)
    };
    let planned = format!("give --endpoint {}", world.sim.info().listening);
    apply(&["--endpoint", "http://127.0.0.1:9"]).refuses(
        2,
        &["the plan is for project", &planned, "instead of --endpoint"],
    );
    apply(&["--project-id", "other"]).refuses(2, &["the plan is for", "give --project-id "]);
    assert!(world.sent().is_empty());
    apply(&[]).expect(0);
    assert_eq!(world.sent().len(), 2);
}

#[test]
fn a_plan_needs_its_approval() {
    let world = World::new(4, 0.0);
    let plan = world.path("all.plan");
    world
        .run(&["plan", "start", "--all", "--out", &plan])
        .expect(0);
    let made = |name: &str| {
        let path = world.path(name);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", &path])
            .status();
        made.is_ok_and(|status| status.success()).then_some(path)
    };
    let (Some(key), Some(stranger)) = (made("approver"), made("stranger")) else {
        // Without OpenSSH on this machine; src/approval/tests.rs signs by itself.
        return;
    };
    let approvers = format!("{key}.pub");
    let apply = ["apply", &plan, "--yes", "--require-approval", &approvers];
    world.run(&apply).refuses(2, &["the plan has no approval"]);
    ecsctl(&["plan", "approve", &plan, "--key", &stranger], &NONE).expect(0);
    world.run(&apply).refuses(2, &["by none of the keys"]);
    assert!(world.sent().is_empty());

    // With OpenSSH, as for a key on a token.
    let hash = world.path("hash");
    std::fs::write(
        &hash,
        ecsctl(&["plan", "show", &plan, "-o", "hash"], &NONE)
            .expect(0)
            .stdout,
    )
    .unwrap();
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "ecsctl-plan", "-f", &key, &hash])
        .status();
    assert!(signed.unwrap().success());
    let signature = format!("{hash}.sig");
    let approved = ecsctl(
        &["plan", "approve", &plan, "--signature", &signature],
        &NONE,
    )
    .expect(0);
    assert!(
        approved.stderr.contains("is approved by SHA256:"),
        "{}",
        approved.stderr
    );
    ecsctl(
        &["plan", "approve", &plan, "--signature", &approvers],
        &NONE,
    )
    .expect(2);
    world.run(&apply).expect(0);
    assert_eq!(world.sent().len(), 4);
}

#[test]
fn an_approver_sees_the_account_and_the_project() {
    let directory = tempfile::tempdir().unwrap();
    let plan = directory.path().join("a.plan").display().to_string();
    let sim = Sim::start(60, |region| region.servers(2));
    ecsctl(&["plan", "reboot", "--all", "--out", &plan], &sim.options()).expect(0);
    let shown = ecsctl(&["plan", "show", &plan], &[""; 0]).expect(0).stdout;
    for label in ["account ", "project ", "endpoint "] {
        let rows = shown.lines().filter(|line| line.starts_with(label));
        assert_eq!(rows.count(), 1, "{shown}");
    }
}
