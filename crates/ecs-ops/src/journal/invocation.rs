//! The user and the program that started a process of a run.

use serde::{Deserialize, Serialize};

/// The process that began or resumed a run, so that people can see later who did what. It holds no
/// secret: its maker masks those of the command line.
///
/// ```
/// use ecs_ops::journal::Invocation;
///
/// let invocation = Invocation {
///     program: "night-shift 1.2.0".to_owned(),
///     user: Some("ops".to_owned()),
///     host: Some("jump-1".to_owned()),
///     pid: Some(4711),
///     command: vec!["night-shift".to_owned(), "--token".to_owned(), "***".to_owned()],
/// };
/// assert_eq!(invocation.to_string(), "ops on jump-1, pid 4711");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invocation {
    /// The program, with its version.
    pub program: String,
    /// The user of the operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The process on that host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The command line, with its secrets masked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
}

impl std::fmt::Display for Invocation {
    /// User, host and process.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.user.as_deref().unwrap_or("an unknown user"))?;
        if let Some(host) = &self.host {
            write!(f, " on {host}")?;
        }
        match self.pid {
            Some(pid) => write!(f, ", pid {pid}"),
            None => Ok(()),
        }
    }
}
