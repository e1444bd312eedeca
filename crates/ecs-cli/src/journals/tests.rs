use std::time::Instant;

use super::*;

const END: &str =
    r#"{"v":1,"seq":1,"at":"2026-11-30T01:00:00Z","record":{"kind":"ended"},"crc":"x"}"#;

fn written(folder: &Path, name: &str, at: &str, last: &str) -> PathBuf {
    let path = folder.join(name);
    let first = format!(r#"{{"v":1,"seq":0,"at":"{at}","record":{{"kind":"run"}}}}"#);
    std::fs::write(&path, format!("{first}\n{last}\n")).unwrap();
    path
}

fn journals(folder: &Path) -> Journals {
    Journals {
        folder: folder.to_owned(),
    }
}

#[test]
fn only_old_ended_runs_are_pruned() {
    let folder = tempfile::tempdir().unwrap();
    let ended = written(folder.path(), "a.jsonl", "2026-01-01T00:00:00Z", END);
    let open = written(folder.path(), "b.jsonl", "2026-01-01T00:00:00Z", "");
    let other = written(folder.path(), "c.txt", "2026-01-01T00:00:00Z", END);
    let printer = Printer::new(true);
    let journals = journals(folder.path());
    journals.prune(Duration::from_secs(3600), &printer);
    assert!(ended.exists());
    let lock = File::open(&ended).unwrap();
    lock.lock().unwrap();
    journals.prune(Duration::ZERO, &printer);
    assert!(ended.exists(), "its process lives");
    drop(lock);
    // A process that another test starts has a copy of the lock until it executes its program.
    let begin = Instant::now();
    while ended.exists() && begin.elapsed() < Duration::from_secs(10) {
        journals.prune(Duration::ZERO, &printer);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!ended.exists() && open.exists() && other.exists());
}

#[test]
fn last_is_the_run_that_began_last() {
    let folder = tempfile::tempdir().unwrap();
    let newer = written(folder.path(), "a.jsonl", "2026-02-01T00:00:00Z", END);
    let older = written(folder.path(), "b.jsonl", "2026-01-01T00:00:00Z", "");
    std::fs::write(folder.path().join("broken.jsonl"), "x").unwrap();
    let found = journals(folder.path()).newest_first().unwrap();
    let paths: Vec<_> = found.into_iter().map(|(_, path)| path).collect();
    assert_eq!(paths, [newer, older]);
    assert!(
        journals(&folder.path().join("none"))
            .newest_first()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn markers_of_plans_are_kept_as_long_as_their_plans_may_be_applied() {
    let folder = tempfile::tempdir().unwrap();
    let journals = journals(folder.path());
    let ended = written(folder.path(), "ended", "2026-01-01T00:00:00Z", END);
    let open = written(folder.path(), "open", "2026-01-01T00:00:00Z", "");
    let marker = |hash: &str, journal: &Path, age: Duration| {
        let marker = journals.plan_marker(hash);
        marker
            .create(&MarkedRun::Journal(journal.to_owned()))
            .unwrap();
        let file = File::options().write(true).open(marker.path()).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
        marker
    };
    let (young, old) = (KEPT - Duration::from_secs(60), KEPT * 2);
    let markers = [
        marker("a", &ended, young),
        marker("b", &ended, old),
        marker("c", &open, old),
        marker("d", Path::new("/nonexistent/gone.jsonl"), old),
    ];
    journals.prune(Duration::ZERO, &Printer::new(true));
    let kept = markers.each_ref().map(|marker| marker.path().exists());
    assert_eq!(kept, [true, false, true, false]);
}
