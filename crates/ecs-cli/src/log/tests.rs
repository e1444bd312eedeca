use std::sync::{Arc, Mutex};

use tracing::{debug, info, info_span};

use super::*;

fn options(verbose: u8, log_file: Option<&str>) -> Logging {
    Logging {
        verbose,
        log_file: log_file.map(Into::into),
        log_format: LogFormat::Text,
    }
}

/// Returns the log of one event of each kind with these settings.
fn logged(format: LogFormat, options: &Logging, variable: &str) -> String {
    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let Some(filter) = filter(options, variable).unwrap() else {
        return String::new();
    };
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let subscriber = subscriber(format, filter, move || writer.clone());
    tracing::subscriber::with_default(subscriber, || {
        let _span = info_span!(target: "ecs_ops::runs", "run", run_id = "r1").entered();
        info!(target: "ecs_client::execute", status = 200, "request answered");
        debug!(target: "ecs_client::execute", "request started");
        info!(target: "hyper_util::client", authorization = "Bearer secret", "foreign");
    });
    let text = buffer.0.lock().unwrap().clone();
    String::from_utf8(text).unwrap()
}

#[test]
fn nothing_is_logged_unless_asked_for() {
    assert_eq!(logged(LogFormat::Text, &options(0, None), ""), "");
    assert_eq!(logged(LogFormat::Text, &options(0, None), " "), "");
}

#[test]
fn levels_follow_the_options_and_then_the_variable() {
    for (verbose, file, variable, lines) in [
        (1, None, "", 1),
        (2, None, "", 2),
        (3, None, "", 2),
        (0, Some("log"), "", 2),
        (0, None, "info", 1),
        (0, None, "ecs_client=debug", 2),
        (0, None, "ecs_auth=trace", 0),
        (0, None, "off", 0),
        (1, None, "trace", 1),
        (0, Some("log"), "info", 1),
    ] {
        let log = logged(LogFormat::Text, &options(verbose, file), variable);
        let case = (verbose, file, variable);
        assert_eq!(log.lines().count(), lines, "{case:?}: {log}");
    }
}

#[test]
fn other_crates_are_not_logged() {
    for (verbose, variable) in [(3, ""), (0, "trace"), (0, "hyper_util=trace")] {
        let log = logged(LogFormat::Text, &options(verbose, None), variable);
        assert!(!log.contains("secret"), "{log}");
    }
}

#[test]
fn an_event_is_a_line_with_its_spans() {
    let text = logged(LogFormat::Text, &options(1, None), "");
    let shown = "INFO run{run_id=\"r1\"}: ecs_client::execute: request answered status=200\n";
    assert!(text.ends_with(shown), "{text}");
    let json = logged(LogFormat::Json, &options(1, None), "");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["fields"]["status"], 200);
    assert_eq!(json["spans"][0]["name"], "run");
    assert_eq!(json["spans"][0]["run_id"], "r1");
}

#[test]
fn a_malformed_filter_is_an_error_with_a_hint() {
    let fail = filter(&options(0, None), "ecs_client=loud").unwrap_err();
    assert!(fail.message.contains("ECSCTL_LOG"), "{}", fail.message);
    assert!(fail.hint.unwrap().contains("ecs_client=debug"));
}
