use proptest::prelude::*;

use super::*;

#[test]
fn a_marker_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let marker = PlanMarker::within(folder.path(), "0123");
    assert_eq!(marker.read().unwrap(), None);
    let run = MarkedRun::Journal("/plans/web.0123.jsonl".into());
    marker.create(&run).unwrap();
    assert_eq!(marker.read().unwrap(), Some(run.clone()));
    let again = marker.create(&run).unwrap_err();
    assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(marker.read().unwrap(), Some(run));
    assert_eq!(PlanMarker::of_file(marker.path()), Some(marker.clone()));
    assert_eq!(PlanMarker::of_file(Path::new("a.jsonl")), None);
    marker.remove();
    assert_eq!(marker.read().unwrap(), None);
    std::fs::create_dir(marker.path()).unwrap();
    marker.read().unwrap_err();
}

#[test]
fn an_incomplete_marker_is_of_an_unknown_run() {
    let complete = MarkedRun::Journal("/plans/web.jsonl".into()).text();
    for length in 0..complete.len() {
        assert_eq!(MarkedRun::parse(&complete[..length]), MarkedRun::Unknown);
    }
}

proptest! {
    #[test]
    fn a_marker_is_read_back(path in "\\PC{0,40}", run in "[a-f0-9-]{1,36}", address in "[a-z:/.]{1,20}") {
        for marked in [
            MarkedRun::Journal(path.into()),
            MarkedRun::Store(format!("run {run} in the store {address}")),
            MarkedRun::Unknown,
        ] {
            prop_assert_eq!(MarkedRun::parse(&marked.text()), marked);
        }
    }

    #[test]
    fn no_text_causes_a_panic(text in any::<String>()) {
        MarkedRun::parse(&text);
    }
}
