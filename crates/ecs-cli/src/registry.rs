//! The registry of active runs of this machine: locked files that keep two runs from acting on the same server.
//!
//! Each run has an entry (`<run id>.json`) and a lock beside it. The lock ends with its process, however that ends, so that
//! an entry without a lock is left over and is removed. `.registry` is locked while entries are read and made.

use std::fs::{File, TryLockError};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use ecs_ops::active::{ActiveRun, Conflict, RegisterError, Registration, RunRegistry};
use ecs_ops::auth::BoxFuture;

use crate::folders::create_private;
use crate::private_file;

/// A registry in a folder.
#[derive(Debug)]
pub(crate) struct FileRegistry {
    folder: PathBuf,
}

impl FileRegistry {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn register_now(&self, run: &ActiveRun) -> Result<Registration, RegisterError> {
        let store = |error: io::Error| self.failed(error);
        let _guard = self.guard().map_err(store)?;
        if let Some(conflict) = Conflict::between(run, self.entries().map_err(store)?) {
            return Err(RegisterError::Conflict(Box::new(conflict)));
        }
        let entry = RegistryEntry::create(&self.folder, run).map_err(store)?;
        Ok(Registration::new(entry))
    }

    /// Locks the registry.
    fn guard(&self) -> io::Result<File> {
        create_private(&self.folder)?;
        let file = private(&self.folder.join(".registry"))?;
        file.lock()?;
        Ok(file)
    }

    /// Returns the entries of living processes and removes all others.
    fn entries(&self) -> io::Result<Vec<ActiveRun>> {
        let mut active = Vec::new();
        for found in std::fs::read_dir(&self.folder)? {
            let path = found?.path();
            if path.extension().is_none_or(|extension| extension != "lock") {
                continue;
            }
            let entry = path.with_extension("json");
            // An ending run removes its entry without the lock.
            let Some(lock) = ignore_missing(File::open(&path))? else {
                continue;
            };
            match lock.try_lock() {
                Ok(()) => remove(&entry, &path),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) => {
                    if let Some(text) = ignore_missing(std::fs::read(&entry))? {
                        active.push(serde_json::from_slice(&text).map_err(io::Error::from)?);
                    }
                }
            }
        }
        Ok(active)
    }

    fn failed(&self, error: io::Error) -> RegisterError {
        RegisterError::Store {
            message: format!(
                "cannot use the list of active runs in {}",
                self.folder.display()
            ),
            source: Some(Box::new(error)),
        }
    }
}

impl RunRegistry for FileRegistry {
    fn register(&self, run: ActiveRun) -> BoxFuture<'_, Result<Registration, RegisterError>> {
        Box::pin(async move { self.register_now(&run) })
    }

    fn active(&self) -> BoxFuture<'_, Result<Vec<ActiveRun>, RegisterError>> {
        Box::pin(async move {
            if !self.folder.exists() {
                return Ok(Vec::new());
            }
            let read = self.guard().and_then(|_guard| self.entries());
            read.map_err(|error| self.failed(error))
        })
    }
}

/// The number of bytes of an entry that are written at once.
const TEXT: usize = 64 * 1024;

/// The entry of a run of this process.
struct RegistryEntry {
    entry: PathBuf,
    lock_path: PathBuf,
    _lock: File,
}

impl RegistryEntry {
    fn create(folder: &Path, run: &ActiveRun) -> io::Result<Self> {
        let path = folder.join(run.run_id.replace([':', '/'], "_"));
        let (entry, lock_path) = (with(&path, ".json"), with(&path, ".lock"));
        let lock = private(&lock_path)?;
        lock.lock()?;
        let created = Self {
            entry,
            lock_path,
            _lock: lock,
        };
        let mut file = private(&created.entry)?;
        file.set_len(0)?;
        // It has a line of text for each server.
        let mut text = BufWriter::with_capacity(TEXT, &mut file);
        serde_json::to_writer(&mut text, run)?;
        text.flush()?;
        Ok(created)
    }
}

impl Drop for RegistryEntry {
    fn drop(&mut self) {
        remove(&self.entry, &self.lock_path);
    }
}

fn with(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(extension);
    name.into()
}

fn ignore_missing<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

/// A file that remains is removed by the next run.
fn remove(entry: &Path, lock: &Path) {
    let _ = std::fs::remove_file(entry);
    let _ = std::fs::remove_file(lock);
}

/// Opens a file that only its owner can read.
fn private(path: &Path) -> io::Result<File> {
    let mut options = private_file::options();
    options.create(true).truncate(false).open(path)
}

#[cfg(test)]
mod tests;
