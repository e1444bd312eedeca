use std::io::{self, Write};

use proptest::prelude::*;

use super::super::arbitrary_journal::*;
use super::super::*;
use super::writer::PIECE;
use super::*;

mod version_1;

use version_1::*;

#[test]
fn every_line_is_a_json_object_that_jq_can_read() {
    for line in V1
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let value: serde_json::Value = serde_json::from_slice(line).unwrap();
        assert_eq!(value["v"], 1);
        assert!(value["record"]["kind"].is_string());
    }
}

/// Returns the end of each line, including its newline.
fn line_ends(file: &[u8]) -> Vec<usize> {
    (1..=file.len())
        .filter(|end| file[end - 1] == b'\n')
        .collect()
}

#[test]
fn a_file_that_is_cut_at_any_byte_is_a_prefix() {
    let (all, ends) = (v1(), line_ends(V1));
    for cut in 0..=V1.len() {
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let contents = read(&V1[..cut]).unwrap();
        assert_eq!(contents.entries, all[..whole], "cut at {cut}");
        let begin = whole.checked_sub(1).map_or(0, |last| ends[last]);
        let tail = (cut > begin).then(|| Tail {
            line: whole as u64 + 1,
            offset: begin as u64,
            bytes: (cut - begin) as u64,
        });
        assert_eq!(contents.tail, tail, "cut at {cut}");
    }
}

/// Damage of one byte: in the last line it is cut, anywhere else it is refused, with its line.
#[test]
fn a_damaged_byte() {
    let all = v1();
    let ends = line_ends(V1);
    for at in 0..V1.len() {
        let line = ends.iter().filter(|end| **end <= at).count() as u64 + 1;
        let was = V1[at];
        for now in [was ^ 0x01, was ^ 0x80, b'\n', b'"', b',', b'}', 0] {
            if now == was {
                continue;
            }
            let mut file = V1.to_vec();
            file[at] = now;
            match read(&file) {
                Ok(contents) => {
                    assert_eq!(line, ends.len() as u64, "byte {at} is {now}");
                    assert_eq!(contents.entries, all[..all.len() - 1]);
                    assert_eq!(contents.tail.unwrap().line, line);
                }
                Err(error) => {
                    assert_ne!(line, ends.len() as u64, "byte {at} is {now}: {error}");
                    assert_eq!(error.line(), Some(line), "byte {at} is {now}: {error}");
                }
            }
        }
    }
}

/// The ends that a file system may leave after a power failure.
#[test]
fn other_tails() {
    let last = line_ends(V1)[26];
    let zeros = [V1, &[0; 4096]].concat();
    let mut hole = V1.to_vec();
    hole[last..last + 30].fill(0);
    for (file, line) in [(zeros, 29), (hole, 28)] {
        let contents = read(&file).unwrap();
        assert_eq!(contents.tail.map(|tail| tail.line), Some(line));
    }
    // Two lines cannot be what one write leaves.
    let mut two = V1.to_vec();
    let begin = line_ends(V1)[25];
    two[begin..]
        .iter_mut()
        .for_each(|byte| *byte ^= u8::from(*byte == b'a'));
    assert_eq!(read(&two).unwrap_err().line(), Some(27));
}

#[test]
fn lines_that_are_missing_or_come_twice() {
    let ends = line_ends(V1);
    let missing = [&V1[..ends[3]], &V1[ends[4]..]].concat();
    let twice = [&V1[..ends[3]], &V1[ends[2]..]].concat();
    let swapped = [
        &V1[..ends[2]],
        &V1[ends[3]..ends[4]],
        &V1[ends[2]..ends[3]],
        &V1[ends[4]..],
    ]
    .concat();
    for (file, line) in [(missing, 5), (twice, 5), (swapped, 4)] {
        let error = read(&file).unwrap_err();
        assert_eq!(
            (error.kind(), error.line()),
            (JournalErrorKind::Damaged, Some(line)),
            "{error}"
        );
    }
    // Also at the end: such a line was not torn.
    let last = &V1[ends[26]..];
    assert!(read(&[V1, last].concat()).is_err());
}

/// Returns a line with a right checksum around this text.
fn line(body: &str) -> Vec<u8> {
    let crc = crc32fast::hash(body.as_bytes());
    format!("{body},\"crc32\":\"{crc:08x}\"}}\n").into_bytes()
}

#[test]
fn records_of_a_later_version() {
    let ended = r#""seq":0,"at":"2026-11-24T01:00:00Z","record":{"kind":"ended"}"#;
    assert!(read(&line(&format!(r#"{{"v":1,{ended}"#))).is_ok());
    for body in [
        format!(r#"{{"v":2,{ended}"#),
        format!(r#"{{"v":2,"other":true,{ended}"#),
        format!(r#"{{"v":1,"other":true,{ended}"#),
        format!(r#"{{"v":1,{}"#, ended.replace("ended", "evaporated")),
        format!(
            r#"{{"v":1,{}"#,
            ended.replace(r#""ended""#, r#""ended","how":1"#)
        ),
    ] {
        let error = read(&line(&body)).unwrap_err();
        assert_eq!(
            (error.kind(), error.line()),
            (JournalErrorKind::TooNew, Some(1)),
            "{body}"
        );
    }
    for (body, message) in [(2, "by a later version"), (1, "not understood")] {
        let body = format!(r#"{{"v":{body},"other":true,{ended}"#);
        let error = read(&line(&body)).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    // With another kind of checksum.
    let error = read(b"{\"v\":3,\"sha\":\"\"}\n").unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::TooNew);
}

/// Writes it again as other programs do.
fn without_checksums(journal: &[u8]) -> Vec<u8> {
    let mut again = Vec::new();
    for line in String::from_utf8_lossy(journal).lines() {
        let mut line: serde_json::Map<_, _> = serde_json::from_str(line).unwrap();
        line.remove("crc32");
        again.extend(serde_json::to_vec(&line).unwrap());
        again.push(b'\n');
    }
    again
}

/// Whole records that another program wrote again are no last line: cutting them would forget what
/// was done.
#[test]
fn records_without_their_checksums_are_not_cut() {
    let ends = line_ends(V1);
    for last in [2, 3, 20] {
        let begin = ends[ends.len() - 1 - last];
        let again = without_checksums(&V1[begin..]);
        let spaced = String::from_utf8_lossy(&again)
            .replace("\":", "\": ")
            .replace(",\"", ",\n\"");
        for tail in [again.clone(), spaced.into_bytes()] {
            let error = read(&[&V1[..begin], &tail].concat()).unwrap_err();
            let line = (ends.len() - last) as u64 + 1;
            assert_eq!(
                (error.kind(), error.line()),
                (JournalErrorKind::Damaged, Some(line))
            );
        }
    }
}

#[test]
fn files_that_are_not_journals() {
    for file in [&b""[..], b"{\"v\":1", b"{\"v\":1,\"seq\":0,\"at", b"\0\0\0"] {
        let contents = read(file).unwrap();
        assert!(contents.entries.is_empty());
        assert_eq!(contents.tail.is_some(), !file.is_empty());
    }
    // The outcome of its run, if it was one, is unknown: it may have sent everything.
    let pretty = "{\n  \"v\": 1,\n  \"seq\": 0\n}\n";
    for file in [
        &b"\n"[..],
        b"hello",
        b"{}\n",
        b"\xff\xfe\n",
        b"616fb98f-46ca-475e-917e-2563e5a8cd19\n",
        pretty.as_bytes(),
        &without_checksums(V1),
    ] {
        let error = read(file).unwrap_err();
        assert_eq!(
            (error.kind(), error.line()),
            (JournalErrorKind::Damaged, Some(1))
        );
    }
    let with_crlf = String::from_utf8_lossy(V1).replace('\n', "\r\n");
    assert_eq!(read(with_crlf.as_bytes()).unwrap_err().line(), Some(1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_run_round_trips(choices in prop::collection::vec(any::<u8>(), 0..60), cut in any::<prop::sample::Index>()) {
        let written = entries(arbitrary_journal(9, 3, &choices));
        let file = file(&written);
        prop_assert_eq!(&read(&file).unwrap().entries, &written);
        let contents = read(&file[..cut.index(file.len() + 1)]).unwrap();
        prop_assert!(written.starts_with(&contents.entries));
        prop_assert!(contents.entries.is_empty() || Recovered::from_entries(contents.entries).is_ok());
    }

    #[test]
    fn nothing_that_is_read_can_panic(file in prop::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>()) {
        let _ = read(&file);
        let at = at.index(V1.len());
        let _ = read(&[&V1[..at], &file, &V1[at..]].concat());
    }
}

/// Takes pieces, and counts them.
#[derive(Default)]
struct Pieces(Vec<Vec<u8>>);

impl Write for Pieces {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.0.push(piece.to_vec());
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_plan_of_a_large_run_is_written_in_pieces() {
    let entries = entries([
        Record::Run(Box::new(run(60_000))),
        Record::WaveBegan { wave: 0 },
    ]);
    let mut pieces = Pieces::default();
    let mut lines = Lines::new(&mut pieces);
    for entry in &entries {
        lines.add(entry.seq, entry.at, &entry.record).unwrap();
    }
    lines.finish().unwrap();
    let Pieces(pieces) = pieces;
    assert_eq!(pieces.len(), 3);
    assert!(pieces.iter().all(|piece| piece.len() < PIECE + 100));
    let read = Contents::parse(&pieces.concat()).unwrap();
    assert_eq!(
        read,
        Contents {
            entries,
            tail: None
        }
    );
}

#[test]
fn a_file_that_is_longer_than_a_chunk_is_read_as_a_whole() {
    let entries = entries([
        Record::Run(Box::new(run(20_000))),
        Record::WaveBegan { wave: 0 },
        Record::Run(Box::new(run(10_000))),
    ]);
    let lines: Vec<_> = entries
        .iter()
        .map(|entry| entry.to_line().unwrap())
        .collect();
    let file = lines.concat();
    assert!(file.len() as u64 > 4 * CHUNK);
    let read_until = |end: usize| read_from(&file[..end], 0).unwrap();
    assert_eq!(read_until(file.len()).entries, entries);
    // With an end in each line, also one that begins in an earlier chunk.
    let whole = lines[0].len() + lines[1].len();
    for end in [whole + 10, file.len() - 10] {
        let contents = read_until(end);
        let tail = contents.tail.unwrap();
        assert_eq!(contents.entries, entries[..2]);
        assert_eq!((tail.line, tail.offset), (3, whole as u64));
        assert_eq!(tail.bytes, (end - whole) as u64);
    }
    // A single byte that is not as it was, and whole lines after it.
    let mut damaged = file.clone();
    damaged[100] = b'!';
    assert!(read_from(damaged.as_slice(), 0).is_err());
}
