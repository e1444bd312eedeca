//! A snapshot of the variables and files from which credentials are chosen.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

mod file;

pub(crate) use file::File;

/// The prefixes of the variables that are read.
const PREFIXES: [&str; 6] = [
    "HUAWEICLOUD_SDK_",
    "HUAWEICLOUD_OIDC_",
    "HC_CONTAINER_",
    "HW_",
    "OS_",
    "S3_",
];
const DIRECTORIES: [&str; 5] = [
    "HOME",
    "USERPROFILE",
    "XDG_CONFIG_HOME",
    "XDG_CONFIG_DIRS",
    "SNAP_REAL_HOME",
];

/// Variables that name files.
pub(crate) const CLOUDS_FILE: &str = "OS_CLIENT_CONFIG_FILE";
pub(crate) const SECURE_FILE: &str = "OS_CLIENT_SECURE_FILE";
pub(crate) const PROFILE_FILE: &str = "HUAWEICLOUD_SDK_CREDENTIALS_FILE";
pub(crate) const REGIONS_FILE: &str = "HUAWEICLOUD_SDK_REGIONS_FILE";
pub(crate) const KOOCLI_FILE: &str = "HW_SHARED_CONFIG_FILE";

/// The variables and files from which credentials are chosen: a snapshot, so that the choice is a
/// pure function. `Debug` shows names only.
///
/// ```
/// use ecs_auth::Environment;
///
/// let environment = Environment::default()
///     .with_variable("HUAWEICLOUD_SDK_AK", "QTWAOYTTINDUT2QVKYUC")
///     .with_variable("HUAWEICLOUD_SDK_SK", "MFyfvK41");
/// assert!(!format!("{environment:?}").contains("MFyf"));
/// ```
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, Zeroizing<String>>,
    files: BTreeMap<PathBuf, File>,
}

impl Environment {
    /// Takes a snapshot of this process's environment and of the existing files that may hold
    /// credentials.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let wanted = DIRECTORIES.contains(&&*name)
                || PREFIXES.iter().any(|prefix| name.starts_with(prefix));
            let value = wanted.then(|| value.into_string().ok())??;
            Some((name, Zeroizing::new(value)))
        });
        let mut environment = Self {
            variables: variables.collect(),
            files: BTreeMap::new(),
        };
        let paths = environment.candidates().into_iter();
        environment.files = paths
            .filter_map(|path| Some((path.clone(), file::read(&path)?)))
            .collect();
        environment
    }

    /// Adds a variable.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables
            .insert(name.into(), Zeroizing::new(value.into()));
        self
    }

    /// Adds a file that only its owner can read.
    #[must_use]
    pub fn with_file(self, path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        self.with(path.into(), text.into(), false)
    }

    /// Adds a file that everybody can read.
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

    /// Returns a variable if it is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&Zeroizing<String>> {
        self.variables.get(name).filter(|value| !value.is_empty())
    }

    /// Returns the variables whose names begin with the prefix and whose values are not empty.
    pub(crate) fn with_prefix<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Zeroizing<String>)> {
        self.variables
            .iter()
            .filter(move |(name, value)| name.starts_with(prefix) && !value.is_empty())
            .map(|(name, value)| (name.as_str(), value))
    }

    pub(crate) fn file(&self, path: &Path) -> Option<&File> {
        self.files.get(path)
    }

    /// Returns the path that the variable names, and whether no file is there: another file in its
    /// place could be another account's.
    pub(crate) fn named_file(&self, variable: &str) -> Option<(PathBuf, bool)> {
        let path = self.path(variable)?;
        let missing = self.file(&path).is_none();
        Some((path, missing))
    }

    /// Returns the possible paths of `clouds.yaml`; the first that exists is read.
    pub(crate) fn clouds_files(&self) -> Vec<PathBuf> {
        self.openstack_files(CLOUDS_FILE, "clouds")
    }

    /// Returns the possible paths of `secure.yaml`.
    pub(crate) fn secure_files(&self) -> Vec<PathBuf> {
        self.openstack_files(SECURE_FILE, "secure")
    }

    /// Returns the possible paths of `clouds-public.yaml`.
    pub(crate) fn vendor_files(&self) -> Vec<PathBuf> {
        self.openstack_files("", "clouds-public")
    }

    /// Returns the search path of openstacksdk 4.22.0 (`config/loader.py`): the working directory,
    /// `$XDG_CONFIG_HOME/openstack`, the `.config/openstack` of the (real) home,
    /// `$XDG_CONFIG_DIRS/openstack` where that is one directory, `/etc/openstack`.
    fn openstack_files(&self, variable: &str, stem: &str) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = self.path(variable).into_iter().collect();
        let under =
            |directory: Option<PathBuf>| directory.map(|directory| directory.join("openstack"));
        let site = self
            .path("XDG_CONFIG_DIRS")
            .unwrap_or_else(|| PathBuf::from("/etc/xdg"));
        let home = self.path("SNAP_REAL_HOME").or_else(|| self.home());
        let mut directories = vec![PathBuf::from(".")];
        let more = [
            under(self.path("XDG_CONFIG_HOME")),
            under(home.map(|home| home.join(".config"))),
            under(self.home().map(|home| home.join(".config"))),
            under(Some(site).filter(|site| !site.to_string_lossy().contains(':'))),
            Some(PathBuf::from("/etc/openstack")),
        ];
        for directory in more.into_iter().flatten() {
            if !directories.contains(&directory) {
                directories.push(directory);
            }
        }
        for directory in directories {
            for ending in ["yaml", "yml", "json"] {
                paths.push(directory.join(format!("{stem}.{ending}")));
            }
        }
        paths
    }

    /// Returns the path of the Huawei Cloud SDKs' profiles.
    pub(crate) fn profile_file(&self) -> Option<PathBuf> {
        self.path(PROFILE_FILE)
            .or_else(|| self.in_home(".huaweicloud/credentials"))
    }

    /// Returns the path where the Huawei Cloud SDKs search addresses of regions.
    pub(crate) fn regions_file(&self) -> Option<PathBuf> {
        self.path(REGIONS_FILE)
            .or_else(|| self.in_home(".huaweicloud/regions.yaml"))
    }

    /// Returns the path of KooCLI's profiles.
    pub(crate) fn koocli_file(&self) -> Option<PathBuf> {
        let named = self.path(KOOCLI_FILE).map(|path| self.expand(&path));
        named.or_else(|| self.in_home(".hcloud/config.json"))
    }

    /// Expands `~` to the home directory.
    pub(crate) fn expand(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), self.home()) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => path.to_owned(),
        }
    }

    fn in_home(&self, path: &str) -> Option<PathBuf> {
        Some(self.home()?.join(path))
    }

    fn home(&self) -> Option<PathBuf> {
        self.path("HOME").or_else(|| self.path("USERPROFILE"))
    }

    fn path(&self, variable: &str) -> Option<PathBuf> {
        self.variable(variable)
            .map(|path| PathBuf::from(path.as_str()))
    }

    fn candidates(&self) -> Vec<PathBuf> {
        let mut paths = self.clouds_files();
        paths.extend(self.secure_files());
        paths.extend(self.vendor_files());
        paths.extend(self.profile_file());
        paths.extend(self.regions_file());
        paths.extend(self.koocli_file());
        paths
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys())
            .field("files", &self.files.keys())
            .finish()
    }
}

#[cfg(test)]
mod tests;
