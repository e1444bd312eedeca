//! `job show`, `job wait`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ecs_ops::model::{Job, JobId};
use ecs_ops::{
    ErrorKind, Problem,
    jobs::{JobEnd, JobEvent},
};

use crate::args::{self, DocumentFormat, DocumentOutput, Global};
use crate::command_line::CommandLine;
use crate::connect::{Settings, connect};
use crate::exit::{self, Exit};
use crate::fail::{Fail, check_credentials, hint_for};
use crate::ids;
use crate::render::job::Shown;
use crate::render::{job as render, json};
use crate::signals::Signals;
use crate::term::{Notes, Results};

/// After this time without a word from the service it is said that there is none.
const SILENCE: Duration = Duration::from_secs(10);

pub(crate) async fn show(
    args: &args::JobShow,
    global: &Global,
    notes: &Notes,
    results: &mut Results,
) -> Result<Exit, Fail> {
    let ids: Vec<JobId> = ids::parse("job", &args.ids)?;
    let connection = connect(global, &Settings::of_reads(), notes).await?;
    let mut shown = Vec::new();
    let mut exit = Exit::Success;
    // What refused the credentials refuses them for the other jobs too, and five wrong signatures lock a key.
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
            Ok(job) => (Exit::Success, Shown::of_job(job_id, Arc::new(job))),
            Err((kind, problem)) => {
                let (one, state) = match kind {
                    ErrorKind::Refused => (Exit::Unknown, "unknown"),
                    ErrorKind::Credentials => {
                        refused.get_or_insert_with(|| problem.clone());
                        (Exit::Credentials, "refused")
                    }
                    kind => (exit::of_error(kind), "unreachable"),
                };
                (one, Shown::without(job_id, state, problem))
            }
        };
        exit = exit.max(one);
        if args.output.format == DocumentFormat::Jsonl {
            results.write(&json::line(&seen.event()));
        }
        shown.push(seen);
    }
    finish(&shown, args.output, global, notes, results);
    Ok(exit)
}

pub(crate) async fn wait(
    args: &args::JobWait,
    global: &Global,
    notes: &Notes,
    results: &mut Results,
) -> Result<Exit, Fail> {
    let ids: Vec<JobId> = ids::parse("job", &args.ids)?;
    let connection = connect(global, &Settings::default(), notes).await?;
    let mut signals = Signals::new()?;
    let jobs = if ids.len() == 1 {
        "a job".to_owned()
    } else {
        format!("{} jobs", ids.len())
    };
    notes.note(&format!("waiting for {jobs} at {}", connection.place()));

    let mut watch = connection
        .client
        .watch(ids.iter().cloned())
        .map_err(|error| Fail::usage(error.to_string()))?;
    if let Some(deadline) = args.deadline {
        watch = watch.deadline(deadline);
    }
    if let Some(patience) = args.stalled_after {
        watch = watch.stalled_after(patience);
    }
    let mut events = watch.events();
    let mut seen: HashMap<JobId, Arc<Job>> = HashMap::new();
    let mut ends: HashMap<JobId, JobEnd> = HashMap::new();
    // What kept us from looking since we last saw a job.
    let mut troubles: HashMap<JobId, Problem> = HashMap::new();
    let silence = tokio::time::sleep(SILENCE);
    tokio::pin!(silence);
    let mut silent = true;
    loop {
        let event = tokio::select! {
            event = events.next() => match event {
                Some(event) => event,
                None => break,
            },
            _ = signals.next() => {
                notes.always("stopped; the jobs continue at the service");
                // What is known of each is still to come.
                watch.cancel();
                continue;
            }
            () = &mut silence, if silent => {
                silent = false;
                still_trying(&format!("no answer from {} yet", connection.place()), notes);
                continue;
            }
        };
        silent = false;
        match event {
            JobEvent::Polled { job_id, job } => {
                troubles.remove(&job_id);
                let status = render::status(&job);
                let news = |before: &Arc<Job>| render::status(before) != status;
                if seen.get(&job_id).is_none_or(news) {
                    notes.note(&format!("job {job_id}: {status}"));
                }
                seen.insert(job_id, job);
            }
            JobEvent::UndocumentedStatus { job_id, status } => notes.warn(&format!(
                "job {job_id} has the status {}, which the service does not document: still waiting",
                status.as_str()
            )),
            JobEvent::NotFoundYet { job_id } if troubles.is_empty() => {
                notes.note(&format!("job {job_id}: the service does not know it yet"));
            }
            JobEvent::QueryFailed { job_id, error, .. } => {
                // Said once until a job can be looked at again: it is the same for all of them.
                if troubles.is_empty() {
                    still_trying(&format!("cannot query job {job_id}: {error}"), notes);
                }
                troubles.insert(job_id, error);
            }
            JobEvent::Waiting { jobs } => {
                let jobs = match jobs {
                    1 => "1 job has".to_owned(),
                    jobs => format!("{jobs} jobs have"),
                };
                notes.note(&format!("still waiting: {jobs} not ended"));
            }
            JobEvent::Ended(ended) => {
                let (job_id, end) = (ended.job_id, ended.end);
                if let (JobEnd::Stalled(_), Some(patience)) = (&end, args.stalled_after) {
                    notes.warn(&format!(
                        "job {job_id} has made no progress for {patience:?}: no longer waiting for it; it continues at the service"
                    ));
                }
                if args.output.format == DocumentFormat::Jsonl {
                    let (last, trouble) = (seen.get(&job_id), troubles.get(&job_id));
                    let shown = Shown::of_end(job_id.clone(), end.clone(), last.cloned(), trouble.cloned());
                    results.write(&json::line(&shown.event()));
                }
                ends.insert(job_id, end);
            }
            // Without tickets nothing else happens.
            _ => {}
        }
    }
    let shown: Vec<Shown> = ids
        .into_iter()
        .map(|job_id| {
            let (last, trouble) = (seen.remove(&job_id), troubles.remove(&job_id));
            let end = ends.remove(&job_id).unwrap_or(JobEnd::Cancelled(None));
            Shown::of_end(job_id, end, last, trouble)
        })
        .collect();
    let exit = shown
        .iter()
        .map(|shown| shown.exit)
        .max()
        .unwrap_or(Exit::Success);
    finish(&shown, args.output, global, notes, results);
    Ok(exit)
}

fn still_trying(what: &str, notes: &Notes) {
    notes.note(&format!(
        "{what} (retrying; Ctrl-C stops, --deadline sets a limit)"
    ));
}

fn finish(
    shown: &[Shown],
    output: DocumentOutput,
    global: &Global,
    notes: &Notes,
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
        notes.hint(hint);
    }
    if refused {
        notes.next(&check_credentials().at(&CommandLine::to_place(global)));
    }
}
