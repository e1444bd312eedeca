//! Comparison of generated files with existing ones.

use std::fmt;
use std::io;
use std::path::Path;

use similar::TextDiff;

use super::MARK;

/// A generated file, with its path from the root of the workspace.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn new(path: &str, text: String) -> Self {
        Self {
            path: path.to_owned(),
            text,
        }
    }
}

/// A path where the existing and the generated file differ.
#[derive(Debug)]
pub(crate) struct Difference {
    path: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// The old text and the new.
    Stale(String, String),
    /// The new text.
    Missing(String),
    /// A file with the mark of generated ones that is no longer generated.
    Extra,
    /// A file without that mark was written by hand and is not removed.
    Foreign,
}

/// Compares the files with the existing ones; the folders hold only generated files.
pub(crate) fn compare(
    root: &Path,
    files: &[File],
    folders: &[&str],
) -> io::Result<Vec<Difference>> {
    let mut found = Vec::new();
    for file in files {
        let kind = match read(&root.join(&file.path))? {
            Some(text) if text == file.text => continue,
            Some(text) => Kind::Stale(text, file.text.clone()),
            None => Kind::Missing(file.text.clone()),
        };
        found.push(Difference {
            path: file.path.clone(),
            kind,
        });
    }
    for folder in folders {
        found.extend(extra(root, folder, files)?);
    }
    Ok(found)
}

fn extra(root: &Path, folder: &str, files: &[File]) -> io::Result<Vec<Difference>> {
    let entries = match std::fs::read_dir(root.join(folder)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let path = format!("{folder}/{}", name.to_string_lossy());
        if !files.iter().any(|file| file.path == path) {
            paths.push(path);
        }
    }
    paths.sort();
    let kind = |path: &str| {
        let text = match read(&root.join(path)) {
            Ok(text) => text.unwrap_or_default(),
            // A folder, or not a text: not generated.
            Err(_) => String::new(),
        };
        let ours = text.lines().next().is_some_and(|line| line.contains(MARK));
        if ours { Kind::Extra } else { Kind::Foreign }
    };
    Ok(paths
        .into_iter()
        .map(|path| Difference {
            kind: kind(&path),
            path,
        })
        .collect())
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => text.map(Some),
    }
}

impl Difference {
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Returns whether a person must resolve it.
    pub(crate) fn is_foreign(&self) -> bool {
        matches!(self.kind, Kind::Foreign)
    }

    /// Returns a verb for what [`Difference::resolve`] does, for messages.
    pub(crate) fn verb(&self) -> &'static str {
        match self.kind {
            Kind::Stale(..) => "updated",
            Kind::Missing(_) => "created",
            Kind::Extra => "removed",
            Kind::Foreign => "left (it is not generated; move it elsewhere):",
        }
    }

    /// Writes or removes the file.
    pub(crate) fn resolve(&self, root: &Path) -> io::Result<()> {
        let path = root.join(&self.path);
        match &self.kind {
            Kind::Stale(_, text) | Kind::Missing(text) => {
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                std::fs::write(path, text)
            }
            Kind::Extra => std::fs::remove_file(path),
            Kind::Foreign => Ok(()),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.kind {
            Kind::Stale(old, new) => {
                writeln!(f, "stale: {path}")?;
                let diff = TextDiff::from_lines(old, new);
                write!(f, "{}", diff.unified_diff().header(path, "as generated"))
            }
            Kind::Missing(_) => writeln!(f, "missing: {path}"),
            Kind::Extra => writeln!(f, "extra: {path} (no longer generated)"),
            Kind::Foreign => writeln!(f, "extra: {path} (it is not generated; move it elsewhere)"),
        }
    }
}
