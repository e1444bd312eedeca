//! Commands that are proposed to be typed next. Every line that the program prints to be pasted into a shell is made here, so
//! that a test can run each kind of them as it stands (`tests/it/hints.rs`).

use std::ffi::OsString;
use std::path::Path;

use ecs_ops::model::ServerId;

use super::go_on::{Words, place};

/// Instead of a command that cannot be printed.
const UNWRITABLE: &str =
    "(an argument has characters that cannot be printed here: repeat the options of this run)";

/// A command, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NextStep {
    purpose: String,
    words: Words,
    /// What follows the command in the line, for the shell.
    redirection: &'static str,
    /// Whether the options that lead to the place are still to come.
    lacks_place: bool,
}

impl NextStep {
    fn new(purpose: impl Into<String>, words: Words) -> Self {
        Self {
            purpose: purpose.into(),
            words,
            redirection: "",
            lacks_place: false,
        }
    }

    /// Continues a run.
    pub(crate) fn resume(purpose: impl Into<String>, run: &Path, options: &Words) -> Self {
        let words = Words::command("resume").then([place(run)]);
        Self::new(purpose, words.and(options.clone()))
    }

    /// Continues a run, and looks at its unknown servers.
    pub(crate) fn reconcile(purpose: impl Into<String>, run: &Path, options: &Words) -> Self {
        let words = Words::command("resume").then([place(run), "--reconcile".into()]);
        Self::new(purpose, words.and(options.clone()))
    }

    /// A new run of the servers that failed.
    pub(crate) fn rerun_failed(purpose: impl Into<String>, run: &Path, options: &Words) -> Self {
        let words = Words::command("rerun").then([place(run), "--failed".into()]);
        Self::new(purpose, words.and(options.clone()))
    }

    /// The same action on some of the servers, which the command names between its two parts.
    pub(crate) fn act_again(
        purpose: impl Into<String>,
        (before, after): (Words, Words),
        servers: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        Self::new(purpose, before.then(servers).and(after))
    }

    /// Waits for jobs.
    pub(crate) fn wait_for_jobs(
        purpose: impl Into<String>,
        jobs: &[&str],
        options: &Words,
    ) -> Self {
        let words = Words::command("job").then(["wait"]);
        Self::new(
            purpose,
            words.then(jobs.iter().copied()).and(options.clone()),
        )
    }

    /// Shows servers, with what is known of what was done to them.
    pub(crate) fn show_servers(
        purpose: impl Into<String>,
        servers: &[ServerId],
        options: &Words,
    ) -> Self {
        let words = Words::command("server").then(["show"]);
        let words = words.then(servers.iter().map(ToString::to_string));
        Self::new(purpose, words.and(options.clone()))
    }

    /// Lists the servers of the project.
    pub(crate) fn list_servers(purpose: impl Into<String>) -> Self {
        let words = Words::command("server").then(["list", "-o", "wide"]);
        Self::new(purpose, words).without_place()
    }

    /// Explains an error code.
    pub(crate) fn explain(purpose: impl Into<String>, code: &str) -> Self {
        Self::new(purpose, Words::command("explain").then([code]))
    }

    /// Shows a run.
    pub(crate) fn show_run(purpose: impl Into<String>, run: &Path, options: &Words) -> Self {
        let words = Words::command("run").then(["show".into(), place(run)]);
        Self::new(purpose, words.and(options.clone()))
    }

    /// Writes the ids of the servers of a run that failed into a file.
    pub(crate) fn write_failed_ids(
        purpose: impl Into<String>,
        run: &Path,
        options: &Words,
    ) -> Self {
        let words = Words::command("run").then(["show".into(), place(run)]);
        let words = words.then(["-o", "id", "--outcome", "failed"]);
        Self {
            redirection: " > ids.txt",
            ..Self::new(purpose, words.and(options.clone()))
        }
    }

    /// Lists the runs.
    pub(crate) fn list_runs(purpose: impl Into<String>) -> Self {
        Self::new(purpose, Words::command("run").then(["list"])).without_place()
    }

    /// Checks the credentials and the way to the service.
    pub(crate) fn check_access(purpose: impl Into<String>) -> Self {
        Self::new(purpose, Words::command("auth").then(["check"])).without_place()
    }

    /// Checks the store.
    pub(crate) fn check_store(purpose: impl Into<String>) -> Self {
        Self::new(purpose, Words::command("store").then(["check"])).without_place()
    }

    /// Shows a plan.
    pub(crate) fn show_plan(purpose: impl Into<String>, plan: &Path) -> Self {
        let words = Words::command("plan").then(["show".into(), place(plan)]);
        Self::new(purpose, words)
    }

    /// Does what a plan says.
    pub(crate) fn apply_plan(purpose: impl Into<String>, plan: &Path) -> Self {
        Self::new(purpose, Words::command("apply").then([place(plan)])).without_place()
    }

    /// Shows how a plan is approved.
    pub(crate) fn show_approving(purpose: impl Into<String>) -> Self {
        let words = Words::command("plan").then(["approve", "--help"]);
        Self::new(purpose, words)
    }

    fn without_place(self) -> Self {
        Self {
            lacks_place: true,
            ..self
        }
    }

    /// With the options that lead to this place, where they are still to come.
    pub(crate) fn at(mut self, options: &Words) -> Self {
        if std::mem::take(&mut self.lacks_place) {
            self.words = self.words.and(options.clone());
        }
        self
    }

    /// What it is for, and below it the command as it is typed into a shell.
    pub(crate) fn lines(&self) -> [String; 2] {
        let secrets = match self.words.secrets() {
            none if none.is_empty() => none,
            options => format!(" (add {options} as before)"),
        };
        let command = match self.words.line() {
            Some(line) => format!("  {line}{}", self.redirection),
            None => format!("  {UNWRITABLE}"),
        };
        [format!("{}{secrets}:", self.purpose), command]
    }
}

#[cfg(test)]
mod tests;
