//! A journal in a file: one JSON object per line, synced before it counts.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ecs_auth::BoxFuture;
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use super::error::{JournalError, JournalErrorKind};
use super::line::{self, Contents, Lines};
use super::{Admission, Announcement, Entry, Journal, JournalLease, Record};

/// A journal in a file. The file is locked while this value lives.
///
/// Resume a run from one file: a copy of it does not know what was sent since.
///
/// On Unix the lock is advisory: it stops other writers of this type, but not [`read`](Self::read).
/// On Windows it also stops readers.
#[derive(Debug)]
pub struct JsonlJournal {
    path: PathBuf,
    writer: Arc<Mutex<Writer>>,
    lease: JournalLease,
}

/// A destination for bytes: a file or, in tests, something that fails.
trait Medium: Write + Send {
    /// Makes what was written durable.
    fn sync(&mut self) -> io::Result<()>;
}

impl Medium for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

struct Writer {
    medium: Box<dyn Medium>,
    /// The number of the next record.
    seq: u64,
    /// The reason why the journal takes no further records.
    broken: Option<String>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("seq", &self.seq)
            .field("broken", &self.broken)
            .finish_non_exhaustive()
    }
}

impl JsonlJournal {
    /// Creates a journal that only its owner can read. Blocks for a few file operations.
    ///
    /// # Errors
    /// [`Exists`](JournalErrorKind::Exists): it never overwrites a file. [`Io`](JournalErrorKind::Io).
    pub fn create(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        let path = path.as_ref();
        Self::create_new(path).map_err(|error| error.of(path))
    }

    fn create_new(path: &Path) -> Result<Self, JournalError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => {
                let message = "the file exists: resume it or choose another name";
                JournalError::new(JournalErrorKind::Exists, message)
            }
            _ => JournalError::io("cannot be created", error),
        })?;
        lock(&file)?;
        file.sync_all()
            .and_then(|()| sync_directory(path))
            .map_err(|error| JournalError::io("cannot be made durable", error))?;
        Ok(Self::over(path, file, &[]))
    }

    /// Opens a journal to resume its run: reads it and cuts off an incomplete last line. Blocks
    /// while reading.
    ///
    /// # Errors
    /// [`InUse`](JournalErrorKind::InUse), [`Empty`](JournalErrorKind::Empty), and as
    /// [`read`](Self::read). The file is then unchanged.
    pub fn open(path: impl AsRef<Path>) -> Result<(Self, Contents), JournalError> {
        let path = path.as_ref();
        Self::open_existing(path).map_err(|error| error.of(path))
    }

    fn open_existing(path: &Path) -> Result<(Self, Contents), JournalError> {
        let cannot = |error| JournalError::io("cannot be opened for writing", error);
        // Opening a pipe would block, and it stores nothing.
        if !std::fs::metadata(path).map_err(cannot)?.is_file() {
            return Err(cannot(io::Error::other("not a regular file")));
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(cannot)?;
        lock(&file)?;
        let contents = read_from(&mut file)?;
        if contents.entries.is_empty() {
            let message =
                "it holds no complete record, so its run sent nothing: remove it and start again";
            return Err(JournalError::new(JournalErrorKind::Empty, message));
        }
        seek_end(&mut file, &contents).map_err(|error| {
            JournalError::io("the incomplete last line cannot be removed", error)
        })?;
        Ok((Self::over(path, file, &contents.entries), contents))
    }

    /// Reads a journal, also while its run is active. Neither locks nor changes it.
    ///
    /// # Errors
    /// [`Damaged`](JournalErrorKind::Damaged), [`TooNew`](JournalErrorKind::TooNew), [`Io`](JournalErrorKind::Io).
    pub fn read(path: impl AsRef<Path>) -> Result<Contents, JournalError> {
        let path = path.as_ref();
        File::open(path)
            .map_err(|error| JournalError::io("cannot be opened", error))
            .and_then(|mut file| read_from(&mut file))
            .map_err(|error| error.of(path))
    }

    /// Returns `true` if a process has this journal open to write to it.
    ///
    /// # Errors
    /// [`Io`](JournalErrorKind::Io).
    pub fn is_in_use(path: impl AsRef<Path>) -> Result<bool, JournalError> {
        let path = path.as_ref();
        let file = File::open(path)
            .map_err(|error| JournalError::io("cannot be opened", error).of(path))?;
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => {
                Err(JournalError::io("cannot be locked", error).of(path))
            }
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// After these entries.
    fn over(path: &Path, medium: impl Medium + 'static, entries: &[Entry]) -> Self {
        let writer = Writer {
            medium: Box::new(medium),
            seq: entries.len() as u64,
            broken: None,
        };
        Self {
            path: path.to_owned(),
            writer: Arc::new(Mutex::new(writer)),
            lease: JournalLease::of_entries(entries),
        }
    }
}

fn lock(file: &File) -> Result<(), JournalError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => {
            let message = "another process or run uses it: wait until that ends, or stop it";
            JournalError::new(JournalErrorKind::InUse, message)
        }
        TryLockError::Error(error) => JournalError::io("cannot be locked", error),
    })
}

/// Makes the directory entry of a new file durable.
fn sync_directory(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    let _ = path;
    Ok(())
}

/// Cuts off an incomplete last line, and goes to the end of the file.
fn seek_end(file: &mut File, contents: &Contents) -> io::Result<()> {
    if let Some(tail) = contents.tail {
        file.set_len(tail.offset)?;
        file.sync_all()?;
    }
    file.seek(SeekFrom::End(0)).map(drop)
}

fn read_from(file: &mut File) -> Result<Contents, JournalError> {
    line::read_from(file, 0)
}

impl Writer {
    /// Writes records in one piece, and syncs them if one of them must be durable now.
    fn append(&mut self, at: Timestamp, records: &[Record]) -> Result<(), JournalError> {
        if let Some(reason) = &self.broken {
            let message =
                format!("takes no more records because one could not be written: {reason}");
            return Err(JournalError::new(JournalErrorKind::Broken, message));
        }
        self.write(at, records).map_err(|error| {
            // After an error the content of the file is unknown, even if a second try succeeds.
            self.broken = Some(error.to_string());
            JournalError::io("a record could not be written", error)
        })
    }

    fn write(&mut self, at: Timestamp, records: &[Record]) -> io::Result<()> {
        let mut lines = Lines::new(&mut self.medium);
        for (seq, record) in (self.seq..).zip(records) {
            lines.add(seq, at, record)?;
        }
        lines.finish()?;
        if !records.iter().all(Record::can_be_found_again) {
            self.medium.sync()?;
        }
        self.seq += records.len() as u64;
        Ok(())
    }
}

impl JsonlJournal {
    async fn append_all(&self, at: Timestamp, records: Vec<Record>) -> Result<(), JournalError> {
        // The lock is fair, so records keep their order. The guard moves into the writing,
        // which continues if this future is dropped.
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        for (seq, record) in (writer.seq..).zip(&records) {
            let checked = self.lease.check(seq, record);
            checked.map_err(|error| error.of(&self.path))?;
        }
        let mut append = move || writer.append(at, &records);
        let appended = match Handle::try_current() {
            Ok(runtime) => match runtime.spawn_blocking(append).await {
                Ok(appended) => appended,
                Err(_) => Err(JournalError::new(
                    JournalErrorKind::Broken,
                    "takes no more records because the runtime is shutting down",
                )),
            },
            Err(_) => append(),
        };
        appended.map_err(|error| error.of(&self.path))
    }
}

impl Journal for JsonlJournal {
    fn append(&self, at: Timestamp, record: Record) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(self.append_all(at, vec![record]))
    }

    /// Records with one write and one sync: no process ends between two records of an attempt.
    fn announce(
        &self,
        announcement: Announcement,
    ) -> BoxFuture<'_, Result<Admission, JournalError>> {
        Box::pin(async move {
            let Announcement { at, records, .. } = announcement;
            self.append_all(at, records).await?;
            Ok(Admission::Admitted)
        })
    }

    fn lease(&self) -> &JournalLease {
        &self.lease
    }
}

#[cfg(test)]
mod tests;
