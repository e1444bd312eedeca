//! The next list of servers, for one reader.

use std::time::Duration;

use tokio::time::Instant;

use crate::Client;

/// The times of a reader's lists: the pauses between them double.
#[derive(Debug)]
pub(super) struct Schedule {
    first: Duration,
    longest: Duration,
    /// The shortest pause that is allowed now.
    least: Duration,
    /// The lists since something new was to be seen.
    lists: u32,
    due: Option<Instant>,
}

impl Schedule {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            least: Duration::ZERO,
            lists: 0,
            due: None,
        }
    }

    /// Something new is to be seen: the pauses begin anew. Never later than planned, so that what
    /// is always new does not put lists off.
    pub(super) fn restart(&mut self, client: &Client) {
        self.lists = 0;
        let first = Instant::now() + self.pause(client);
        self.due = self.due.map(|due| due.min(first));
    }

    /// A list was made. `least` is the shortest pause before the next one.
    pub(super) fn listed(&mut self, least: Duration) {
        self.lists = self.lists.saturating_add(1);
        self.least = least;
        self.due = None;
    }

    /// No list is wanted.
    pub(super) fn cancel(&mut self) {
        self.due = None;
    }

    /// Returns the time of the next list. A list that would come shortly before the time at which
    /// something must be decided, `last`, is made then.
    pub(super) fn due(&mut self, client: &Client, last: Instant) -> Instant {
        let pause = self.pause(client);
        *self.due.get_or_insert_with(|| {
            let now = Instant::now();
            if last > now && now + pause + pause / 2 > last {
                last
            } else {
                now + pause
            }
        })
    }

    fn pause(&self, client: &Client) -> Duration {
        let pause = self.first.saturating_mul(1 << self.lists.min(8));
        let pause = client.0.core.scaled(pause.min(self.longest));
        pause.max(self.least)
    }
}
