//! A run in a task of its own.

use std::future::IntoFuture as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use ecs_client::Problem;
use tokio::task::JoinHandle;

use super::run::Run;
use crate::control::Control;
use crate::event::Events;
use crate::report::Report;
use crate::{Error, ErrorKind};

/// A run in a task of its own: a future of its [`Report`].
///
/// Dropping it lets the run continue; its [`control`](Self::control) stops it.
///
/// ```
/// # async fn restart(client: ecs_ops::Client, servers: Vec<ecs_ops::model::ServerId>) -> Result<(), ecs_ops::Error> {
/// use ecs_ops::{Event, model::RebootType};
///
/// let run = client.reboot(RebootType::Soft, servers).begin().await?;
/// let mut events = run.events();
/// let run = run.spawn();
/// while let Some(event) = events.next().await {
///     if let Event::Throttled { .. } = event {
///         run.control().stop_submitting(); // what was accepted is still polled
///     }
/// }
/// let report = run.await?;
/// # let _ = report; Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "the report of the run is lost unless it is awaited"]
pub struct RunHandle {
    run_id: String,
    control: Control,
    task: JoinHandle<Report>,
}

impl Run {
    /// Does the run in a task of its own. Take [`events`](Self::events) before, to miss none of
    /// them.
    ///
    /// # Panics
    /// Outside a tokio runtime, as [`tokio::spawn`] does.
    pub fn spawn(self) -> RunHandle {
        RunHandle {
            run_id: self.run_id().to_owned(),
            control: self.control(),
            task: tokio::spawn(self.into_future()),
        }
    }
}

impl RunHandle {
    /// The id of the run.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// A handle that stops the run.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Subscribes to the events of the run, from now on or, if it
    /// [keeps them](crate::RunBuilder::keep_events), from the beginning.
    pub fn events(&self) -> Events {
        self.control.events()
    }

    /// Returns `true` if the report is there.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

impl Future for RunHandle {
    /// An error, of [`ErrorKind::TaskLost`], only if the task was lost: it panicked, or its runtime
    /// was shut down. Its servers may have been acted on then; its journal, if it has one, knows.
    type Output = Result<Report, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.task).poll(cx).map_err(|error| {
            let problem = Problem::new(format!(
                "run {} ended abnormally ({error}): its servers may have been acted on",
                self.run_id
            ));
            Error::new(ErrorKind::TaskLost, problem).caused_by("the run ended abnormally", error)
        })
    }
}

#[cfg(test)]
mod tests;
