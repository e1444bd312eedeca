//! `job show` and `job wait`, in another process than the run.

use crate::common::{Sim, dead_endpoint, ecsctl, options};

/// Restarts all servers, one per job, without waiting, and returns the ids of the jobs.
fn jobs(sim: &Sim) -> Vec<String> {
    let arguments = [
        "reboot",
        "--all",
        "--yes",
        "--no-wait",
        "--batch-size",
        "1",
        "-o",
        "json",
    ];
    let report = ecsctl(&arguments, &sim.options()).expect(0).json();
    let jobs = report["jobs"].as_array().unwrap();
    jobs.iter()
        .map(|job| job["job_id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn job_wait_reports_succeeded_jobs() {
    let sim = Sim::start(20, |region| region);
    let jobs = jobs(&sim);
    let more = [jobs.clone(), sim.options()].concat();
    let waited = ecsctl(&["job", "wait", "-o", "json"], &more)
        .expect(0)
        .json();
    assert_eq!(waited["version"], 1);
    for (index, id) in jobs.iter().enumerate() {
        assert_eq!(waited["jobs"][index]["job_id"], **id);
        assert_eq!(waited["jobs"][index]["state"], "succeeded");
        assert_eq!(waited["jobs"][index]["job"]["status"], "SUCCESS");
    }
    let shown = ecsctl(&["job", "show", &jobs[0]], &sim.options())
        .expect(0)
        .stdout;
    assert!(shown.contains("succeeded"), "{shown}");
    assert!(sim.ids().iter().any(|id| shown.contains(id)), "{shown}");
    let lines = ecsctl(&["job", "wait", "-o", "jsonl"], &more)
        .expect(0)
        .lines();
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line["event"] == "job"));
}

#[test]
fn job_wait_reports_failed_jobs() {
    let sim = Sim::start(100, |region| region.failing(1.0));
    let jobs = jobs(&sim);
    let ended = ecsctl(&["job", "wait", &jobs[0]], &sim.options()).expect(1);
    assert!(ended.stdout.contains("failed"), "{}", ended.stdout);
    ecsctl(&["job", "show", &jobs[0]], &sim.options()).expect(0);
}

#[test]
fn job_wait_stops_at_its_deadline() {
    let sim = Sim::start(1, |region| region);
    let jobs = jobs(&sim);
    let ended = ecsctl(
        &["job", "wait", &jobs[0], "--deadline", "1s", "-o", "json"],
        &sim.options(),
    )
    .expect(5);
    assert_eq!(ended.json()["jobs"][0]["state"], "running");
    assert!(
        ended.json()["jobs"][0]["job"].is_object(),
        "the job as it was last seen"
    );
    let shown = ecsctl(&["job", "show", &jobs[0], "-o", "json"], &sim.options()).expect(0);
    assert_eq!(shown.json()["jobs"][0]["state"], "running");
}

#[test]
fn unseen_jobs_are_not_reported_as_running() {
    let dead = options(&dead_endpoint(), "p", "t");
    let ended = ecsctl(
        &["job", "wait", "some", "--deadline", "1s", "-o", "json"],
        &dead,
    );
    let ended = ended.expect(5);
    let job = &ended.json()["jobs"][0];
    assert_eq!(job["state"], "unreachable");
    let message = job["error"]["message"].as_str().unwrap();
    assert!(message.contains("could not connect"), "{message}");
    for expected in [
        "cannot query job some: could not connect",
        "--deadline sets a limit",
        "hint: check --endpoint",
    ] {
        assert!(
            ended.stderr.contains(expected),
            "{expected:?} is missing in {}",
            ended.stderr
        );
    }
}

#[test]
fn job_wait_reports_jobs_unknown_to_the_service() {
    let sim = Sim::start(1, |region| region);
    for command in ["show", "wait"] {
        let ended = ecsctl(&["job", command, "nosuchjob", "-o", "json"], &sim.options()).expect(3);
        assert_eq!(ended.json()["jobs"][0]["state"], "unknown");
        assert_eq!(ended.json()["jobs"][0]["error"]["code"], "Common.0011");
    }
}

#[test]
fn job_wait_reports_refused_jobs() {
    let sim = Sim::start(1, |region| region);
    let mut options = sim.options();
    options[5] = "STRANGE".to_owned();
    for command in ["show", "wait"] {
        let ended = ecsctl(&["job", command, "some", "-o", "json"], &options).expect(4);
        assert_eq!(ended.json()["jobs"][0]["state"], "refused");
        assert!(ended.stderr.contains("--token"), "{}", ended.stderr);
    }
}

/// Five wrong signatures lock a key, so the second job is not queried.
#[test]
fn a_refused_key_is_used_once() {
    let account = crate::common::account::Account::new(&[]);
    let place = [
        "--endpoint",
        account.url(),
        "--project-id",
        account.get("project_id"),
        "--access-key",
        account.get("access_key"),
        "--secret-key",
    ];
    let show = ["job", "show", "a", "b", "c", "d", "e", "-o", "json"];
    let wrong = [&show[..], &place, &["wrong-secret"]].concat();
    let jobs = account.run(&wrong, &[], "").expect(4).json();
    for job in jobs["jobs"].as_array().unwrap() {
        assert_eq!(job["state"], "refused", "{job}");
        assert_eq!(job["error"]["code"], "APIGW.0301", "{job}");
    }
    let right = [&place[..], &[account.get("secret_key")]].concat();
    account.check(&right, &[], 0);
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_the_waiting() {
    use crate::common::Running;
    let sim = Sim::start(1, |region| region);
    let jobs = jobs(&sim);
    let arguments = ["job", "wait", &jobs[0], "-o", "json"].map(str::to_owned);
    let mut wait = Running::spawn(arguments.into_iter().chain(sim.options()));
    let mut stderr = std::io::BufReader::new(wait.0.stderr.take().unwrap());
    Running::until(&mut stderr, "waiting for a job");
    wait.signal("INT");
    Running::until(&mut stderr, "stopped; the jobs continue at the service");
    assert_eq!(wait.wait().code(), Some(5));
}
