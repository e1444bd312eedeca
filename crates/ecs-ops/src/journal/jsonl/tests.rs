use std::sync::Mutex as StdMutex;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;

use ecs_model::JobId;

use super::super::arbitrary_journal::*;
use super::super::*;
use super::*;

fn now() -> Timestamp {
    "2026-11-24T01:00:00Z".parse().unwrap()
}

fn wave(wave: usize) -> Record {
    Record::WaveBegan { wave }
}

fn temporary() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.jsonl");
    (directory, path)
}

#[tokio::test]
async fn records_are_read_in_the_order_of_writing() {
    let (_directory, path) = temporary();
    let journal = JsonlJournal::create(&path).unwrap();
    join_all((0..50).map(|number| journal.append(now(), wave(number))))
        .await
        .into_iter()
        .for_each(Result::unwrap);
    // Also during the run.
    let contents = JsonlJournal::read(&path).unwrap();
    assert_eq!(contents.tail, None);
    let waves = contents.entries.into_iter().map(|entry| entry.record);
    assert!(waves.eq((0..50).map(wave)));
}

#[tokio::test]
async fn a_file_is_never_overwritten_and_never_shared() {
    let (_directory, path) = temporary();
    let journal = JsonlJournal::create(&path).unwrap();
    journal
        .append(now(), Record::Run(Box::new(run(3))))
        .await
        .unwrap();
    let error = JsonlJournal::open(&path).unwrap_err();
    assert!(error.is_in_use(), "{error}");
    assert!(
        error
            .to_string()
            .contains("run.jsonl: another process or run uses it"),
        "{error}"
    );
    let error = JsonlJournal::create(&path).unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::Exists);
    drop(journal);
    let error = JsonlJournal::create(&path).unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::Exists);
    let (_journal, contents) = JsonlJournal::open(&path).unwrap();
    assert_eq!(contents.entries.len(), 1);
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_a_journal() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_directory, path) = temporary();
    let _journal = JsonlJournal::create(&path).unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    // A dangling link is not followed to where it points.
    let link = path.with_file_name("link");
    std::os::unix::fs::symlink("elsewhere", &link).unwrap();
    assert_eq!(
        JsonlJournal::create(&link).unwrap_err().kind(),
        JournalErrorKind::Exists
    );
}

#[tokio::test]
async fn a_torn_tail_is_cut_when_the_run_resumes() {
    let whole = file(&entries([Record::Run(Box::new(run(2))), wave(0), wave(1)]));
    let two = file(&entries([Record::Run(Box::new(run(2))), wave(0)])).len();
    for cut in two + 1..whole.len() {
        let (_directory, path) = temporary();
        std::fs::write(&path, &whole[..cut]).unwrap();
        let read = JsonlJournal::read(&path).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().len(),
            cut as u64,
            "reading cuts nothing"
        );
        let (journal, contents) = JsonlJournal::open(&path).unwrap();
        assert_eq!(contents, read);
        assert_eq!(contents.tail.unwrap().bytes, (cut - two) as u64);
        journal.append(now(), wave(7)).await.unwrap();
        drop(journal);
        let contents = JsonlJournal::read(&path).unwrap();
        assert_eq!(contents.tail, None);
        assert_eq!(contents.entries[2].record, wave(7));
        assert_eq!(contents.entries[2].seq, 2);
    }
}

#[test]
fn a_journal_that_cannot_be_resumed_is_not_changed() {
    let (_directory, path) = temporary();
    assert_eq!(
        JsonlJournal::open(&path).unwrap_err().kind(),
        JournalErrorKind::Io
    );
    assert_eq!(
        JsonlJournal::read(&path).unwrap_err().kind(),
        JournalErrorKind::Io
    );
    let whole = file(&entries([Record::Run(Box::new(run(2))), wave(0)]));
    let mut damaged = whole.clone();
    damaged[20] ^= 1;
    for (bytes, kind) in [
        (&b""[..], JournalErrorKind::Empty),
        (&whole[..40], JournalErrorKind::Empty),
        (&damaged, JournalErrorKind::Damaged),
    ] {
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(JsonlJournal::open(&path).unwrap_err().kind(), kind);
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
}

/// A disk with limited room, which may fail to sync when it is full.
#[derive(Clone, Default)]
struct Disk {
    bytes: Arc<StdMutex<Vec<u8>>>,
    room: usize,
    late: bool,
    syncs: Arc<std::sync::atomic::AtomicUsize>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut disk = self.bytes.lock().unwrap();
        let room = if self.late {
            usize::MAX
        } else {
            self.room - disk.len()
        };
        if room == 0 {
            return Err(io::Error::from(ErrorKind::StorageFull));
        }
        let taken = bytes.len().min(room).min(7);
        disk.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Medium for Disk {
    fn sync(&mut self) -> io::Result<()> {
        self.syncs
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if self.bytes.lock().unwrap().len() > self.room {
            Err(io::Error::from(ErrorKind::StorageFull))
        } else {
            Ok(())
        }
    }
}

/// The disk is full at any byte: what was promised is there, at most one record more, and nothing
/// is taken any more.
#[test]
fn a_disk_that_is_full_at_any_byte() {
    let records = || [Record::Run(Box::new(run(2))), wave(0), wave(1), wave(2)];
    let whole = file(&entries(records()));
    for (room, late) in (0..=whole.len()).flat_map(|room| [(room, false), (room, true)]) {
        let disk = Disk {
            room,
            late,
            ..Disk::default()
        };
        let journal = JsonlJournal::over(Path::new("disk"), disk.clone(), &[]);
        let append = |entry: Entry| {
            journal
                .append(entry.at, entry.record)
                .now_or_never()
                .unwrap()
        };
        let mut promised = 0;
        let mut failed = false;
        for entry in entries(records()) {
            match append(entry) {
                Ok(()) => {
                    assert!(!failed);
                    promised += 1;
                }
                Err(error) => {
                    let kind = if failed {
                        JournalErrorKind::Broken
                    } else {
                        JournalErrorKind::Io
                    };
                    assert_eq!(error.kind(), kind, "{error}");
                    failed = true;
                }
            }
        }
        assert_eq!(failed, room < whole.len());
        let contents = line::read(&disk.bytes.lock().unwrap()).unwrap();
        let there = contents.entries.len();
        assert!(
            (promised..=promised + usize::from(late && failed)).contains(&there),
            "room for {room}: {there}"
        );
        assert_eq!(contents.entries, entries(records())[..there]);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_that_really_is_full() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let journal = JsonlJournal::over(Path::new("/dev/full"), full, &[]);
    let error = journal.append(now(), wave(0)).await.unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::Io);
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(
        error.to_string(),
        "journal /dev/full: a record could not be written"
    );
    let source = source.downcast_ref::<io::Error>().unwrap();
    assert_eq!(source.kind(), ErrorKind::StorageFull);
    let error = journal.append(now(), wave(0)).await.unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::Broken);
}

/// Two syncs for a request: before its first byte, and before its acceptance is reported. What its job
/// says is there at once, and durable with the end of the run.
#[test]
fn a_request_is_synced_twice() {
    let disk = Disk {
        room: usize::MAX,
        ..Disk::default()
    };
    let journal = JsonlJournal::over(Path::new("disk"), disk.clone(), &[]);
    let syncs = || disk.syncs.load(std::sync::atomic::Ordering::Relaxed);
    let append = |record| {
        let written = journal.append(now(), record).now_or_never().unwrap();
        written.unwrap();
        let contents = line::read(&disk.bytes.lock().unwrap()).unwrap();
        (contents.entries.len(), syncs())
    };
    let run = run(1);
    let id = run.servers[0];
    assert_eq!(append(Record::Run(Box::new(run.clone()))), (1, 1));
    let announcement = Announcement::new(
        now(),
        1,
        vec![id],
        vec![intent(1, 1, Purpose::First, &[0]), sending(1, 1)],
        QuotaLimits::new(1000, Duration::from_secs(60), Duration::from_secs(30)),
    );
    let announced = journal.announce(announcement).now_or_never().unwrap();
    assert_eq!(announced.unwrap(), Admission::Admitted);
    assert_eq!(syncs(), 2);
    let job_id: JobId = job(1).parse().unwrap();
    assert_eq!(append(accepted(1)), (4, 3));
    let of_job = |job_id: Option<&str>| Record::Outcomes {
        servers: vec![outcome_record(id, OutcomeKind::Succeeded, job_id)],
    };
    assert_eq!(append(of_job(Some(job_id.as_str()))), (5, 3));
    let status = Some("SUCCESS".to_owned());
    assert_eq!(append(Record::JobFinished { job_id, status }), (6, 3));
    assert_eq!(append(Record::Ended {}), (7, 4));
    // A record that no job repeats is synced.
    assert_eq!(append(of_job(None)), (8, 5));
}

/// A disk that takes its time, by a clock that nobody can turn.
struct Slow(Disk, std::sync::mpsc::Receiver<()>);

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.recv().map_err(io::Error::other)
    }
}

impl Medium for Slow {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Dropping an append does not stop it half-way, and the next one waits for it.
#[tokio::test]
async fn an_append_that_is_dropped() {
    let disk = Disk {
        room: usize::MAX,
        ..Disk::default()
    };
    let (go, gate) = std::sync::mpsc::channel();
    let journal = JsonlJournal::over(Path::new("slow"), Slow(disk.clone(), gate), &[]);
    let mut dropped = journal.append(now(), wave(0));
    assert!((&mut dropped).now_or_never().is_none());
    drop(dropped);
    let mut next = journal.append(now(), wave(1));
    assert!((&mut next).now_or_never().is_none());
    go.send(()).unwrap();
    go.send(()).unwrap();
    next.await.unwrap();
    let contents = line::read(&disk.bytes.lock().unwrap()).unwrap();
    assert_eq!(contents.entries.len(), 2);
}

/// On paused time the clock waits for the disk: a deadline does not come early.
#[tokio::test(start_paused = true)]
async fn paused_time_stands_still_meanwhile() {
    let (_directory, path) = temporary();
    let journal = JsonlJournal::create(&path).unwrap();
    for number in 0..20 {
        let append = journal.append(now(), wave(number));
        tokio::time::timeout(Duration::from_millis(1), append)
            .await
            .unwrap()
            .unwrap();
    }
}

/// A library user may have another runtime.
#[test]
fn without_a_runtime() {
    let (_directory, path) = temporary();
    let journal = JsonlJournal::create(&path).unwrap();
    journal
        .append(now(), wave(0))
        .now_or_never()
        .unwrap()
        .unwrap();
    assert_eq!(JsonlJournal::read(&path).unwrap().entries.len(), 1);
}
