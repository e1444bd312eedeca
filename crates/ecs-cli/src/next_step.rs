//! The commands of next steps. Every line that the program prints for a shell is made here, so that a test can run
//! each kind of them unchanged (`tests/it/hints.rs`).

use std::ffi::OsString;
use std::path::Path;

use ecs_ops::model::ServerId;

use crate::command_line::{CommandLine, place};

/// The text in place of a command that cannot be printed.
const UNWRITABLE: &str =
    "(an argument has characters that cannot be printed here: repeat the options of this run)";

/// A command with its purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NextStep {
    purpose: String,
    line: CommandLine,
    /// The redirection after the command.
    redirection: &'static str,
    /// `true` if the options of the place still have to be added.
    lacks_place: bool,
}

impl NextStep {
    fn new(purpose: impl Into<String>, line: CommandLine) -> Self {
        Self {
            purpose: purpose.into(),
            line,
            redirection: "",
            lacks_place: false,
        }
    }

    /// Resumes a run.
    pub(crate) fn resume(purpose: impl Into<String>, run: &Path, options: &CommandLine) -> Self {
        let line = CommandLine::command("resume").then([place(run)]);
        Self::new(purpose, line.and(options.clone()))
    }

    /// Resumes a run and reconciles its unknown servers.
    pub(crate) fn reconcile(purpose: impl Into<String>, run: &Path, options: &CommandLine) -> Self {
        let line = CommandLine::command("resume").then([place(run), "--reconcile".into()]);
        Self::new(purpose, line.and(options.clone()))
    }

    /// Reruns the servers that failed.
    pub(crate) fn rerun_failed(
        purpose: impl Into<String>,
        run: &Path,
        options: &CommandLine,
    ) -> Self {
        let line = CommandLine::command("rerun").then([place(run), "--failed".into()]);
        Self::new(purpose, line.and(options.clone()))
    }

    /// Repeats the action on some of the servers, which stand between the two parts of the command.
    pub(crate) fn act_again(
        purpose: impl Into<String>,
        (before, after): (CommandLine, CommandLine),
        servers: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Self {
        Self::new(purpose, before.then(servers).and(after))
    }

    /// Waits for jobs.
    pub(crate) fn wait_for_jobs(
        purpose: impl Into<String>,
        jobs: &[&str],
        options: &CommandLine,
    ) -> Self {
        let line = CommandLine::command("job").then(["wait"]);
        Self::new(
            purpose,
            line.then(jobs.iter().copied()).and(options.clone()),
        )
    }

    /// Shows servers with the actions on them.
    pub(crate) fn show_servers(
        purpose: impl Into<String>,
        servers: &[ServerId],
        options: &CommandLine,
    ) -> Self {
        let line = CommandLine::command("server").then(["show"]);
        let line = line.then(servers.iter().map(ToString::to_string));
        Self::new(purpose, line.and(options.clone()))
    }

    /// Lists the servers of the project.
    pub(crate) fn list_servers(purpose: impl Into<String>) -> Self {
        let line = CommandLine::command("server").then(["list", "-o", "wide"]);
        Self::new(purpose, line).without_place()
    }

    /// Writes the ids of the servers of lists into a file.
    pub(crate) fn write_listed_ids(purpose: impl Into<String>, lists: CommandLine) -> Self {
        let line = CommandLine::command("server").then(["list"]);
        Self {
            redirection: " > ids-alone.txt",
            ..Self::new(purpose, line.and(lists).then(["-o", "id"])).without_place()
        }
    }

    /// Explains an error code.
    pub(crate) fn explain(purpose: impl Into<String>, code: &str) -> Self {
        Self::new(purpose, CommandLine::command("explain").then([code]))
    }

    /// Shows a run.
    pub(crate) fn show_run(purpose: impl Into<String>, run: &Path, options: &CommandLine) -> Self {
        let line = CommandLine::command("run").then(["show".into(), place(run)]);
        Self::new(purpose, line.and(options.clone()))
    }

    /// Writes the ids of the servers of a run that failed into a file.
    pub(crate) fn write_failed_ids(
        purpose: impl Into<String>,
        run: &Path,
        options: &CommandLine,
    ) -> Self {
        let line = CommandLine::command("run").then(["show".into(), place(run)]);
        let line = line.then(["-o", "id", "--outcome", "failed"]);
        Self {
            redirection: " > ids.txt",
            ..Self::new(purpose, line.and(options.clone()))
        }
    }

    /// Watches a run.
    pub(crate) fn watch_run(purpose: impl Into<String>, run: &Path, options: &CommandLine) -> Self {
        let line = CommandLine::command("run").then(["watch".into(), place(run)]);
        Self::new(purpose, line.and(options.clone()))
    }

    /// Lists the runs.
    pub(crate) fn list_runs(purpose: impl Into<String>) -> Self {
        Self::new(purpose, CommandLine::command("run").then(["list"])).without_place()
    }

    /// Checks the credentials and the connection to the service.
    pub(crate) fn check_access(purpose: impl Into<String>) -> Self {
        Self::new(purpose, CommandLine::command("auth").then(["check"])).without_place()
    }

    /// Checks the store.
    pub(crate) fn check_store(purpose: impl Into<String>) -> Self {
        Self::new(purpose, CommandLine::command("store").then(["check"])).without_place()
    }

    /// Creates (`init`) or updates (`migrate`) the tables of the store.
    pub(crate) fn prepare_store(purpose: impl Into<String>, command: &str) -> Self {
        Self::new(purpose, CommandLine::command("store").then([command])).without_place()
    }

    /// Shows a plan.
    pub(crate) fn show_plan(purpose: impl Into<String>, plan: &Path) -> Self {
        let line = CommandLine::command("plan").then(["show".into(), place(plan)]);
        Self::new(purpose, line)
    }

    /// Applies a plan.
    pub(crate) fn apply_plan(purpose: impl Into<String>, plan: &Path) -> Self {
        Self::new(purpose, CommandLine::command("apply").then([place(plan)])).without_place()
    }

    /// Shows how a plan is approved.
    pub(crate) fn show_approving(purpose: impl Into<String>) -> Self {
        let line = CommandLine::command("plan").then(["approve", "--help"]);
        Self::new(purpose, line)
    }

    fn without_place(self) -> Self {
        Self {
            lacks_place: true,
            ..self
        }
    }

    /// Adds the options of this place, unless the command has them.
    pub(crate) fn at(mut self, options: &CommandLine) -> Self {
        if std::mem::take(&mut self.lacks_place) {
            self.line = self.line.and(options.clone());
        }
        self
    }

    /// Returns the purpose, and below it the command for a shell.
    pub(crate) fn lines(&self) -> [String; 2] {
        let secrets = match self.line.secrets() {
            none if none.is_empty() => none,
            options => format!(" (add {options} as before)"),
        };
        let command = match self.line.line() {
            Some(line) => format!("  {line}{}", self.redirection),
            None => format!("  {UNWRITABLE}"),
        };
        [format!("{}{secrets}:", self.purpose), command]
    }
}

#[cfg(test)]
mod tests;
