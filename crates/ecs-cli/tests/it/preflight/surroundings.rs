//! The surroundings of a run: an unreachable service, this machine among the servers, auto-scaling groups.

use super::*;

/// Nothing is sent to a service that cannot be read, and the report has this reason for each server.
#[test]
fn an_unreachable_service_gets_no_action() {
    let ids = [
        "616fb98f-46ca-475e-917e-2563e5a8cd19",
        "726fb98f-46ca-475e-917e-2563e5a8cd19",
    ];
    let dead = options(&common::dead_endpoint(), "p1", "t1");
    let arguments = [&["reboot", "--yes", "-o", "json"], &ids[..]].concat();
    let ended = ecsctl(&arguments, &dead).expect(1);
    let report = ended.json();
    assert_eq!(outcomes(&report), ["not_attempted"; 2]);
    let message = report["servers"][0]["error"]["message"].as_str().unwrap();
    assert!(message.contains("could not connect"), "{message}");
    says(
        &ended,
        &[
            "cannot read the state of the servers, so nothing was sent",
            "--no-preflight",
        ],
    );
    // A dry run shows the plan anyway.
    let rehearsal = [&arguments[..], &["--dry-run"]].concat();
    let ended = ecsctl(&rehearsal, &dead).expect(0);
    says(&ended, &["so a run would send nothing: could not connect"]);
    // A read finds refused credentials.
    let sim = sim(|region| region);
    let strange = options(
        &sim.info().listening,
        sim.info().project_id.as_str(),
        "another",
    );
    let ended = ecsctl(&arguments, &strange).expect(4);
    assert_eq!(outcomes(&ended.json()), ["not_attempted"; 2]);
}

#[test]
fn this_machine_is_skipped_by_all_and_last_if_named() {
    let own = || sim(|region| region.servers(4).own_server(1));
    for verb in ["reboot", "stop"] {
        let sim = own();
        let me = sim.id(1);
        let ended = run(&sim, &[verb, "--all"]).expect(0);
        let report = ended.json();
        assert_eq!(report["summary"]["requested"], 3);
        assert_eq!(report["skipped"][0]["id"], me.as_str());
        assert_eq!(report["skipped"][0]["reason"], "this_machine");
        says(&ended, &["warning: ecsctl runs on", &me, "skipped"]);
    }
    let sim = own();
    let ids = sim.ids();
    let named: Vec<&str> = ids.iter().map(String::as_str).collect();
    let ended = run(&sim, &[&["reboot"], &named[..]].concat()).expect(0);
    says(&ended, &["ecsctl runs on", "it comes last and alone"]);
    assert_eq!(requests(&sim), [3, 1]);
    let last = sim.with(|region| region.accepted().entries()[1].servers[0].to_string());
    assert_eq!(last, sim.id(1));
    // It is a further wave, also with a canary.
    let sim = own();
    let waves = ["--wave", "2", "--canary", "1", "--canary-pause", "1s"];
    run(&sim, &[&["reboot"], &named[..], &waves].concat()).expect(0);
    assert_eq!(requests(&sim), [1, 2, 1]);
    // A run of this server alone does not wait.
    let sim = own();
    let ended = run(&sim, &["reboot", &sim.id(1)]).expect(0);
    says(&ended, &["the action ends this process", "ecsctl resume"]);
    run(&sim, &[&["stop", "--no-wait"], &named[..]].concat()).refuses(2, &["--no-wait"]);
}

/// An unresponsive metadata service delays a run only briefly.
#[test]
fn a_hanging_metadata_service_does_not_delay_the_run() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let hangs = format!("http://{}", listener.local_addr().unwrap());
    let sim = sim(|region| region);
    let began = Instant::now();
    let output = common::command(
        ["start", "--yes", "--no-wait"]
            .map(str::to_owned)
            .into_iter()
            .chain([sim.id(0)])
            .chain(sim.options()),
    )
    .env("ECSCTL_METADATA_ENDPOINT", hangs)
    .output()
    .unwrap();
    assert!(output.status.success());
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn members_of_auto_scaling_groups_need_consent() {
    let grouped = || {
        sim(|region| {
            region
                .servers(30)
                .scaling_group(ScalingGroup::new("web", 1..3))
                .scaling_group(ScalingGroup::new("parked", 3..4).paused())
        })
    };
    let sim = grouped();
    for arguments in [
        &["stop"][..],
        &["reboot"],
        &["reboot", "--type", "hard"],
        &["reboot", "--dry-run"],
    ] {
        let (member, id) = (sim.id(1), sim.id(2));
        let ids = [member.as_str(), id.as_str(), &sim.id(0)].map(str::to_owned);
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        run(&sim, &[arguments, &ids].concat()).refuses(
            2,
            &[
                "2 servers are members of auto-scaling groups: nothing was sent",
                &format!("{member} "),
                "in group web",
                "--allow-autoscaling-members",
            ],
        );
        run(&sim, &[arguments, &["--all"]].concat()).refuses(2, &["in group web"]);
    }
    assert_eq!(sim.accepted(), 0);
    run(&sim, &["stop", "--allow-autoscaling-members", &sim.id(1)]).expect(0);
    // Starting harms no member.
    let ended = run(&sim, &["start", &sim.id(1)]).expect(0);
    assert!(!ended.stderr.contains("auto-scaling"), "{}", ended.stderr);
    // A disabled group removes no members.
    let ended = run(&sim, &["reboot", &sim.id(3)]).expect(0);
    says(
        &ended,
        &[
            "1 server is a member of disabled auto-scaling groups",
            "parked",
        ],
    );
    assert_eq!(sim.accepted(), 3);
}
