//! A plan is applied once, also if it was copied to another folder.

use super::{NONE, World};
use crate::common::{Ended, ecsctl, state};

fn planned(world: &World, name: &str) -> String {
    let plan = world.path(name);
    world
        .run(&["plan", "start", "--all", "--out", &plan])
        .expect(0);
    plan
}

#[test]
fn a_copy_in_another_folder_is_not_applied_again() {
    let world = World::new(3, 0.0);
    let plan = planned(&world, "all.plan");
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("copy.plan").display().to_string();
    std::fs::copy(&plan, &copy).unwrap();
    world.run(&["apply", &plan, "--dry-run"]).expect(0);
    world.run(&["apply", &plan, "--yes"]).expect(0);
    assert_eq!(world.sent().len(), 3);

    let journal = world.journal();
    let applied = format!("the plan was applied before: its journal is {journal}; nothing");
    let expected = [
        &applied,
        "make a new plan",
        &format!("  ecsctl resume {journal}"),
    ];
    world.run(&["apply", &copy, "--yes"]).refuses(2, &expected);
    world
        .run(&["apply", &copy, "--dry-run"])
        .refuses(2, &expected);
    ecsctl(&["run", "show", &journal], &NONE).expect(0);

    // A workspace that is deleted after the run.
    std::fs::remove_file(&journal).unwrap();
    let gone = world.run(&["apply", &copy, "--yes"]);
    let gone = gone.refuses(2, &["which is gone", "if that run did not begin, delete "]);
    assert_eq!(world.sent().len(), 3);
    let marker = gone.stderr.split_once("delete ").unwrap().1;
    let marker = marker.split_once(" and apply").unwrap().0;
    assert!(marker.starts_with(state().to_str().unwrap()), "{marker}");
    std::fs::write(marker, "").unwrap();
    world
        .run(&["apply", &copy, "--yes"])
        .refuses(2, &["does not name the run", marker]);
    std::fs::remove_file(marker).unwrap();
    world.run(&["apply", &copy, "--yes"]).expect(0);
}

#[test]
fn without_a_place_for_its_marker_a_plan_is_not_applied() {
    let world = World::new(2, 0.0);
    let plan = planned(&world, "all.plan");
    let file = world.path("file");
    std::fs::write(&file, "").unwrap();
    let apply = |state: Option<&str>, more: &[&str]| {
        let arguments = [&["apply", &plan][..], more].concat();
        let mut command = world.sim.command(&arguments);
        match state {
            Some(state) => command.env("XDG_STATE_HOME", state),
            None => command.env_remove("XDG_STATE_HOME").env_remove("HOME"),
        };
        Ended::of(&mut command)
    };
    let hint = "ECSCTL_JOURNAL_DIR";
    apply(None, &["--yes"]).refuses(2, &["no folder for journals", "nothing was sent", hint]);
    apply(Some(&file), &["--yes"]).refuses(2, &["no journal can be written to", hint]);
    assert!(world.sent().is_empty());
    let rehearsed = apply(None, &["--dry-run"]).expect(0);
    assert!(
        rehearsed.stderr.contains("warning: there is no folder"),
        "{}",
        rehearsed.stderr
    );
    apply(Some(&world.path("state")), &["--yes"]).expect(0);
    assert_eq!(world.sent().len(), 2);
}

#[test]
fn a_run_that_did_not_begin_leaves_no_marker() {
    let world = World::new(2, 0.0);
    // Its journal would have a longer name than a file can have.
    let plan = planned(&world, &format!("{}.plan", "a".repeat(240)));
    world
        .run(&["apply", &plan, "--yes"])
        .refuses(2, &["cannot be created"]);
    assert!(world.sent().is_empty());
    let short = world.path("short.plan");
    std::fs::rename(&plan, &short).unwrap();
    world.run(&["apply", &short, "--yes"]).expect(0);
    assert_eq!(world.sent().len(), 2);
}
