use std::io::Write as _;

use super::super::arbitrary_journal::{arbitrary_journal, entries, file};
use super::*;

fn a_journal() -> Vec<Entry> {
    let choices: Vec<u8> = (0..120_u8).map(|choice| choice.wrapping_mul(7)).collect();
    let all = entries(arbitrary_journal(6, 2, &choices));
    assert!(all.len() > 4);
    all
}

#[test]
fn each_record_comes_once_however_its_bytes_arrive() {
    let choices: Vec<u8> = (0..120_u8).map(|choice| choice.wrapping_mul(7)).collect();
    let all = entries(arbitrary_journal(6, 2, &choices));
    let bytes = file(&all);
    let folder = tempfile::tempdir().unwrap();
    for piece in [1, 7, 100, bytes.len()] {
        let path = folder.path().join(format!("{piece}.jsonl"));
        let mut to = File::create(&path).unwrap();
        let mut follower = JsonlFollower::new(&path);
        let mut read = Vec::new();
        for piece in bytes.chunks(piece) {
            to.write_all(piece).unwrap();
            read.extend(follower.read_new().unwrap());
        }
        assert_eq!(read, all, "in pieces of {piece}");
        assert!(follower.read_new().unwrap().is_empty());
    }
}

/// A resumed run does this after a crash.
#[test]
fn a_torn_line_that_is_cut_off_and_written_anew_is_read_then() {
    let all = a_journal();
    let (first, second) = (file(&all[..1]), file(&all[1..2]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.jsonl");
    let torn = [&first[..], &second[..20]].concat();
    std::fs::write(&path, torn).unwrap();
    let mut follower = JsonlFollower::new(&path);
    assert_eq!(follower.read_new().unwrap(), all[..1]);
    std::fs::write(&path, [&first[..], &second[..]].concat()).unwrap();
    assert_eq!(follower.read_new().unwrap(), all[1..2]);
    // The lines that were read are gone.
    std::fs::write(&path, &first).unwrap();
    let error = follower.read_new().unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::Contradiction);
    // Damage within a line that others follow.
    let mut damaged = file(&all);
    damaged[first.len() + 30] ^= 1;
    std::fs::write(&path, damaged).unwrap();
    let mut follower = JsonlFollower::new(&path);
    let error = follower.read_new().unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::Damaged);
    let error = JsonlFollower::new(folder.path()).read_new().unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::Io);
}
