//! Server-sent events: the changes of a page.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::channel::Sender;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::hub::{Board, RunPage};
use super::pages;
use super::view::{Patch, View};

/// The interval of heartbeats: proxies end silent connections, and a failed write shows that the browser is gone.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The published state that a page follows.
pub(super) trait Followed: Clone + Send + Sync + 'static {
    /// Returns the shown parts; `None` before the first read.
    fn view(&self) -> Option<Arc<View>>;

    /// Returns whether nothing more follows.
    fn is_gone(&self) -> bool {
        false
    }
}

impl Followed for Option<Arc<Board>> {
    fn view(&self) -> Option<Arc<View>> {
        self.as_ref().map(|board| Arc::clone(&board.view))
    }
}

impl Followed for RunPage {
    fn view(&self) -> Option<Arc<View>> {
        match self {
            Self::Shown(shown) => Some(Arc::clone(&shown.view)),
            _ => None,
        }
    }

    fn is_gone(&self) -> bool {
        matches!(self, Self::Absent | Self::Damaged(_))
    }
}

/// The event stream of one page in one browser.
pub(super) struct Stream<T> {
    pub(super) followed: watch::Receiver<T>,
    pub(super) board: watch::Receiver<Option<Arc<Board>>>,
    /// Changes when the server ends.
    pub(super) ends: watch::Receiver<bool>,
    /// The version that the browser has.
    pub(super) since: String,
    pub(super) to: Sender<Bytes>,
}

impl<T: Followed> Stream<T> {
    /// Sends until the browser or the server ends, or the session of the visitor does.
    pub(super) async fn run(mut self, may_see: impl Fn() -> bool + Send) {
        let mut ends = self.ends.clone();
        let mut shown: Option<Arc<View>> = None;
        // A page of before may show another one.
        let mut banner: Option<String> = None;
        let mut beat = Instant::now() + HEARTBEAT;
        // The wait of a browser before it reconnects by itself.
        if !self.send("retry: 3000\n\n".to_owned()).await {
            return;
        }
        loop {
            let followed = self.followed.borrow_and_update().clone();
            if followed.is_gone() {
                self.send("event: gone\ndata:\n\n".to_owned()).await;
                return;
            }
            if let Some(view) = followed.view() {
                let is_known = match &shown {
                    Some(shown) => shown.version == view.version,
                    None => self.since == view.version,
                };
                if !is_known && !self.send(changed(shown.as_deref(), &view)).await {
                    return;
                }
                shown = Some(view);
            }
            let board = self.board.borrow_and_update().clone();
            let now = board.map(|board| pages::banner(&board)).unwrap_or_default();
            if banner.as_deref() != Some(now.as_str()) {
                let part = serde_json::json!({"parts": [["banner", now]], "gone": [], "rows": [], "whole": false});
                if !self.send(format!("event: patch\ndata: {part}\n\n")).await {
                    return;
                }
                banner = Some(now);
            }
            tokio::select! {
                changed = self.followed.changed() => if changed.is_err() { return },
                changed = self.board.changed() => if changed.is_err() { return },
                _ = ends.changed() => return,
                () = sleep_until(beat) => {
                    beat = Instant::now() + HEARTBEAT;
                    if !may_see() || !self.send(":\n\n".to_owned()).await {
                        return;
                    }
                }
            }
        }
    }

    /// Sends an event. Returns whether the browser is still connected.
    async fn send(&mut self, event: String) -> bool {
        let mut ends = self.ends.clone();
        tokio::select! {
            sent = self.to.send_data(Bytes::from(event)) => sent.is_ok(),
            _ = ends.changed() => false,
        }
    }
}

/// Returns the event that turns one view into another. Its JSON has no line ends.
fn changed(old: Option<&View>, new: &View) -> String {
    let patch = serde_json::to_string(&Patch::between(old, new)).unwrap_or_default();
    format!("id: {}\nevent: patch\ndata: {patch}\n\n", new.version)
}
