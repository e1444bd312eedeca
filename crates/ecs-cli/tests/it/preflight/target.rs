//! Account, project and endpoint: shown before a run, kept in its journal.

use crate::common::Ended;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::{run, says, sim};

#[test]
fn the_place_is_shown_and_recorded() {
    let sim = sim(|region| region);
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("run.jsonl");
    let journal = journal.to_str().unwrap();
    let info = sim.info();
    let shown = |ended: &Ended| {
        let target = ended.json()["target"].clone();
        assert_eq!(target["project"]["id"], info.project_id.as_str());
        assert_eq!(target["account"]["kind"], "token");
        assert!(
            target["endpoint"]["value"]
                .as_str()
                .unwrap()
                .contains(&info.listening)
        );
    };
    shown(&run(&sim, &["start", "--dry-run", "--all"]).expect(0));
    let ended = run(&sim, &["start", "--all", "--journal", journal]).expect(0);
    shown(&ended);
    says(
        &ended,
        &[
            "Start 3 servers\n",
            "  account   token",
            "  endpoint  http://127.0.0.1",
        ],
    );
    let first = std::fs::read_to_string(journal).unwrap();
    let first: Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    assert_eq!(
        first["record"]["target"]["project"]["id"],
        info.project_id.as_str()
    );
    for secret in [&info.token, &info.secret_key] {
        let kept = std::fs::read_to_string(journal).unwrap();
        assert!(!kept.contains(secret.expose_secret()));
        assert!(!ended.stderr.contains(secret.expose_secret()));
    }
}
