//! `ecsctl run show` of runs that ended, were killed, or are active.

use std::path::Path;

use crate::common::{Ended, Running, Sim, ecsctl, wait_until};

const NONE: [&str; 0] = [];

fn reboot(journal: &Path, options: &[String]) -> Vec<String> {
    let own = ["reboot", "--all", "--yes", "--batch-size", "4", "--journal"];
    let own = own.iter().map(ToString::to_string);
    own.chain([journal.to_str().unwrap().to_owned()])
        .chain(options.iter().cloned())
        .collect()
}

fn show(journal: &Path, more: &[&str]) -> Ended {
    ecsctl(
        &[&["run", "show", journal.to_str().unwrap()], more].concat(),
        &NONE,
    )
}

#[test]
fn a_run_is_shown_while_active_killed_and_resumed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.jsonl");
    let sim = Sim::start(30, |region| region.servers(8));
    let mut run = Running::spawn(reboot(&path, &sim.options()));
    // Both answers are recorded, and the process holds the lock.
    let accepted = || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        text.matches("\"kind\":\"accepted\"").count()
    };
    wait_until("both requests are in the journal", || accepted() == 2);
    // The process is alive, and does nothing meanwhile.
    run.signal("STOP");
    let before = std::fs::read(&path).unwrap();
    let shown = show(&path, &[]).expect(0).stdout;
    for expected in ["reboot SOFT, 8 servers", "the run is active: ", ", pid "] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    assert!(std::fs::read(&path).unwrap().starts_with(&before));
    run.0.kill().unwrap();
    run.wait();
    // The record that it was writing when it was killed.
    let whole = std::fs::read(&path).unwrap();
    let torn = [&whole[..], b"{\"v\":1,\"se"].concat();
    std::fs::write(&path, &torn).unwrap();
    let ended = show(&path, &["-o", "json"]).expect(0);
    assert!(
        ended.stderr.contains("is incomplete (10 bytes)"),
        "{}",
        ended.stderr
    );
    let document = ended.json();
    assert_eq!(document["version"], 1);
    assert_eq!(document["torn"]["bytes"], 10);
    assert_eq!(document["summary"]["unknown"], 0);
    assert_eq!(document["ended"], serde_json::Value::Null);
    assert_eq!(document["batches"].as_array().unwrap().len(), 2);
    assert_eq!(std::fs::read(&path).unwrap(), torn, "nothing is cut");
    let journal = path.to_str().unwrap();
    Ended::of(&mut sim.command(&["resume", journal, "--yes"])).expect(0);
    let shown = show(&path, &["--show", "all"]).expect(0).stdout;
    for expected in [
        "8 servers: 8 succeeded\n",
        "resumed ",
        "the run has ended",
        "SUCCESS",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    for id in sim.ids() {
        assert_eq!(shown.matches(&id).count(), 1, "{id}: {shown}");
    }
    // A page has each server once, loads nothing, and is never written over another file.
    let page = directory.path().join("run.html");
    let html = ["--html", page.to_str().unwrap()];
    show(&path, &html).expect(0);
    let text = std::fs::read_to_string(&page).unwrap();
    for id in sim.ids() {
        assert_eq!(text.matches(&id).count(), 1, "{id}");
    }
    assert!(
        !text.contains("http") && !text.contains("<script"),
        "{text}"
    );
    assert!(text.contains("<svg") && text.ends_with("</html>\n"));
    show(&path, &html).refuses(2, &["exists"]);
    show(&path, &["--html", journal]).refuses(2, &["exists"]);
    show(&path, &["-o", "json", "--html", "x"]).expect(2);
    let records = show(&path, &["-o", "jsonl"]).expect(0).lines();
    assert_eq!(records[0]["record"]["kind"], "run");
    assert_eq!(records.last().unwrap()["record"]["kind"], "ended");
}

#[test]
fn other_files_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ids.txt");
    for text in ["", "hello", "many\nlines\nof\ntext\n"] {
        std::fs::write(&path, text).unwrap();
        for format in ["table", "json", "jsonl"] {
            show(&path, &["-o", format]).refuses(2, &["not a valid run journal"]);
        }
    }
    show(&directory.path().join("none"), &[]).refuses(2, &["cannot be opened"]);
    show(directory.path(), &[]).expect(2);
}
