//! The delivery of a run's events to their readers.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_util::Stream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{Event, trace};
use crate::journal::ServerNames;

/// The events of a run: a [`Stream`], which ends when the run does.
///
/// It begins with the next event, or with the first one if the run
/// [keeps its events](crate::RunBuilder::keep_events). A run never waits for its readers: unread
/// events stay in memory until this is dropped.
///
/// ```
/// # async fn example(run: ecs_ops::Run) {
/// use futures_util::StreamExt as _;
///
/// let names = run.events().filter_map(async |event| match event {
///     ecs_ops::Event::ServerDone(server) => Some(server.id),
///     _ => None,
/// });
/// # drop(names); }
/// ```
#[derive(Debug)]
pub struct Events(UnboundedReceiver<Event>);

impl Events {
    /// The next event; `None` after the last one. Cancel-safe: it loses no event as a branch of
    /// `tokio::select!`.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.recv().await
    }

    /// The next event; `None` if there is none yet.
    pub fn try_next(&mut self) -> Option<Event> {
        self.0.try_recv().ok()
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.poll_recv(cx)
    }
}

/// The source of a run's events, to which readers subscribe, also while it runs and after it ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct EventSource(Arc<Mutex<Readers>>);

#[derive(Debug, Default)]
struct Readers {
    senders: Vec<UnboundedSender<Event>>,
    /// All events so far; `None` if they are not kept.
    kept: Option<Vec<Event>>,
    is_over: bool,
}

impl EventSource {
    fn readers(&self) -> MutexGuard<'_, Readers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn subscribe(&self) -> Events {
        let (sender, receiver) = unbounded_channel();
        let mut readers = self.readers();
        for event in readers.kept.iter().flatten() {
            // The receiver is in this function.
            let _ = sender.send(event.clone());
        }
        if !readers.is_over {
            readers.senders.push(sender);
        }
        Events(receiver)
    }
}

/// The sender of events to all readers. When it is dropped their streams end.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    source: EventSource,
    names: ServerNames,
}

impl Sink {
    /// Creates a source that keeps its events, for readers that come later.
    pub(crate) fn keeping() -> Self {
        let sink = Self::default();
        sink.source.readers().kept = Some(Vec::new());
        sink
    }

    /// Adds these names to the events, beside the ids.
    pub(crate) fn naming(mut self, names: ServerNames) -> Self {
        self.names = names;
        self
    }

    pub(crate) fn source(&self) -> EventSource {
        self.source.clone()
    }

    /// Whether anybody gets the events, now or later: what only readers need is made for them alone.
    pub(crate) fn is_read(&self) -> bool {
        let readers = self.source.readers();
        readers.kept.is_some() || readers.senders.iter().any(|reader| !reader.is_closed())
    }

    pub(crate) fn emit(&self, mut event: Event) {
        if let Event::ServerDone(server) = &mut event {
            server.name = self.names.get(server.id).map(str::to_owned);
        }
        trace::event(&event);
        let mut readers = self.source.readers();
        if let Some(kept) = &mut readers.kept {
            kept.push(event.clone());
        }
        // A reader that is gone needs no further events.
        readers.senders.retain(|reader| !reader.is_closed());
        if let Some((last, others)) = readers.senders.split_last() {
            for reader in others {
                let _ = reader.send(event.clone());
            }
            let _ = last.send(event);
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let mut readers = self.source.readers();
        readers.is_over = true;
        readers.senders.clear();
    }
}

#[cfg(test)]
mod tests;
