//! The log: spans and events of the library crates, on stderr or in a file. Never on stdout.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt as _, Targets, filter_fn};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

use crate::args::{LogFormat, Logging};
use crate::fail::CliError;
use crate::term::{BackgroundPrinter, Printer, clean_json};

/// The variable with a filter.
const VARIABLE: &str = "ECSCTL_LOG";

/// The prefix of logged targets: the crates of this workspace. Events of other crates might contain secrets.
const OWN: &str = "ecs";

/// The most lines that wait until stderr is read. Further ones are dropped and counted.
const ROOM: usize = 65_536;

/// The longest time that the end of the process waits until stderr is read.
const LAST_LINES: Duration = Duration::from_secs(2);

/// The log of this process.
#[derive(Debug)]
pub(crate) struct Log {
    /// The writer to stderr; `None` without a log, or with one in a file.
    stderr: Option<BackgroundPrinter>,
}

impl Log {
    /// Starts the log if these options or the environment ask for one.
    ///
    /// # Errors
    /// The filter is malformed, or the file cannot be opened.
    pub(crate) fn start(options: &Logging, printer: &Printer) -> Result<Self, CliError> {
        let variable = std::env::var_os(VARIABLE).unwrap_or_default();
        let variable = variable.to_string_lossy();
        let Some(filter) = filter(options, &variable)? else {
            return Ok(Self { stderr: None });
        };
        let Some(path) = &options.log_file else {
            let aside = BackgroundPrinter::with_room(&printer.past_any_bar(), ROOM);
            let to = aside.clone();
            let writer = move || LogLine::new(to.clone());
            install(options.log_format, filter, writer);
            return Ok(Self {
                stderr: Some(aside),
            });
        };
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|error| {
            let path = path.display();
            CliError::usage(format!("cannot open the log file {path}: {error}"))
                .hint("give --log-file a file in a directory that exists and can be written to")
        })?;
        install(options.log_format, filter, Arc::new(file));
        Ok(Self { stderr: None })
    }

    /// Waits a limited time until all lines are written.
    pub(crate) async fn flush(&self) {
        if let Some(stderr) = &self.stderr {
            stderr.flush(LAST_LINES).await;
        }
    }
}

/// Returns the filter from the options or else from this value of the variable; `None` switches the log off.
fn filter(options: &Logging, variable: &str) -> Result<Option<Targets>, CliError> {
    let level = match options.verbose {
        0 => None,
        1 => Some(LevelFilter::INFO),
        2 => Some(LevelFilter::DEBUG),
        _ => Some(LevelFilter::TRACE),
    };
    if let Some(level) = level {
        return Ok(Some(Targets::new().with_default(level)));
    }
    let variable = variable.trim();
    if !variable.is_empty() {
        let filter = Targets::from_str(variable).map_err(|error| {
            CliError::usage(format!("{VARIABLE} is not a filter: {error}")).hint(format!(
                "set {VARIABLE} to a level (error, warn, info, debug, trace) or to levels of crates, \
                 such as ecs_client=debug,ecs_auth=info"
            ))
        })?;
        return Ok(Some(filter));
    }
    let of_file = Targets::new().with_default(LevelFilter::DEBUG);
    Ok(options.log_file.is_some().then_some(of_file))
}

/// Installs the subscriber of the process.
fn install<W>(format: LogFormat, filter: Targets, writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let subscriber = subscriber(format, filter, writer);
    // A process has one log; setting a second one fails without an effect.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

fn subscriber<W>(format: LogFormat, filter: Targets, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let own = filter_fn(|metadata: &Metadata<'_>| metadata.target().starts_with(OWN));
    let layer = layer(format, writer).with_filter(filter.and(own));
    tracing_subscriber::registry().with(layer)
}

fn layer<S, W>(format: LogFormat, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_writer(writer).log_internal_errors(false);
    match format {
        LogFormat::Text => layer.with_ansi(false).boxed(),
        LogFormat::Json => layer.json().with_current_span(false).boxed(),
    }
}

/// One line of the log. It is queued when complete, so that logging never waits for stderr.
struct LogLine {
    to: BackgroundPrinter,
    text: Vec<u8>,
}

impl LogLine {
    fn new(to: BackgroundPrinter) -> Self {
        let text = Vec::new();
        Self { to, text }
    }
}

impl Write for LogLine {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogLine {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.text);
        // Escaped so that a line of JSON stays one line.
        self.to.line(&clean_json(text.trim_end().to_owned()));
    }
}

#[cfg(test)]
mod tests;
