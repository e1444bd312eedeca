//! What a process sees around it: variables and files, taken once.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::clouds::unreadable;
use crate::AuthError;

/// Larger files are not read.
const MAX_FILE: u64 = 1 << 20;

/// Only these variables are looked at.
const PREFIXES: [&str; 2] = ["HUAWEICLOUD_SDK_", "OS_"];
const HOMES: [&str; 3] = ["HOME", "USERPROFILE", "XDG_CONFIG_HOME"];

/// Variables that name files.
pub(super) const CLOUDS_FILE: &str = "OS_CLIENT_CONFIG_FILE";
pub(super) const SECURE_FILE: &str = "OS_CLIENT_SECURE_FILE";
pub(super) const PROFILE_FILE: &str = "HUAWEICLOUD_SDK_CREDENTIALS_FILE";

/// The variables and files out of which credentials are chosen: a snapshot, so that choosing is a pure function of it.
/// `Debug` shows names only.
///
/// ```
/// use ecs_auth::Surroundings;
///
/// let surroundings = Surroundings::default()
///     .with_variable("HUAWEICLOUD_SDK_AK", "QTWAOYTTINDUT2QVKYUC")
///     .with_variable("HUAWEICLOUD_SDK_SK", "MFyfvK41");
/// assert!(!format!("{surroundings:?}").contains("MFyf"));
/// ```
#[derive(Clone, Default)]
pub struct Surroundings {
    variables: BTreeMap<String, Zeroizing<String>>,
    files: BTreeMap<PathBuf, File>,
}

#[derive(Clone)]
pub(super) struct File {
    /// What is in it, or why it could not be read.
    pub(super) text: Result<Zeroizing<String>, String>,
    pub(super) readable_by_others: bool,
}

impl Surroundings {
    /// Those of this process: its environment, and the files that may hold credentials, as far as they exist.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let wanted =
                HOMES.contains(&&*name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix));
            let value = wanted.then(|| value.into_string().ok())??;
            Some((name, Zeroizing::new(value)))
        });
        let mut surroundings = Self {
            variables: variables.collect(),
            files: BTreeMap::new(),
        };
        let files = surroundings.candidates().into_iter();
        surroundings.files = files
            .filter_map(|path| Some((path.clone(), read(&path)?)))
            .collect();
        surroundings
    }

    /// With this variable.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables
            .insert(name.into(), Zeroizing::new(value.into()));
        self
    }

    /// With this file, which only its owner can read.
    #[must_use]
    pub fn with_file(self, path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        self.with(path.into(), text.into(), false)
    }

    /// With this file, which everybody can read.
    #[must_use]
    pub fn with_open_file(self, path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        self.with(path.into(), text.into(), true)
    }

    fn with(mut self, path: PathBuf, text: String, readable_by_others: bool) -> Self {
        let text = Ok(Zeroizing::new(text));
        self.files.insert(
            path,
            File {
                text,
                readable_by_others,
            },
        );
        self
    }

    /// A variable that is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&Zeroizing<String>> {
        self.variables.get(name).filter(|value| !value.is_empty())
    }

    /// What is set under names that begin so, by the rest of the name. Not for secrets.
    pub(super) fn with_prefix(&self, prefix: &str) -> BTreeMap<String, String> {
        let named = |(name, value): (&String, &Zeroizing<String>)| {
            let rest = name.strip_prefix(prefix)?.to_owned();
            (!value.is_empty()).then(|| (rest, value.as_str().to_owned()))
        };
        self.variables.iter().filter_map(named).collect()
    }

    fn path(&self, variable: &str) -> Option<PathBuf> {
        self.variable(variable)
            .map(|path| PathBuf::from(path.as_str()))
    }

    pub(super) fn file(&self, path: &Path) -> Option<&File> {
        self.files.get(path)
    }

    /// A file that this variable names has to be there: another one could be somebody else's.
    pub(super) fn missing(&self, variable: &str) -> Result<(), AuthError> {
        match self.path(variable) {
            Some(path) if self.file(&path).is_none() => {
                let problem = format!("there is no such file, and {variable} names it");
                Err(unreadable(&path, &problem))
            }
            _ => Ok(()),
        }
    }

    /// Where `clouds.yaml` may be, the first wins.
    pub(super) fn clouds_files(&self) -> Vec<PathBuf> {
        self.openstack_files(CLOUDS_FILE, "clouds")
    }

    /// Where `secure.yaml` may be, the first wins.
    pub(super) fn secure_files(&self) -> Vec<PathBuf> {
        self.openstack_files(SECURE_FILE, "secure")
    }

    fn openstack_files(&self, variable: &str, stem: &str) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = self.path(variable).into_iter().collect();
        let config = self.path("XDG_CONFIG_HOME");
        let config = config.or_else(|| Some(self.home()?.join(".config")));
        let folders = [
            Some(PathBuf::from(".")),
            config.map(|config| config.join("openstack")),
            Some(PathBuf::from("/etc/openstack")),
        ];
        for folder in folders.into_iter().flatten() {
            for ending in ["yaml", "yml", "json"] {
                paths.push(folder.join(format!("{stem}.{ending}")));
            }
        }
        paths
    }

    /// Where profiles are.
    pub(super) fn profile_file(&self) -> Option<PathBuf> {
        let named = self.path(PROFILE_FILE);
        named.or_else(|| Some(self.home()?.join(".huaweicloud").join("credentials")))
    }

    fn home(&self) -> Option<PathBuf> {
        self.path("HOME").or_else(|| self.path("USERPROFILE"))
    }

    fn candidates(&self) -> Vec<PathBuf> {
        let mut paths = self.clouds_files();
        paths.extend(self.secure_files());
        paths.extend(self.profile_file());
        paths
    }
}

/// `None` where there is nothing, or a folder. A pipe, as shells make of `<(…)`, is read like a file.
fn read(path: &Path) -> Option<File> {
    let unreadable = |error: io::Error| File {
        text: Err(error.to_string()),
        readable_by_others: false,
    };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return None,
        Ok(metadata) => metadata,
        Err(error) => {
            let none = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
            return (!none).then(|| unreadable(error));
        }
    };
    // Room for all of it, so that it never moves and leaves a copy behind.
    let room = metadata.len().min(MAX_FILE) as usize + 1;
    let mut text = Zeroizing::new(String::with_capacity(room));
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_string(&mut text));
    match read {
        Err(error) => Some(unreadable(error)),
        Ok(_) => Some(File {
            text: match text.len() as u64 {
                0..=MAX_FILE => Ok(text),
                _ => Err("it is larger than a mebibyte".to_owned()),
            },
            readable_by_others: metadata.is_file() && is_readable_by_others(&metadata),
        }),
    }
}

#[cfg(unix)]
fn is_readable_by_others(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o044 != 0
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &std::fs::Metadata) -> bool {
    false
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("variables", &self.variables.keys())
            .field("files", &self.files.keys())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_FILE, Surroundings, read};

    #[test]
    fn a_file_is_read_once_with_who_else_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clouds.yaml");
        assert!(read(&path).is_none());
        assert!(read(folder.path()).is_none(), "a folder is no file");
        std::fs::write(&path, "sesame").unwrap();
        let file = read(&path).unwrap();
        assert_eq!(file.text.unwrap().as_str(), "sesame");
        #[cfg(unix)]
        for (mode, open) in [(0o600, false), (0o640, true), (0o604, true), (0o700, false)] {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&path).unwrap().readable_by_others, open, "{mode:o}");
        }
        std::fs::write(&path, vec![b'a'; MAX_FILE as usize + 1]).unwrap();
        assert!(read(&path).unwrap().text.unwrap_err().contains("larger"));
        std::fs::write(&path, b"\xff").unwrap();
        assert!(read(&path).unwrap().text.is_err());
        assert!(
            read(&path.join("below")).is_none(),
            "as with HOME=/dev/null"
        );
        let long = folder.path().join("x".repeat(5_000));
        assert!(
            read(&long).unwrap().text.is_err(),
            "no answer is no absence"
        );
        #[cfg(target_os = "linux")]
        {
            use std::os::fd::AsRawFd as _;
            let (reader, mut writer) = std::io::pipe().unwrap();
            std::io::Write::write_all(&mut writer, b"piped").unwrap();
            drop(writer);
            let path = format!("/dev/fd/{}", reader.as_raw_fd());
            let file = read(path.as_ref()).unwrap();
            assert_eq!(file.text.unwrap().as_str(), "piped");
            assert!(!file.readable_by_others);
        }
    }

    #[test]
    fn what_is_shown_is_names_only() {
        let surroundings = Surroundings::default()
            .with_variable("OS_PASSWORD", "sesame")
            .with_file("/clouds.yaml", "sesame");
        let shown = format!("{surroundings:?} {surroundings:#?}");
        assert!(shown.contains("OS_PASSWORD") && shown.contains("/clouds.yaml"));
        assert!(!shown.contains("sesame"), "{shown}");
    }
}
