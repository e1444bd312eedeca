//! Approvals of plans in a store: `plan approve --store`, `apply --four-eyes`.

use std::path::Path;
use std::process::Command;

use ecs_test_support::postgres::Postgres;

use crate::common::{Ended, Sim, command};
use crate::store::{new_store, stores};

/// A person: the user of the operating system, and how the store is named for that person.
struct Person<'a> {
    name: &'a str,
    store: String,
    sim: &'a Sim,
}

impl Person<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        command.args(["--store", &self.store]);
        command.env("LOGNAME", self.name);
        command
    }

    fn approves(&self, plan: &str, more: &[&str]) -> Ended {
        let approve = ["plan", "approve", plan];
        Ended::of(&mut self.command(&[&approve[..], more].concat()))
    }

    fn applies(&self, plan: &str, more: &[&str]) -> Ended {
        let apply = ["apply", plan, "--yes", "-o", "json"];
        let mut command = self.command(&[&apply[..], more].concat());
        command.args(self.sim.options());
        command.env("ECSCTL_SIM_SPEED", "60");
        Ended::of(&mut command)
    }
}

/// A plan of alice.
fn planned(sim: &Sim, path: &Path) -> String {
    let path = path.display().to_string();
    let mut plan = sim.command(&["plan", "reboot", "--all", "--out", &path]);
    Ended::of(plan.env("LOGNAME", "alice")).expect(0);
    path
}

#[test]
fn a_plan_needs_an_approval_by_another_person() {
    if cfg!(not(feature = "postgres")) {
        return;
    }
    let Some(server) = Postgres::start(None) else {
        return;
    };
    let server = server.unwrap();
    let owner = new_store(&server, 1);
    let roles = "CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE carol LOGIN";
    server.execute("cli1", roles).unwrap();
    let grants = [
        "--grant-to",
        "alice",
        "--grant-to",
        "bob",
        "--grant-to",
        "carol",
    ];
    let mut init = command(["store", "init", "--store", &owner]);
    Ended::of(init.args(grants)).expect(0);
    let revoke = "REVOKE EXECUTE ON FUNCTION ecsctl.approve_plan FROM carol";
    server.execute("cli1", revoke).unwrap();

    let sim = Sim::start(60, |region| region.servers(4));
    let person = |name| Person {
        name,
        store: server.address(name, "cli1"),
        sim: &sim,
    };
    let (alice, bob, carol) = (person("alice"), person("bob"), person("carol"));
    let folder = tempfile::tempdir().unwrap();
    let plan = planned(&sim, &folder.path().join("a.plan"));
    let four_eyes = ["--four-eyes"];
    alice
        .applies(&plan, &four_eyes)
        .refuses(2, &["no approval in the store"]);
    let mut without = sim.command(&["apply", &plan, "--yes", "--four-eyes"]);
    Ended::of(&mut without).refuses(2, &["--four-eyes needs a store"]);
    carol.approves(&plan, &[]).refuses(2, &["lacks a right"]);

    let approved = alice.approves(&plan, &[]).expect(0);
    assert!(
        approved.stderr.contains("is approved by the role alice"),
        "{}",
        approved.stderr
    );
    // The persons who apply and who planned.
    alice
        .applies(&plan, &four_eyes)
        .refuses(2, &["approved by role alice"]);
    bob.applies(&plan, &four_eyes)
        .refuses(2, &["it was planned by alice"]);
    // A person who claims to be another user still has that role.
    let forged = Person {
        name: "mallory",
        ..person("alice")
    };
    forged.approves(&plan, &[]).expect(0);
    alice
        .applies(&plan, &four_eyes)
        .refuses(2, &["role alice (mallory on "]);
    assert_eq!(sim.accepted(), 0);

    bob.approves(&plan, &[]).expect(0);
    let shown = Ended::of(&mut alice.command(&["plan", "show", &plan]))
        .expect(0)
        .stdout;
    assert!(shown.contains("role bob (bob on "), "{shown}");
    let document = Ended::of(&mut alice.command(&["plan", "show", &plan, "-o", "json"]));
    let document = document.expect(0).json();
    assert_eq!(document["store_approvals"].as_array().unwrap().len(), 3);
    assert_eq!(document["store_approvals"][2]["role"], "bob");

    // The approval is for this plan, and for no other one.
    let text = std::fs::read_to_string(&plan).unwrap();
    let changed = folder.path().join("changed.plan");
    std::fs::write(&changed, text.replace("SOFT", "HARD")).unwrap();
    let changed = changed.to_str().unwrap();
    alice
        .applies(changed, &four_eyes)
        .refuses(2, &["changed after it was made"]);
    let another = planned(&sim, &folder.path().join("b.plan"));
    alice
        .applies(&another, &four_eyes)
        .refuses(2, &["no approval in the store"]);
    assert_eq!(sim.accepted(), 0);

    let report = alice.applies(&plan, &four_eyes).expect(0).json();
    assert_eq!(report["summary"]["succeeded"], 4);
    // Once over all hosts: also with a copy of the plan.
    let copy = folder.path().join("copy").display().to_string();
    std::fs::copy(&plan, &copy).unwrap();
    let run_id = report["run_id"].as_str().unwrap();
    carol
        .applies(&copy, &[])
        .refuses(2, &["was applied before", run_id, "ecsctl resume"]);
    assert_eq!(sim.accepted(), 4);
}

/// The users of the operating system are all that a file knows.
#[test]
fn in_a_file_persons_are_users_also_by_sudo() {
    if cfg!(not(feature = "sqlite")) {
        return;
    }
    let store = stores().pop().unwrap();
    let sim = Sim::start(60, |region| region.servers(4));
    let person = |name| Person {
        name,
        store: store.clone(),
        sim: &sim,
    };
    let folder = tempfile::tempdir().unwrap();
    let plan = planned(&sim, &folder.path().join("a.plan"));
    let four_eyes = ["--four-eyes"];
    let mut by_sudo = person("root").command(&["plan", "approve", &plan]);
    Ended::of(by_sudo.env("SUDO_USER", "alice")).expect(0);
    person("alice")
        .applies(&plan, &four_eyes)
        .refuses(2, &["approved by root (sudo by alice)"]);
    person("bob").approves(&plan, &[]).expect(0);
    person("alice").applies(&plan, &four_eyes).expect(0);
    assert_eq!(sim.accepted(), 4);
    // Nor is it applied again by a command that does not name the store.
    let mut without = sim.command(&["apply", &plan, "--yes"]);
    let expected = ["the plan was applied before, as run ", "in the store"];
    Ended::of(&mut without).refuses(2, &expected);
    // Nor is a copy in another folder.
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("a.plan").display().to_string();
    std::fs::copy(&plan, &copy).unwrap();
    let mut without = sim.command(&["apply", &copy, "--yes"]);
    Ended::of(&mut without).refuses(2, &expected);
    assert_eq!(sim.accepted(), 4);
}

#[test]
fn signatures_in_the_store_count_like_those_in_the_plan() {
    let made = |folder: &Path, name: &str| {
        let path = folder.join(name).display().to_string();
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", &path])
            .status();
        made.is_ok_and(|status| status.success()).then_some(path)
    };
    for store in stores() {
        let sim = Sim::start(60, |region| region.servers(4));
        let folder = tempfile::tempdir().unwrap();
        let Some(key) = made(folder.path(), "approver") else {
            // Without OpenSSH on this machine.
            return;
        };
        let approvers = format!("{key}.pub");
        let plan = planned(&sim, &folder.path().join("a.plan"));
        let alice = Person {
            name: "alice",
            store,
            sim: &sim,
        };
        let required = ["--require-approval", &approvers];
        alice
            .applies(&plan, &required)
            .refuses(2, &["the plan has no approval"]);
        let before = std::fs::read(&plan).unwrap();
        let approved = alice.approves(&plan, &["--key", &key]).expect(0);
        assert!(
            approved.stderr.contains("signed by SHA256:"),
            "{}",
            approved.stderr
        );
        assert_eq!(
            std::fs::read(&plan).unwrap(),
            before,
            "the plan stays as it is"
        );
        let shown = Ended::of(&mut alice.command(&["plan", "show", &plan])).expect(0);
        assert!(
            shown.stdout.contains(", signed by SHA256:"),
            "{}",
            shown.stdout
        );
        // With both it must be the signature of another person.
        let both = [&required[..], &["--four-eyes"]].concat();
        alice
            .applies(&plan, &both)
            .refuses(2, &["--four-eyes requires"]);
        alice.applies(&plan, &required).expect(0);
        assert_eq!(sim.accepted(), 4);
    }
}

#[test]
fn an_approval_needs_a_store_or_a_signature() {
    let sim = Sim::start(60, |region| region.servers(1));
    let folder = tempfile::tempdir().unwrap();
    let plan = planned(&sim, &folder.path().join("a.plan"));
    let mut approve = command(["plan", "approve", &plan]);
    Ended::of(&mut approve).refuses(2, &["needs a store, or a signature", "--store URL"]);
    // A store that only the environment names is not needed to show a plan.
    let mut show = command(["plan", "show", &plan]);
    let shown = Ended::of(show.env("ECSCTL_STORE", "sqlite:/nowhere/fleet.db")).expect(0);
    let stderr = &shown.stderr;
    assert!(
        stderr.contains("the approvals in the store are not shown"),
        "{stderr}"
    );
    let mut show = command(["plan", "show", &plan, "--store", "sqlite:/nowhere/fleet.db"]);
    Ended::of(&mut show).refuses(2, &["/nowhere/fleet.db"]);
}
