//! Repeats one operation, for `cargo xtask instructions` to count the instructions of each.
//!
//! `instructions CASE TIMES`; without arguments the names of the cases, one a line.

#![allow(clippy::print_stdout, reason = "names its cases")]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use ecs_bench::{job_body, server_ids};
use ecs_client::policy::{AttemptOutcome, classify};
use ecs_ops::auth::{AccessKey, Credentials, StaticCredentials, sign};
use ecs_ops::journal::{
    Journal as _, JsonlJournal, MemoryJournal, OutcomeKind, OutcomeRecord, Record,
};
use ecs_ops::model::{
    BatchRebootServers, Idempotency, JobId, Operation as _, ProjectId, RebootType, ResponseError,
    ServerId, ShowJob,
};
use ecs_ops::transport::FnTransport;
use ecs_ops::{Client, Evidence, RunBuilder, jobs::Polling};
use http::{HeaderMap, Response, StatusCode};

type Failure = Box<dyn std::error::Error>;

/// The cases: the name of each, and the function that repeats it.
type Case = (&'static str, fn(u32) -> Result<(), Failure>);

const CASES: &[Case] = &[
    ("encode-1000", encode),
    ("sign-1000", sign_repeatedly),
    ("decode-job-2", |times| decode(times, 2)),
    ("decode-job-1000", |times| decode(times, 1000)),
    ("classify", classify_repeatedly),
    ("poll", poll),
    ("run-1000", |times| run(times, false)),
    ("run-1000-journal", |times| run(times, true)),
    ("run-1000-waiting", run_waiting),
    ("journal-record-1000", journal_record),
];

fn project() -> Result<ProjectId, Failure> {
    Ok("5dd3c0b24cdc4d31952c49589182a89d".parse()?)
}

fn servers() -> Result<Vec<ServerId>, Failure> {
    let ids = server_ids(1000);
    let ids = ids.iter().map(|id| id.parse());
    Ok(ids.collect::<Result<_, _>>()?)
}

fn key() -> Result<AccessKey, Failure> {
    let secret = "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc";
    Ok(AccessKey::new("QTWAOYTTINDUT2QVKYUC", secret)?)
}

fn encode(times: u32) -> Result<(), Failure> {
    let (project, operation) = (
        project()?,
        BatchRebootServers::new(RebootType::Soft, servers()?)?,
    );
    for _ in 0..times {
        black_box(black_box(&operation).encode(&project));
    }
    Ok(())
}

fn sign_repeatedly(times: u32) -> Result<(), Failure> {
    let (project, operation) = (
        project()?,
        BatchRebootServers::new(RebootType::Soft, servers()?)?,
    );
    let mut request = operation.encode(&project);
    *request.uri_mut() = format!("http://127.0.0.1:80{}", request.uri()).parse()?;
    let (key, now) = (key()?, "2026-11-23T12:59:00Z".parse()?);
    for _ in 0..times {
        black_box(sign(black_box(&mut request), &key, now));
    }
    Ok(())
}

fn decode(times: u32, sub_jobs: usize) -> Result<(), Failure> {
    let (body, headers) = (job_body(sub_jobs), HeaderMap::new());
    for _ in 0..times {
        black_box(ShowJob::decode(
            StatusCode::OK,
            &headers,
            black_box(body.as_bytes()),
        )?);
    }
    Ok(())
}

fn classify_repeatedly(times: u32) -> Result<(), Failure> {
    let (body, headers) = (
        br#"{"error":{"code":"Ecs.0114","message":"no"}}"#,
        HeaderMap::new(),
    );
    for _ in 0..times {
        let error = ResponseError::parse(StatusCode::NOT_FOUND, &headers, black_box(body));
        let outcome = AttemptOutcome::Answered(&error);
        black_box(classify(Idempotency::NotIdempotent, outcome));
    }
    Ok(())
}

/// A client whose service answers at once, without a socket: all requests alike.
fn client(body: &str) -> Result<Client, Failure> {
    client_of(body, body)
}

/// The same with an answer for actions and one for queries.
fn client_of(accepted: &str, job: &str) -> Result<Client, Failure> {
    let (accepted, job) = (
        Bytes::from(accepted.to_owned()),
        Bytes::from(job.to_owned()),
    );
    let transport = FnTransport::new(
        move |request: http::Request<Bytes>, attempt: ecs_ops::transport::Attempt| {
            attempt.mark().set();
            let is_action = request.method() == http::Method::POST;
            let body = if is_action { &accepted } else { &job };
            let body = body.clone();
            async move { Ok(Response::new(body)) }
        },
    );
    let client = Client::builder("http://127.0.0.1:80".parse()?, project()?)
        .credentials(StaticCredentials::new(Credentials::access_key(key()?)))
        .transport(transport)
        .servers_per_minute(usize::MAX / 2)
        .requests_per_second(1_000_000_000)
        .polling(Polling::fixed(Duration::from_millis(1)))
        // A call is one request, and the transport answers no other.
        .skip_service_check()
        .seed(1)
        .build()?;
    Ok(client)
}

fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build()?.block_on(future)
}

fn poll(times: u32) -> Result<(), Failure> {
    let client = client(&job_body(2))?;
    let job: JobId = "ff80808288d41e1b0189902609550002".parse()?;
    block_on(async {
        for _ in 0..times {
            black_box(client.job(&job).await?);
        }
        Ok(())
    })
}

fn run(times: u32, with_journal: bool) -> Result<(), Failure> {
    let client = client(r#"{"job_id":"ff80808288d41e1b018990260955686a"}"#)?;
    let servers = servers()?;
    block_on(async {
        for _ in 0..times {
            let run = client.reboot(RebootType::Soft, servers.iter().copied());
            let mut run = run.batch_size(RunBuilder::MAX_BATCH_SIZE).no_wait();
            if with_journal {
                run = run.journal(MemoryJournal::default());
            }
            black_box(run.report().await?);
        }
        Ok(())
    })
}

/// A run that waits for its job, which has ended at the first poll: the way of 1,000 servers.
fn run_waiting(times: u32) -> Result<(), Failure> {
    let client = client_of(
        r#"{"job_id":"ff80808288d41e1b0189902609551000"}"#,
        &job_body(1000).replace("RUNNING", "SUCCESS"),
    )?;
    let servers = servers()?;
    block_on(async {
        for _ in 0..times {
            let run = client.reboot(RebootType::Soft, servers.iter().copied());
            let run = run.batch_size(RunBuilder::MAX_BATCH_SIZE);
            let report = run.report().await?;
            if report.summary().succeeded != servers.len() {
                return Err(format!("{:?}", report.summary()).into());
            }
        }
        Ok(())
    })
}

/// Writes one record of the outcomes of 1,000 servers into a file.
fn journal_record(times: u32) -> Result<(), Failure> {
    let path = std::env::temp_dir().join(format!("ecs-bench-{}.jsonl", std::process::id()));
    let journal = JsonlJournal::create(&path)?;
    let job_id: JobId = "ff80808288d41e1b0189902609551000".parse()?;
    let outcome = |id: ServerId| OutcomeRecord {
        id,
        outcome: OutcomeKind::Succeeded,
        job_id: Some(job_id.clone()),
        evidence: Some(Evidence::SubJob),
        error: None,
    };
    let servers: Vec<_> = servers()?.into_iter().map(outcome).collect();
    let now = "2026-11-23T12:59:00Z".parse()?;
    let written = block_on(async {
        for _ in 0..times {
            let servers = servers.clone();
            journal.append(now, Record::Outcomes { servers }).await?;
        }
        Ok(())
    });
    std::fs::remove_file(&path)?;
    written
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(times)) = (arguments.next(), arguments.next()) else {
        CASES.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    let case = CASES.iter().find(|(known, _)| *known == name);
    match (case, times.parse()) {
        (Some((_, case)), Ok(times)) if case(times).is_ok() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
