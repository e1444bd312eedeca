//! `job show`, `job wait`.

use std::collections::HashMap;
use std::time::Duration;

use ecs_ops::model::{Job, JobId};
use ecs_ops::{Client, ErrorKind, JobEnd, Problem};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::args::{self, Format, Global, Output};
use crate::connect::{Settings, connect};
use crate::exit::{self, Exit};
use crate::fail::{Fail, hint_for};
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
    let ids: Vec<JobId> = ids::parse("job", &args.ids, None)?;
    let connection = connect(global, &Settings::default(), notes).await?;
    let mut shown = Vec::new();
    let mut exit = Exit::Success;
    for job_id in ids {
        let answer = connection.client.job(&job_id).await;
        let (one, seen) = match answer {
            Ok(job) => (Exit::Success, Shown::of_job(job_id, job)),
            Err(error) => {
                let (one, state) = match error.kind() {
                    ErrorKind::Refused => (Exit::Unknown, "unknown"),
                    ErrorKind::Credentials => (Exit::Credentials, "refused"),
                    kind => (exit::of_error(kind), "unreachable"),
                };
                (one, Shown::without(job_id, state, error.problem().clone()))
            }
        };
        exit = exit.max(one);
        if args.output.format == Format::Jsonl {
            results.write(&json::line(&seen.event()));
        }
        shown.push(seen);
    }
    finish(&shown, args.output, notes, results);
    Ok(exit)
}

/// What is heard from the tasks that wait.
enum Heard {
    Look(JobId, Job),
    Trouble(JobId, Problem),
    End(JobId, JobEnd),
}

pub(crate) async fn wait(
    args: &args::JobWait,
    global: &Global,
    notes: &Notes,
    results: &mut Results,
) -> Result<Exit, Fail> {
    let ids: Vec<JobId> = ids::parse("job", &args.ids, None)?;
    let connection = connect(global, &Settings::default(), notes).await?;
    let mut signals = Signals::new()?;
    let jobs = if ids.len() == 1 {
        "a job".to_owned()
    } else {
        format!("{} jobs", ids.len())
    };
    notes.note(&format!("waiting for {jobs} at {}", connection.place()));

    let (mut waits, mut heard) = begin(&connection.client, &ids, args.deadline);
    let mut seen: HashMap<JobId, Job> = HashMap::new();
    let mut ends: HashMap<JobId, JobEnd> = HashMap::new();
    // What kept us from looking since we last saw a job.
    let mut troubles: HashMap<JobId, Problem> = HashMap::new();
    let silence = tokio::time::sleep(SILENCE);
    tokio::pin!(silence);
    let mut silent = true;
    while ends.len() < ids.len() {
        tokio::select! {
            next = heard.recv() => match next {
                Some(Heard::Look(job_id, job)) => {
                    silent = false;
                    troubles.remove(&job_id);
                    if seen.get(&job_id).is_none_or(|before| before.status != job.status) {
                        notes.note(&format!("job {job_id}: {}", render::status(&job)));
                    }
                    seen.insert(job_id, job);
                }
                Some(Heard::Trouble(job_id, problem)) => {
                    silent = false;
                    // Said once until a job can be looked at again: it is the same for all of them.
                    if troubles.is_empty() {
                        still_trying(&format!("no look at job {job_id}: {problem}"), notes);
                    }
                    troubles.insert(job_id, problem);
                }
                Some(Heard::End(job_id, end)) => {
                    silent = false;
                    if args.output.format == Format::Jsonl {
                        let (last, trouble) = (seen.get(&job_id), troubles.get(&job_id));
                        let shown = Shown::of_end(job_id.clone(), end.clone(), last.cloned(), trouble.cloned());
                        results.write(&json::line(&shown.event()));
                    }
                    ends.insert(job_id, end);
                }
                // Every task has ended.
                None => break,
            },
            () = signals.next() => {
                notes.always("stopped: the jobs go on at the service");
                break;
            }
            () = &mut silence, if silent => {
                silent = false;
                still_trying(&format!("no answer from {} yet", connection.place()), notes);
            }
        }
    }
    waits.abort_all();
    let shown: Vec<Shown> = ids
        .into_iter()
        .map(|job_id| {
            let (last, trouble) = (seen.remove(&job_id), troubles.remove(&job_id));
            let end = ends
                .remove(&job_id)
                .unwrap_or(JobEnd::Deadline(last.clone()));
            Shown::of_end(job_id, end, last, trouble)
        })
        .collect();
    let exit = shown
        .iter()
        .map(|shown| shown.exit)
        .max()
        .unwrap_or(Exit::Success);
    finish(&shown, args.output, notes, results);
    Ok(exit)
}

/// Begins to wait for each job on its own, so that what is known of one is not lost when the waiting is stopped.
fn begin(
    client: &Client,
    ids: &[JobId],
    deadline: Option<Duration>,
) -> (JoinSet<()>, mpsc::UnboundedReceiver<Heard>) {
    let (sender, heard) = mpsc::unbounded_channel();
    let mut waits = JoinSet::new();
    for job_id in ids {
        let (looks, troubles) = (sender.clone(), sender.clone());
        let mut wait = client
            .wait_for_jobs([job_id.clone()])
            .on_progress(move |job_id, job| {
                // A reader that is gone has stopped waiting.
                let _ = looks.send(Heard::Look(job_id.clone(), job.clone()));
            })
            .on_trouble(move |job_id, problem, _| {
                let _ = troubles.send(Heard::Trouble(job_id.clone(), problem.clone()));
            });
        if let Some(deadline) = deadline {
            wait = wait.deadline(deadline);
        }
        let ends = sender.clone();
        waits.spawn(async move {
            for waited in wait.await {
                let _ = ends.send(Heard::End(waited.job_id, waited.end));
            }
        });
    }
    (waits, heard)
}

fn still_trying(what: &str, notes: &Notes) {
    notes.note(&format!(
        "{what}; still trying (Ctrl-C stops, --deadline sets a limit)"
    ));
}

fn finish(shown: &[Shown], output: Output, notes: &Notes, results: &mut Results) {
    match output.format {
        Format::Table => results.write(&render::table(shown)),
        Format::Json => results.write(&json::document(&render::document(shown))),
        Format::Jsonl => {}
    }
    let refused = shown.iter().any(|shown| shown.state == "refused");
    let problem = shown.iter().find_map(|shown| shown.error.as_ref());
    if let Some(hint) = problem.and_then(|problem| hint_for(problem, refused)) {
        notes.hint(hint);
    }
}
