//! `job show` and `job wait`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ecs_ops::model::{Job, JobId};
use ecs_ops::{
    ErrorKind, Problem,
    jobs::{JobEnd, JobEvent},
};

use crate::args::{self, DocumentFormat, DocumentOutput, Global};
use crate::command_line::{CommandLine, written};
use crate::connect::{Settings, connect};
use crate::exit::{self, Exit};
use crate::fail::{CliError, check_credentials, hint_for};
use crate::ids;
use crate::render::job::ShownJob;
use crate::render::{job as render, json};
use crate::signals::Signals;
use crate::term::{Printer, Results};

/// The time after which a message reports that there is no answer yet.
const FIRST_ANSWER_LIMIT: Duration = Duration::from_secs(10);

pub(crate) async fn show(
    args: &args::JobShow,
    global: &Global,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    let ids: Vec<JobId> = ids::parse("job", &args.ids)?;
    let connection = connect(global, &Settings::of_reads(), printer).await?;
    let mut shown = Vec::new();
    let mut exit = Exit::Success;
    // Credentials that were refused once are refused for all jobs, and five wrong signatures lock a key.
    let mut refused: Option<Problem> = None;
    for job_id in ids {
        let answer = match &refused {
            Some(problem) => Err((ErrorKind::Credentials, problem.clone())),
            None => {
                let answer = connection.client.job(&job_id).await;
                answer.map_err(|error| (error.kind(), error.problem().clone()))
            }
        };
        let (one, seen) = match answer {
            Ok(job) => (Exit::Success, ShownJob::of_job(job_id, Arc::new(job))),
            Err((kind, problem)) => {
                let (one, state) = match kind {
                    ErrorKind::Refused => (Exit::Unknown, "unknown"),
                    ErrorKind::Credentials => {
                        refused.get_or_insert_with(|| problem.clone());
                        (Exit::Credentials, "refused")
                    }
                    kind => (exit::of_error(kind), "unreachable"),
                };
                (one, ShownJob::without(job_id, state, problem))
            }
        };
        exit = exit.max(one);
        if args.output.format == DocumentFormat::Jsonl {
            results.write(&json::line(&seen.event()));
        }
        shown.push(seen);
    }
    finish(&shown, args.output, global, printer, results);
    Ok(exit)
}

pub(crate) async fn wait(
    args: &args::JobWait,
    global: &Global,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    let ids: Vec<JobId> = ids::parse("job", &args.ids)?;
    let connection = connect(global, &Settings::default(), printer).await?;
    let mut signals = Signals::new()?;
    let jobs = if ids.len() == 1 {
        "a job".to_owned()
    } else {
        format!("{} jobs", ids.len())
    };
    printer.note(&format!("waiting for {jobs} at {}", connection.place()));

    let mut watch = connection
        .client
        .watch(ids.iter().cloned())
        .map_err(|error| CliError::usage(error.problem().to_string()))?;
    if let Some(deadline) = args.deadline {
        watch = watch.deadline(deadline);
    }
    if let Some(limit) = args.stalled_after {
        watch = watch.stalled_after(limit);
    }
    let mut events = watch.events();
    let mut waiting = Waiting::new(args);
    let first_answer = tokio::time::sleep(FIRST_ANSWER_LIMIT);
    tokio::pin!(first_answer);
    let mut unanswered = true;
    loop {
        let event = tokio::select! {
            event = events.next() => match event {
                Some(event) => event,
                None => break,
            },
            _ = signals.next() => {
                printer.always("stopped; the jobs continue at the service");
                // The last known state of each job still arrives as an event.
                watch.cancel();
                continue;
            }
            () = &mut first_answer, if unanswered => {
                unanswered = false;
                still_trying(&format!("no answer from {} yet", connection.place()), printer);
                continue;
            }
        };
        unanswered = false;
        waiting.on_event(event, printer, results);
    }
    let shown = waiting.shown(ids);
    let exit = shown.iter().map(|shown| shown.exit).max();
    finish(&shown, args.output, global, printer, results);
    Ok(exit.unwrap_or(Exit::Success))
}

/// The state of waiting for jobs.
struct Waiting<'a> {
    args: &'a args::JobWait,
    seen: HashMap<JobId, Arc<Job>>,
    ends: HashMap<JobId, JobEnd>,
    /// The error of each job since its last successful poll.
    errors: HashMap<JobId, Problem>,
}

impl<'a> Waiting<'a> {
    fn new(args: &'a args::JobWait) -> Self {
        Self {
            args,
            seen: HashMap::new(),
            ends: HashMap::new(),
            errors: HashMap::new(),
        }
    }

    fn on_event(&mut self, event: JobEvent, printer: &Printer, results: &mut Results) {
        match event {
            JobEvent::Polled { job_id, job } => self.on_polled(job_id, job, printer),
            JobEvent::UndocumentedStatus { job_id, status } => printer.warn(&format!(
                "job {job_id} has the status {}, which the service does not document: still waiting",
                status.as_str()
            )),
            JobEvent::NotFoundYet { job_id } if self.errors.is_empty() => {
                printer.note(&format!("job {job_id}: the service does not know it yet"));
            }
            JobEvent::QueryFailed { job_id, error, .. } => {
                // Printed once until a poll succeeds again, because the reason is the same for all jobs.
                if self.errors.is_empty() {
                    still_trying(&format!("cannot query job {job_id}: {error}"), printer);
                }
                self.errors.insert(job_id, error);
            }
            JobEvent::Waiting { jobs } => {
                let jobs = match jobs {
                    1 => "1 job".to_owned(),
                    jobs => format!("{jobs} jobs"),
                };
                printer.note(&format!("still waiting for {jobs}"));
            }
            JobEvent::Ended(ended) => self.on_end(ended.job_id, ended.end, printer, results),
            // Other events need tickets.
            _ => {}
        }
    }

    fn on_polled(&mut self, job_id: JobId, job: Arc<Job>, printer: &Printer) {
        self.errors.remove(&job_id);
        let status = render::status(&job);
        let is_new = |before: &Arc<Job>| render::status(before) != status;
        if self.seen.get(&job_id).is_none_or(is_new) {
            printer.note(&format!("job {job_id}: {status}"));
        }
        self.seen.insert(job_id, job);
    }

    fn on_end(&mut self, job_id: JobId, end: JobEnd, printer: &Printer, results: &mut Results) {
        if let (JobEnd::Stalled(_), Some(limit)) = (&end, self.args.stalled_after) {
            printer.warn(&format!(
                "job {job_id} has made no progress for {}: no longer waiting for it; it continues at the service",
                written(limit)
            ));
        }
        if self.args.output.format == DocumentFormat::Jsonl {
            let (last, last_error) = (self.seen.get(&job_id), self.errors.get(&job_id));
            let (last, last_error) = (last.cloned(), last_error.cloned());
            let shown = ShownJob::of_end(job_id.clone(), end.clone(), last, last_error);
            results.write(&json::line(&shown.event()));
        }
        self.ends.insert(job_id, end);
    }

    /// Returns the end of each job.
    fn shown(mut self, ids: Vec<JobId>) -> Vec<ShownJob> {
        let shown = |job_id| {
            let (last, last_error) = (self.seen.remove(&job_id), self.errors.remove(&job_id));
            let end = self.ends.remove(&job_id);
            let end = end.unwrap_or(JobEnd::Cancelled(None));
            ShownJob::of_end(job_id, end, last, last_error)
        };
        ids.into_iter().map(shown).collect()
    }
}

fn still_trying(subject: &str, printer: &Printer) {
    printer.note(&format!(
        "{subject} (retrying; Ctrl-C stops, --deadline sets a limit)"
    ));
}

fn finish(
    shown: &[ShownJob],
    output: DocumentOutput,
    global: &Global,
    printer: &Printer,
    results: &mut Results,
) {
    match output.format {
        DocumentFormat::Table => results.write(&render::table(shown)),
        DocumentFormat::Json => results.write(&json::document(&render::document(shown))),
        DocumentFormat::Jsonl => {}
    }
    let refused = shown.iter().any(|shown| shown.state == "refused");
    let problem = shown.iter().find_map(|shown| shown.error.as_ref());
    if let Some(hint) = problem.and_then(|problem| hint_for(problem, refused)) {
        printer.hint(&hint);
    }
    if refused {
        printer.next(&check_credentials().at(&CommandLine::to_place(global)));
    }
}
