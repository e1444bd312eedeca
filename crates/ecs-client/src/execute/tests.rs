//! Tests of the retry loop over a scripted transport: what is sent and which hooks are called, in
//! order.

mod answers;
mod hooks;
mod reads;
mod traces;

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_model::{BatchStartServers, Operation};
use ecs_transport::{Delivery, SendCheck, SendMark, TransportErrorKind};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock::ClockReading;
use crate::policy::Classification;
use crate::test_support::{ids, scripted};
use crate::testing::{FLOW_CONTROL, OUT_OF_REACH, Script, Seen, THROTTLED};
use crate::{
    ActionHooks, Client, Notice, Problem, RequestContext, RequestError, SendState, StopCause,
    SubmissionOutcome,
};

const JOB: &str = r#"{"job_id":"ff80808288d41e1b018990260955686a"}"#;

/// Hooks that log their calls. The transport writes to the same log.
struct Recorder {
    log: RunJournal,
    stop: watch::Sender<bool>,
    /// The error with which recording fails.
    broken: Option<&'static str>,
    /// The time that recording takes.
    slow: Duration,
    marks: Vec<SendMark>,
    /// The time within which an attempt may be sent.
    lifetime: Option<Duration>,
}

type RunJournal = Arc<Mutex<Vec<String>>>;

fn note(log: &RunJournal, text: impl Into<String>) {
    log.lock().unwrap().push(text.into());
}

impl Recorder {
    fn new(log: &RunJournal) -> Self {
        Self {
            log: Arc::clone(log),
            stop: watch::Sender::new(false),
            broken: None,
            slow: Duration::ZERO,
            marks: Vec::new(),
            lifetime: None,
        }
    }
}

impl ActionHooks for Recorder {
    fn before_send(
        &self,
        attempt: u32,
        _: ClockReading,
    ) -> BoxFuture<'_, Result<Option<SendCheck>, Problem>> {
        Box::pin(async move {
            let began = Instant::now();
            tokio::time::sleep(self.slow).await;
            if let Some(broken) = self.broken {
                return Err(Problem::new(broken));
            }
            note(&self.log, format!("before_send {attempt}"));
            let lifetime = self.lifetime;
            Ok(lifetime.map(|lifetime| SendCheck::new(move || began.elapsed() <= lifetime)))
        })
    }

    fn attempt_started(&mut self, mark: &SendMark) {
        assert_eq!(
            mark.delivery(),
            Delivery::MaybeSent,
            "a fresh mark is silent"
        );
        self.marks.push(mark.clone());
        note(&self.log, "attempt_started");
    }

    fn attempt_not_executed(&mut self) {
        note(&self.log, "attempt_not_executed");
    }

    fn not_executed<'a>(
        &'a self,
        error: &'a RequestError,
        retry_after: Option<Duration>,
    ) -> BoxFuture<'a, ()> {
        let again = if retry_after.is_some() {
            "again"
        } else {
            "no more"
        };
        note(
            &self.log,
            format!("not_executed {:?} {again}", error.classification()),
        );
        Box::pin(async {})
    }

    fn notify(&self, notice: Notice) {
        note(
            &self.log,
            match notice {
                Notice::Sending => "notify sending",
                Notice::Throttled(..) => "notify throttled",
                Notice::Retrying(..) => "notify retrying",
            },
        );
    }

    fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    fn stopped(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let mut stopped = self.stop.subscribe();
            if stopped.wait_for(|stopped| *stopped).await.is_err() {
                pending::<()>().await;
            }
        })
    }
}

/// Returns a client of a service that performs this script with its POSTs and repeats the last
/// step. Each request that it gets is logged as `sent`.
fn client_of(script: Vec<Script>, log: &RunJournal) -> (Client, Seen) {
    let log = Arc::clone(log);
    let (builder, seen) = scripted(move |_, number| {
        note(&log, "sent");
        script[number.min(script.len() - 1)].clone()
    });
    (builder.build().unwrap(), seen)
}

fn action() -> BatchStartServers {
    BatchStartServers::new(ids(2)).unwrap()
}

async fn send(
    client: &Client,
    hooks: &mut Recorder,
    send_state: &SendState,
) -> Result<<BatchStartServers as Operation>::Output, RequestError> {
    let mut context = RequestContext::action(send_state, hooks);
    client.execute(&action(), &mut context).await
}
