//! The next steps after a run, as commands.

mod options;

use std::collections::HashSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Parser as _;
use ecs_ops::journal::RunRecord;
use ecs_ops::model::{ErrorInfo, JobId, ServerId};
use ecs_ops::rolling::StopReason;
use ecs_ops::{Client, Outcome, PowerAction, Report, Stopped};

use crate::args::{Cli, Global, Resume, Run, StoreOptions};
use crate::command_line::{CommandLine, place, written};
use crate::confirm::{counted, done};
use crate::next_step::NextStep;
use crate::private_file;

/// The most ids that are written into a command.
const INLINE: usize = 5;

/// The run of this process, with the parts of commands about it.
pub(super) struct NextSteps {
    /// The journal as commands name it: the file, or the id of the run; `None` without a journal.
    named: Option<PathBuf>,
    /// `true` if its journal is in a store.
    is_stored: bool,
    /// Options of `resume`.
    resume: CommandLine,
    /// Options that select its place, which every command takes.
    place: CommandLine,
    /// The action and its options, for a new run of some of the servers; `None` for a resumed run.
    again: Option<(CommandLine, CommandLine)>,
}

/// The inputs of the next steps besides the report.
#[derive(Debug)]
pub(super) struct RunContext<'a> {
    pub(super) no_wait: bool,
    /// `true` if unknown servers were reconciled.
    pub(super) reconciled: bool,
    /// `true` if the service was the embedded simulator, whose jobs end with the process.
    pub(super) simulated: bool,
    /// Servers that were not ready and therefore not sent.
    pub(super) unready: &'a [ServerId],
}

impl NextSteps {
    /// Describes a run that `args` began.
    pub(super) fn of_run(
        action: PowerAction,
        args: &Run,
        global: &Global,
        stored: Option<&str>,
    ) -> Self {
        let mut resume = CommandLine::default();
        resume.client(args.attempt_timeout, args.servers_per_minute);
        if stored.is_none() {
            resume.flag(
                "--allow-autoscaling-members",
                args.allow_autoscaling_members,
            );
        }
        resume.format(args.output.format);
        resume.global(global);
        let mut after = CommandLine::default();
        after.run(action, args);
        after.format(args.output.format);
        after.global(global);
        let journal = || match &args.run_id {
            Some(run_id) => Some(PathBuf::from(run_id)),
            None => args.journal.clone(),
        };
        Self {
            named: stored.map(PathBuf::from).or_else(journal),
            is_stored: stored.is_some(),
            resume,
            place: CommandLine::to_place(global),
            again: Some((CommandLine::command(action.name()), after)),
        }
    }

    /// Describes a resumed run; `named` is its journal or its id.
    pub(super) fn of_resume(args: &Resume, named: &Path, is_stored: bool, global: &Global) -> Self {
        let mut resume = CommandLine::default();
        resume.flag("--reconcile", args.reconcile);
        resume.option("--reconcile-after", args.reconcile_after.map(written));
        resume.flag(
            "--allow-autoscaling-members",
            args.allow_autoscaling_members,
        );
        resume.flag("--skip-unready", args.skip_unready);
        resume.flag("--no-recheck", args.no_recheck);
        resume.option("--health-cmd", args.health_cmd.as_ref());
        resume.option("--health-timeout", args.health_timeout.map(written));
        let default = Client::SERVERS_PER_MINUTE;
        let servers_per_minute = args.servers_per_minute.unwrap_or(default);
        resume.client(args.attempt_timeout, servers_per_minute);
        resume.format(args.output.format);
        resume.global(global);
        Self {
            named: Some(named.to_owned()),
            is_stored,
            resume,
            place: CommandLine::to_place(global),
            again: None,
        }
    }

    /// Describes a run of another process, from its journal.
    pub(super) fn of_watched(named: &Path, is_stored: bool, place: RecordedPlace) -> Self {
        Self {
            named: Some(named.to_owned()),
            is_stored,
            resume: place.of_journal,
            place: place.full,
            again: None,
        }
    }

    /// Describes a run that did not begin.
    pub(super) fn nothing(global: &Global) -> Self {
        Self {
            named: None,
            is_stored: false,
            resume: CommandLine::default(),
            place: CommandLine::to_place(global),
            again: None,
        }
    }

    /// Returns the next steps in the order in which to take them.
    pub(super) fn steps(&self, report: &Report, known: &RunContext<'_>) -> Vec<NextStep> {
        let mut steps = Vec::new();
        if report.refused.is_some() {
            let purpose = "to see what is wrong with the credentials or the permissions";
            steps.push(NextStep::check_access(purpose).at(&self.place));
        }
        self.about_unknown(report, known, &mut steps);
        self.about_running(report, known, &mut steps);
        self.about_the_rest(report, known, &mut steps);
        self.about_failed(report, &mut steps);
        steps
    }

    fn about_unknown(&self, report: &Report, known: &RunContext<'_>, steps: &mut Vec<NextStep>) {
        let unknown: Vec<ServerId> = report.unknown().map(|server| server.id).collect();
        // Without a journal the run cannot be resumed, and the simulated jobs are gone.
        if unknown.is_empty() || (known.simulated && self.named.is_none()) {
            return;
        }
        let first = unknown.get(..INLINE).unwrap_or(&unknown);
        let some = match unknown.len() - first.len() {
            0 => String::new(),
            _ => format!(" (the first {INLINE})"),
        };
        steps.push(NextStep::show_servers(
            format!(
                "{} may or may not have been {}: check them before you run again{some}",
                counted(unknown.len()),
                done(report.action)
            ),
            first,
            &self.place,
        ));
        // A resumed run reconciles only servers without a job.
        let jobless = report
            .unknown()
            .any(|server| server.outcome.job_id().is_none());
        if let (Some(run), true, false, false) =
            (&self.named, jobless, known.reconciled, known.simulated)
        {
            let purpose = "or let ecsctl check them";
            steps.push(NextStep::reconcile(purpose, run, &self.resume));
        }
    }

    fn about_running(&self, report: &Report, known: &RunContext<'_>, steps: &mut Vec<NextStep>) {
        let jobs = running_jobs(report);
        // With a journal, resuming waits for them. The jobs of an embedded simulator end with it.
        if jobs.is_empty() || self.named.is_some() || known.simulated || self.again.is_none() {
            return;
        }
        let purpose = if known.no_wait {
            "not waited for"
        } else {
            "still running"
        };
        steps.push(NextStep::wait_for_jobs(purpose, &jobs, &self.place));
    }

    /// Adds the steps for servers that were not sent, and for the rest of the run.
    fn about_the_rest(&self, report: &Report, known: &RunContext<'_>, steps: &mut Vec<NextStep>) {
        let unready: HashSet<&ServerId> = known.unready.iter().collect();
        let not_attempted = report.not_attempted().map(|server| server.id);
        let (skipped, left): (Vec<ServerId>, Vec<ServerId>) =
            not_attempted.partition(|id| unready.contains(id));
        let running = report.summary().running > 0 && !known.simulated;
        // The question after the canary is still open, even if all servers are done.
        let stopped = matches!(report.stopped, Some(Stopped::Rolling(_)));
        let purpose = match left.len() {
            0 if running => "to wait for the servers that are still running".to_owned(),
            0 => "to continue".to_owned(),
            1 => "to continue with the server that was not attempted".to_owned(),
            many => format!("to continue with the {many} servers that were not attempted"),
        };
        if let Some(run) = &self.named {
            if !left.is_empty() || running || stopped {
                steps.push(NextStep::resume(purpose, run, &self.resume));
            }
            let skips = self.resume.contains("--skip-unready");
            if let (Some(Stopped::Rolling(StopReason::NotReady { .. })), false) =
                (&report.stopped, skips)
            {
                let purpose = "or continue without the servers that are not ready";
                let mut skipping = self.resume.clone();
                skipping.flag("--skip-unready", true);
                steps.push(NextStep::resume(purpose, run, &skipping));
            }
        } else if !left.is_empty() {
            steps.extend(self.act_again(purpose, report, "not-attempted", &left));
        }
        if !skipped.is_empty() {
            let purpose = match skipped.len() {
                1 => "to act on the server that was not ready, once it is".to_owned(),
                many => format!("to act on the {many} servers that were not ready, once they are"),
            };
            steps.extend(self.act_again(purpose, report, "not-ready", &skipped));
        }
    }

    fn about_failed(&self, report: &Report, steps: &mut Vec<NextStep>) {
        let failed: Vec<ServerId> = report.failed().map(|server| server.id).collect();
        if failed.is_empty() {
            return;
        }
        let mut codes = report
            .failed()
            .filter_map(|server| server.outcome.error()?.code.as_deref());
        if let Some(code) = codes.find(|code| ErrorInfo::of(code).is_some()) {
            steps.push(NextStep::explain(format!("what {code} means"), code));
        }
        let purpose = match failed.len() {
            1 => "to run the failed server again".to_owned(),
            many => format!("to run the {many} failed servers again"),
        };
        match &self.named {
            Some(run) if self.is_stored => {
                let purpose = format!("{purpose}, write their ids to a file for --from-file");
                steps.push(NextStep::write_failed_ids(purpose, run, &self.place));
            }
            Some(run) => steps.push(NextStep::rerun_failed(purpose, run, &self.place)),
            None => steps.extend(self.act_again(purpose, report, "failed", &failed)),
        }
    }

    /// Returns the command of a new run of these servers with the options of this one.
    fn act_again(
        &self,
        purpose: String,
        report: &Report,
        which: &str,
        ids: &[ServerId],
    ) -> Option<NextStep> {
        let again = self.again.clone()?;
        if ids.len() <= INLINE {
            let ids = ids.iter().map(ToString::to_string);
            return Some(NextStep::act_again(purpose, again, ids));
        }
        Some(match write(&report.run_id, which, ids) {
            Ok(path) => NextStep::act_again(purpose, again, ["--from-file".into(), place(&path)]),
            Err(error) => {
                let purpose = format!(
                    "{purpose} (their ids could not be written to a file: {error}; put them into ids.txt first)"
                );
                NextStep::act_again(purpose, again, ["--from-file", "ids.txt"])
            }
        })
    }
}

/// Returns the jobs that have running servers, in their order.
fn running_jobs(report: &Report) -> Vec<&str> {
    let running: HashSet<&JobId> = report
        .servers
        .iter()
        .filter_map(|server| match &server.outcome {
            Outcome::Running { job_id } => Some(job_id),
            _ => None,
        })
        .collect();
    let jobs = report.jobs.iter().map(|job| &job.job_id);
    jobs.filter(|job_id| running.contains(job_id))
        .map(JobId::as_str)
        .collect()
}

/// Returns the place and credentials options of a run, from the command line in its journal.
pub(super) fn recorded(run: &RunRecord) -> Option<Global> {
    let command = &run.invocation.as_ref()?.command;
    Some(Cli::try_parse_from(command).ok()?.global)
}

/// The options that select the place and the credentials of a run, from its journal.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordedPlace {
    /// For commands that read the journal, which contains the endpoint and the project.
    pub(crate) of_journal: CommandLine,
    /// For all other commands.
    pub(crate) full: CommandLine,
}

impl RecordedPlace {
    pub(crate) fn of(run: &RunRecord) -> Self {
        Self::of_global(run, recorded(run))
    }

    /// Reads the options of a run, with the store that the journal was read from.
    pub(crate) fn read_from(run: &RunRecord, reader: &Global) -> Self {
        let mut global = recorded(run);
        if let Some(global) = &mut global {
            global.store = StoreOptions::default();
        }
        let mut place = Self::of_global(run, global);
        place.of_journal.store(reader);
        place.full.store(reader);
        place
    }

    fn of_global(run: &RunRecord, recorded: Option<Global>) -> Self {
        let Some(mut global) = recorded else {
            let mut full = CommandLine::default();
            full.option("--endpoint", Some(&run.endpoint));
            full.option("--project-id", Some(run.project.as_str()));
            return Self {
                of_journal: CommandLine::default(),
                full,
            };
        };
        global.quiet = false;
        let full = CommandLine::to_place(&global);
        if global.region.is_none() && global.operator.is_none() {
            global.endpoint = None;
        }
        (global.project_id, global.sim) = (None, false);
        if run.simulated {
            global.sim_fail = None;
        }
        Self {
            of_journal: CommandLine::to_place(&global),
            full,
        }
    }
}

/// Writes the ids to a new file that only its owner can read.
fn write(run_id: &str, which: &str, ids: &[ServerId]) -> io::Result<PathBuf> {
    let name = format!("ecsctl-{run_id}-{which}.txt");
    let head = format!("# {} by run {run_id}\n", which.replace('-', " "));
    // Not in the folder for temporary files, which may be emptied before the file is used.
    let beside = std::path::absolute(&name)?;
    write_to(&beside, &head, ids).or_else(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Err(error),
        _ => write_to(&std::env::temp_dir().join(&name), &head, ids),
    })
}

fn write_to(path: &Path, head: &str, ids: &[ServerId]) -> io::Result<PathBuf> {
    let mut text = head.to_owned();
    for id in ids {
        text.push_str(&format!("{id}\n"));
    }
    private_file::create_new(path)?.write_all(text.as_bytes())?;
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests;
