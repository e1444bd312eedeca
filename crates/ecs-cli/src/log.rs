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
use crate::fail::Fail;
use crate::term::{Aside, Notes, clean_json};

/// The variable with a filter.
const VARIABLE: &str = "ECSCTL_LOG";

/// The targets that are logged, by their beginning: the crates of this workspace. What other crates
/// log is not known to be free of secrets.
const OWN: &str = "ecs";

/// How many lines may wait until stderr is read. Further ones are dropped and counted.
const ROOM: usize = 65_536;

/// How long the end of the process waits until stderr is read.
const LAST_LINES: Duration = Duration::from_secs(2);

/// The log of this process.
#[derive(Debug)]
pub(crate) struct Log {
    /// `None`: no log, or one in a file.
    stderr: Option<Aside>,
}

impl Log {
    /// Starts the log that these options and the environment ask for, if they do.
    ///
    /// # Errors
    /// The filter is malformed, or the file cannot be opened.
    pub(crate) fn start(options: &Logging, notes: &Notes) -> Result<Self, Fail> {
        let variable = std::env::var_os(VARIABLE).unwrap_or_default();
        let variable = variable.to_string_lossy();
        let Some(filter) = filter(options, &variable)? else {
            return Ok(Self { stderr: None });
        };
        let Some(path) = &options.log_file else {
            let aside = Aside::with_room(&notes.past_any_bar(), ROOM);
            let to = aside.clone();
            let writer = move || Line::new(to.clone());
            install(options.log_format, filter, writer);
            return Ok(Self {
                stderr: Some(aside),
            });
        };
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|error| {
            let path = path.display();
            Fail::usage(format!("cannot open the log file {path}: {error}"))
                .hint("give --log-file a file in a directory that exists and can be written to")
        })?;
        install(options.log_format, filter, Arc::new(file));
        Ok(Self { stderr: None })
    }

    /// Waits, but not for long, until all of it is written.
    pub(crate) async fn flush(&self) {
        if let Some(stderr) = &self.stderr {
            stderr.flush(LAST_LINES).await;
        }
    }
}

/// The filter, by options or else by this value of the variable. `None`: nothing is logged.
fn filter(options: &Logging, variable: &str) -> Result<Option<Targets>, Fail> {
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
            Fail::usage(format!("{VARIABLE} is not a filter: {error}")).hint(format!(
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
    // There is one log in a process; a second one would change nothing.
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

/// One line of the log, handed over when it is whole, so that nobody waits for stderr to be read.
struct Line {
    to: Aside,
    text: Vec<u8>,
}

impl Line {
    fn new(to: Aside) -> Self {
        let text = Vec::new();
        Self { to, text }
    }
}

impl Write for Line {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.text);
        // Escaped so that a line of JSON stays one.
        self.to.line(&clean_json(text.trim_end().to_owned()));
    }
}

#[cfg(test)]
mod tests;
