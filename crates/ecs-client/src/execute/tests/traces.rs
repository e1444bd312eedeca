//! Tests of what the retry loop traces.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing::level_filters::LevelFilter;
use tracing::subscriber::DefaultGuard;

use super::*;
use crate::test_support::TOKEN;

/// The lines of a log.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// Collects all traces of this thread.
    fn collect() -> (Self, DefaultGuard) {
        let lines = Self::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone())
            .finish();
        (lines, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Returns the only line with this message.
    #[track_caller]
    fn line(&self, message: &str) -> String {
        let text = self.text();
        let mut lines = text.lines().filter(|line| line.contains(message));
        let line = lines
            .next()
            .unwrap_or_else(|| panic!("no {message} in {text}"));
        assert_eq!(lines.next(), None, "{text}");
        line.to_owned()
    }
}

#[track_caller]
fn shows(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "no {part} in {line}");
    }
}

/// Sends an action on two servers to a service that performs one step of the script per attempt.
///
/// It is sent twice, and the second time is traced: an event that another thread has just met for the
/// first time, without a subscriber, would stay switched off.
async fn send_to(script: Vec<Script>) -> Lines {
    send(script.clone()).await;
    let (lines, _guard) = Lines::collect();
    tracing::callsite::rebuild_interest_cache();
    send(script).await;
    lines
}

async fn send(script: Vec<Script>) {
    let log = RunJournal::default();
    let mut recorder = Recorder::new(&log);
    let send_state = SendState::default();
    let (client, _) = scripted(move |_, number| script[number].clone());
    let client = client.build().unwrap();
    let operation = BatchStartServers::new(ids(2)).unwrap();
    let context = RequestContext::action(&send_state, &mut recorder);
    let _ = client
        .execute(&operation, &mut context.with_servers(2))
        .await;
}

#[tokio::test(start_paused = true)]
async fn throttling_retries_and_attempts_are_traced() {
    let lines = send_to(vec![THROTTLED, OUT_OF_REACH, Script::Answer(200, JOB)]).await;
    let throttled = lines.line("request throttled");
    shows(&throttled, &["INFO", "servers=2 attempt=1}", "pause_ms="]);
    let retried = lines.line("ecs_client::execute::trace: retrying after");
    shows(&retried, &["attempt=2}", "classification=NotDelivered"]);
    let answered = lines.line("request answered");
    shows(
        &answered,
        &[
            "servers=2 attempt=3}",
            "method=POST",
            "path=\"/v1/",
            "status=200",
            "ms=",
        ],
    );
    assert!(!lines.text().contains(TOKEN));
}

#[tokio::test(start_paused = true)]
async fn delivery_and_its_classification_are_traced() {
    let lost = Script::Fail(TransportErrorKind::Timeout, Delivery::MaybeSent);
    let line = send_to(vec![lost]).await.line("request failed");
    let shown = [
        "WARN",
        "may have been executed",
        "classification=Unknown",
        "transport=Timeout",
    ];
    shows(&line, &shown);
    let refused = Script::Answer(
        403,
        r#"{"error":{"code":"Ecs.0005","message":"no permission"}}"#,
    );
    let line = send_to(vec![refused]).await.line("request failed");
    let shown = ["INFO", "status=403", "code=\"Ecs.0005\"", "sent="];
    shows(&line, &shown);
    assert!(!line.contains("permission"), "the service's text: {line}");
}

#[tokio::test(start_paused = true)]
async fn secrets_that_the_service_repeats_are_masked() {
    let body = format!(r#"{{"error":{{"code":"{TOKEN}","message":"{TOKEN}"}}}}"#);
    let echo = Script::AnswerWithHeaders(400, body, vec![("x-request-id", TOKEN)]);
    let lines = send_to(vec![echo]).await;
    let shown = ["code=\"***\"", "request_id=\"***\""];
    shows(&lines.line("request failed"), &shown);
    assert!(!lines.text().contains(TOKEN), "{}", lines.text());
}
