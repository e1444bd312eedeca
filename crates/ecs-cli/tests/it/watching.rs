//! `run watch`: one process runs, and another one watches it.

use std::process::Command;
use std::time::Duration;

use ecs_test_support::postgres::Postgres;
use serde_json::Value;

use crate::common::{Ended, Running, Sim, command, ecsctl, outcomes, wait_until};
use crate::store::{new_store, stores};

/// A restart of all servers that takes a while: four in a request, two requests a minute of the region.
fn reboot<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let slow = ["--batch-size", "4", "--servers-per-minute", "8"];
    [&["reboot", "--all", "--yes", "-o", "json"], &slow[..], more].concat()
}

fn watch(store: &str, more: &[&str]) -> Command {
    let arguments = ["run", "watch", "last", "--store", store];
    command([&arguments, more].concat())
}

fn run_id(store: &str) -> Option<String> {
    let list = ecsctl(&["run", "list", "--store", store, "-o", "id"], &[""; 0]).expect(0);
    list.stdout.lines().next().map(str::to_owned)
}

/// Returns a report without the times of its outcomes, because records are written a moment before.
fn without_times(mut report: Value) -> Value {
    for server in report["servers"].as_array_mut().unwrap() {
        assert!(server.as_object_mut().unwrap().remove("at").is_some());
    }
    report
}

fn names(events: &[Value]) -> Vec<&str> {
    let names = events.iter();
    names
        .map(|event| event["event"].as_str().unwrap())
        .collect()
}

#[test]
fn a_watcher_shows_the_run_and_ends_with_its_exit_code() {
    for store in stores() {
        let sim = Sim::start(60, |region| region.servers(16).seed(3).failing(0.3));
        let options = ["--store", &store];
        let mut run = sim.command(&reboot(&options));
        let run = std::thread::spawn(move || Ended::of(&mut run));
        wait_until("the run has begun", || run_id(&store).is_some());
        let early = Running::of(&mut watch(&store, &["-o", "jsonl"]));
        wait_until("a request was accepted", || sim.accepted() >= 4);
        // A watcher that begins late.
        let late = Running::of(&mut watch(&store, &["-o", "json"]));
        let people = Running::of(&mut watch(&store, &[]));
        let run = run.join().unwrap();
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        let report = run.json();
        let (report, late) = (
            without_times(report),
            without_times(late.ended().expect(1).json()),
        );
        for key in [
            "run_id",
            "summary",
            "servers",
            "jobs",
            "exit_code",
            "project_id",
        ] {
            assert_eq!(late[key], report[key], "{key}");
        }
        let early = early.ended().expect(1).lines();
        let done = early.iter().filter(|event| event["event"] == "server_done");
        assert_eq!(done.count(), 16);
        let names = names(&early);
        assert_eq!((names[0], names[names.len() - 1]), ("planned", "report"));
        assert!(
            names.contains(&"submitting") && names.contains(&"accepted"),
            "{names:?}"
        );
        let people = people.ended().expect(1);
        let (stdout, stderr) = (&people.stdout, &people.stderr);
        assert!(
            stderr.contains("watching run ") && stderr.contains("Restart 16 servers softly"),
            "{stderr}"
        );
        assert!(
            stdout.contains("16 servers: ") && stdout.contains("failed: "),
            "{stdout}"
        );
        let failed = format!(
            "ecsctl run show {} -o id --outcome failed",
            report["run_id"].as_str().unwrap()
        );
        let line = stderr.lines().find(|line| line.contains(&failed));
        assert!(
            line.is_some_and(|line| line.contains(&format!("--store {store}"))),
            "{stderr}"
        );
        // The report is the same long after the end.
        let again = Ended::of(&mut watch(&store, &["-o", "json", "--quiet"])).expect(1);
        assert_eq!(again.stderr, "");
        assert_eq!(outcomes(&again.json()), outcomes(&report));
    }
}

#[test]
fn a_watcher_follows_a_run_through_a_takeover() {
    for store in stores() {
        let sim = Sim::start(60, |region| region.servers(24).seed(7));
        let options = ["--store", &store];
        let mut first = Running::of(&mut sim.command(&reboot(&options)));
        wait_until("two requests were accepted", || sim.accepted() >= 8);
        let watcher = Running::of(&mut watch(&store, &["-o", "jsonl", "--wait-for-resume"]));
        let run_id = run_id(&store).unwrap();
        first.0.kill().unwrap();
        first.wait();
        let resume = [
            "resume",
            &run_id,
            "--yes",
            "--take-over",
            "-o",
            "json",
            "--store",
            &store,
        ];
        let resumed = Ended::of(&mut sim.command(&resume));
        let watched = watcher.ended();
        assert_eq!(watched.code, resumed.code, "{}", watched.stderr);
        assert!(
            watched.stderr.contains("the run was resumed by "),
            "{}",
            watched.stderr
        );
        let events = watched.lines();
        let report = events.last().unwrap();
        assert_eq!(outcomes(report), outcomes(&resumed.json()));
        // The output begins like that of a resumed run.
        let names = names(&events);
        let resumed = names.iter().position(|name| *name == "resumed").unwrap();
        assert_eq!(names[resumed - 1], "planned");
    }
}

#[test]
fn a_run_without_its_process_is_reported_with_the_next_step() {
    let sim = Sim::start(60, |region| region.servers(24).seed(7));
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("run.jsonl");
    let journal = journal.to_str().unwrap();
    let mut run = Running::of(&mut sim.command(&reboot(&["--journal", journal])));
    wait_until("two requests were accepted", || sim.accepted() >= 8);
    let mut watcher = Running::of(&mut command(["run", "watch", journal, "-o", "jsonl"]));
    watcher.first_line();
    run.0.kill().unwrap();
    run.wait();
    let watched = watcher.ended().expect(5);
    let stderr = &watched.stderr;
    assert!(
        stderr.contains("the run has not ended, but its process has"),
        "{stderr}"
    );
    assert!(
        stderr.contains(&format!("ecsctl resume {journal}")),
        "{stderr}"
    );
    let events = watched.lines();
    let report = events.last().unwrap();
    assert_eq!(report["servers"].as_array().unwrap().len(), 24);
    assert_eq!(report["exit_code"], 5);
    // The watcher waits until the run is resumed, and ends like the run.
    let waiting = command(["run", "watch", journal, "-o", "json", "--wait-for-resume"]);
    let waiting = Running::of(&mut { waiting });
    let resumed = Ended::of(&mut sim.command(&["resume", journal, "--yes", "-o", "json"]));
    let watched = waiting.ended();
    assert_eq!(watched.code, resumed.code, "{}", watched.stderr);
    assert_eq!(outcomes(&watched.json()), outcomes(&resumed.json()));
}

#[cfg(unix)]
#[test]
fn a_silent_process_is_reported_and_ctrl_c_stops_only_the_watcher() {
    for store in stores() {
        let sim = Sim::start(60, |region| region.servers(24).seed(7));
        let options = ["--store", &store];
        let mut run = Running::of(&mut sim.command(&reboot(&options)));
        wait_until("two requests were accepted", || sim.accepted() >= 8);
        let events = ["-o", "jsonl"];
        let mut watcher = Running::of(&mut watch(&store, &events));
        let mut silent = Running::of(&mut watch(&store, &events));
        watcher.first_line();
        silent.first_line();
        watcher.signal("INT");
        let watched = watcher.ended().expect(5);
        let stderr = &watched.stderr;
        assert!(
            stderr.contains("stopped watching; the run continues"),
            "{stderr}"
        );
        assert!(stderr.contains("ecsctl run watch "), "{stderr}");
        run.stop_between_writes();
        let watched = silent.ended().expect(5);
        let stderr = &watched.stderr;
        assert!(stderr.contains("no sign of life since"), "{stderr}");
        let run_id = run_id(&store).unwrap();
        assert!(
            stderr.contains(&format!("ecsctl resume {run_id}")),
            "{stderr}"
        );
        run.signal("CONT");
        assert_eq!(run.wait().code(), Some(0));
        assert_eq!(sim.accepted(), 24);
    }
}

#[test]
fn a_watcher_waits_for_an_unavailable_database() {
    if cfg!(not(feature = "postgres")) {
        return;
    }
    let Some(server) = Postgres::start(None) else {
        return;
    };
    let server = server.unwrap();
    let store = new_store(&server, 1);
    let sim = Sim::start(60, |region| region.servers(24).seed(7));
    let mut run = Running::of(&mut sim.command(&reboot(&["--store", &store])));
    wait_until("two requests were accepted", || sim.accepted() >= 8);
    let watcher = Running::of(&mut watch(&store, &["-o", "jsonl"]));
    for crash in [false, true] {
        std::thread::sleep(Duration::from_millis(1500));
        if crash {
            server.kill().unwrap();
        } else {
            server.stop().unwrap();
        }
        std::thread::sleep(Duration::from_millis(2500));
        server.restart().unwrap();
    }
    assert_eq!(run.wait().code(), Some(0));
    let watched = watcher.ended().expect(0);
    let events = watched.lines();
    let done = events
        .iter()
        .filter(|event| event["event"] == "server_done");
    assert_eq!(done.count(), 24, "none is left out, and none comes twice");
    assert!(
        watched.stderr.contains("the store cannot be read"),
        "{}",
        watched.stderr
    );
    assert!(
        watched.stderr.contains("the store can be read again"),
        "{}",
        watched.stderr
    );
}

/// A way to a server on which each piece of an answer takes this long.
fn slow_proxy(to: u16, delay: Duration) -> u16 {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let pass = |mut from: TcpStream, mut to: TcpStream, delay: Duration| {
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                std::thread::sleep(delay);
                if to.write_all(&buffer[..length]).is_err() {
                    return;
                }
            }
        });
    };
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(("127.0.0.1", to)).unwrap();
            pass(
                client.try_clone().unwrap(),
                server.try_clone().unwrap(),
                Duration::ZERO,
            );
            pass(server, client, delay);
        }
    });
    port
}

/// Returns a database with a run of four servers that has ended; `None` without PostgreSQL.
fn with_ended_run() -> Option<Postgres> {
    if cfg!(not(feature = "postgres")) {
        return None;
    }
    let server = Postgres::start(None)?.unwrap();
    let store = new_store(&server, 1);
    let sim = Sim::start(60, |region| region.servers(4));
    Ended::of(&mut sim.command(&reboot(&["--store", &store]))).expect(0);
    Some(server)
}

/// Each answer takes longer than the time between two updates of the progress.
#[test]
fn a_database_that_answers_slowly_is_waited_for() {
    let Some(server) = with_ended_run() else {
        return;
    };
    let role = "CREATE ROLE far LOGIN SUPERUSER PASSWORD 'secret'";
    server.execute("cli1", role).unwrap();
    let port = slow_proxy(server.port(), Duration::from_millis(700));
    let far = format!("postgres://far@127.0.0.1:{port}/cli1?sslmode=disable");
    let mut watch = watch(&far, &["-o", "json"]);
    let watched = Running::of(watch.env("PGPASSWORD", "secret")).ended();
    assert_eq!(watched.expect(0).json()["summary"]["succeeded"], 4);
}

/// A role that may only read.
#[test]
fn a_watcher_needs_only_read_permission() {
    let Some(server) = with_ended_run() else {
        return;
    };
    let statements = "CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA ecsctl TO reader; \
                      GRANT SELECT ON ALL TABLES IN SCHEMA ecsctl TO reader; \
                      GRANT EXECUTE ON FUNCTION ecsctl.microseconds TO reader";
    server.execute("cli1", statements).unwrap();
    let reader = server.address("reader", "cli1");
    Ended::of(&mut watch(&reader, &[])).expect(0);
}

#[test]
fn invalid_runs_to_watch_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.jsonl");
    std::fs::write(&empty, "").unwrap();
    let empty = empty.to_str().unwrap();
    ecsctl(&["run", "watch", empty], &[""; 0]).refuses(2, &["no complete record"]);
    let missing = folder.path().join("missing.jsonl");
    let missing = missing.to_str().unwrap();
    ecsctl(&["run", "watch", missing], &[""; 0]).refuses(2, &["missing.jsonl", "cannot be read"]);
    let text = folder.path().join("text.jsonl");
    std::fs::write(&text, "no journal\n").unwrap();
    ecsctl(&["run", "watch", text.to_str().unwrap()], &[""; 0])
        .refuses(2, &["not a valid run journal"]);
    for store in stores() {
        ecsctl(&["run", "watch", "nobody", "--store", &store], &[""; 0])
            .refuses(2, &["no run nobody"]);
        ecsctl(&["run", "watch", "last", "--store", &store], &[""; 0])
            .refuses(2, &["there is no run in the store"]);
    }
}

/// Exit code 2 says that nothing was sent, which a watcher no longer knows once it has seen records.
#[test]
fn a_failure_while_watching_does_not_end_like_a_run_that_sent_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let whole = path("whole.jsonl");
    let run = ["reboot", "--sim", "--all", "--yes", "--journal", &whole];
    ecsctl(&run, &[""; 0]).expect(0);
    let records = std::fs::read_to_string(&whole).unwrap();
    let records: Vec<&str> = records.lines().collect();
    std::fs::write(path("whole.jsonl"), records[..3].join("\n") + "\n").unwrap();
    let mut watcher = Running::of(&mut command([
        "run",
        "watch",
        &path("whole.jsonl"),
        "--wait-for-resume",
        "-o",
        "jsonl",
    ]));
    // It has read the records when it reports the first event.
    watcher.first_line();
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(path("whole.jsonl"))
        .unwrap();
    file.write_all(format!("{}\n", records[1]).as_bytes())
        .unwrap();
    let ended = watcher.ended();
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
}
