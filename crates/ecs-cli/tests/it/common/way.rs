//! A kind of credentials to be tried.

use super::account::Account;
use super::outcomes;

pub const LINE: &str = "the command line";
pub const SDK: &str = "the environment (HUAWEICLOUD_SDK_*)";
pub const OS: &str = "the environment (OS_*)";

type Variables<'a> = Vec<(&'a str, &'a str)>;

/// A kind of credentials.
pub struct Way<'a> {
    name: &'static str,
    variables: Variables<'a>,
    options: Vec<&'a str>,
    stdin: String,
    /// Files in the home directory.
    files: Vec<(&'static str, String)>,
    /// The source that `ecsctl` prints.
    source: &'static str,
    /// `true` to wait for the job, which takes some seconds.
    waits: bool,
}

impl<'a> Way<'a> {
    pub fn new(name: &'static str, source: &'static str) -> Self {
        Self {
            name,
            variables: Vec::new(),
            options: Vec::new(),
            stdin: String::new(),
            files: Vec::new(),
            source,
            waits: false,
        }
    }

    pub fn with(mut self, variables: &[(&'a str, &'a str)]) -> Self {
        self.variables.extend(variables);
        self
    }

    pub fn options(mut self, options: &[&'a str]) -> Self {
        self.options.extend(options);
        self
    }

    pub fn waits(mut self) -> Self {
        self.waits = true;
        self
    }

    pub fn stdin(mut self, text: &str) -> Self {
        self.stdin = format!("{text}\n");
        self
    }

    pub fn file(mut self, path: &'static str, text: impl Into<String>) -> Self {
        self.files.push((path, text.into()));
        self
    }

    /// Runs `auth check`, and then restarts a server with these credentials.
    #[track_caller]
    pub fn works(&self, account: &Account) {
        for (path, text) in &self.files {
            account.write(path, text);
        }
        let id = account.info["servers"][0].as_str().unwrap();
        let check = [&["auth", "check", "-o", "json"], &self.options[..]].concat();
        let checked = account.run(&check, &self.variables, &self.stdin);
        assert_eq!(
            checked.code,
            Some(0),
            "{}: {} {}",
            self.name,
            checked.stdout,
            checked.stderr
        );
        let checked = checked.json();
        let source = checked["source"].as_str().unwrap();
        assert!(source.starts_with(self.source), "{}: {source}", self.name);
        assert_eq!(
            checked["project_id"],
            account.get("project_id"),
            "{}",
            self.name
        );

        let (no_wait, outcome) = if self.waits {
            (&[][..], "succeeded")
        } else {
            (&["--no-wait"][..], "running")
        };
        let reboot = [&["reboot", id, "--yes", "-o", "json"], no_wait].concat();
        let ended = account.run(
            &[&reboot[..], &self.options[..]].concat(),
            &self.variables,
            &self.stdin,
        );
        assert_eq!(ended.code, Some(0), "{}: {}", self.name, ended.stderr);
        assert_eq!(outcomes(&ended.json()), [outcome], "{}", self.name);
        assert!(
            !ended.stderr.contains("warning"),
            "{}: {}",
            self.name,
            ended.stderr
        );
        for (path, _) in &self.files {
            account.remove(path);
        }
    }
}
