//! Attempts that a shared journal lets wait.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ecs_auth::BoxFuture;
use ecs_model::{RebootType, ServerId};
use jiff::Timestamp;

use crate::Event;
use crate::journal::{
    Admission, Announcement, HeldServer, Journal, JournalError, JournalLease, MemoryJournal,
    QuotaLimits, Record,
};
use crate::scripted::{JOB, Script, client_of, ids};

/// A journal that lets attempts wait with these answers, and then admits.
#[derive(Debug)]
struct Admitting {
    records: MemoryJournal,
    lease: JournalLease,
    answers: Mutex<VecDeque<Admission>>,
    limits: Mutex<Option<QuotaLimits>>,
    /// The duration of each announcement, and the lifetime of the admission.
    slow: Mutex<VecDeque<Duration>>,
    lifetime: Option<Duration>,
}

impl Admitting {
    fn new(answers: impl IntoIterator<Item = Admission>) -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self {
            records: MemoryJournal::default(),
            lease: JournalLease::new(),
            answers: Mutex::new(answers.into_iter().collect()),
            limits: Mutex::default(),
            slow: Mutex::default(),
            lifetime: None,
        })
    }
}

impl Journal for Admitting {
    fn append(&self, at: Timestamp, record: Record) -> BoxFuture<'_, Result<(), JournalError>> {
        self.records.append(at, record)
    }

    fn announce(
        &self,
        announcement: Announcement,
    ) -> BoxFuture<'_, Result<Admission, JournalError>> {
        Box::pin(async move {
            *self.limits.lock().unwrap_or_else(PoisonError::into_inner) = Some(announcement.limits);
            let slow = self.slow.lock().unwrap().pop_front();
            tokio::time::sleep(slow.unwrap_or_default()).await;
            let answer = self.answers.lock().unwrap().pop_front();
            if let Some(answer) = answer {
                return Ok(answer);
            }
            for record in announcement.records {
                self.records.append(announcement.at, record).await?;
            }
            Ok(Admission::Admitted)
        })
    }

    fn admission_lifetime(&self) -> Option<Duration> {
        self.lifetime
    }

    fn lease(&self) -> &JournalLease {
        &self.lease
    }
}

fn full(seconds: u64) -> Admission {
    let retry_after = Duration::from_secs(seconds);
    Admission::QuotaFull { retry_after }
}

fn held(id: ServerId) -> Admission {
    let since = "2026-11-24T01:00:00Z".parse().unwrap();
    Admission::ServersHeld {
        servers: vec![HeldServer::new(id, "other", "ops", "b", since)],
        retry_after: Duration::from_secs(7),
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_waits_for_its_admission_and_each_reason_is_reported_once() {
    let (builder, seen) = client_of(vec![Script::Answer(200, JOB)]);
    let client = builder.servers_per_minute(50).build().unwrap();
    let journal = Admitting::new([full(3), full(3), held(ids(1)[0]), held(ids(1)[0]), full(3)]);
    let run = client.reboot(RebootType::Soft, ids(1));
    let run = run.journal(journal.clone()).begin().await.unwrap();
    let mut events = run.events();
    let began = tokio::time::Instant::now();
    let report = run.await;
    assert_eq!(report.summary().succeeded, 1);
    assert_eq!(seen.count(http::Method::POST), 1);
    assert!(began.elapsed() >= Duration::from_secs(3 * 3 + 2 * 7));
    let mut waits = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            Event::WaitingForQuota { .. } => waits.push("quota"),
            Event::WaitingForServers { servers, .. } => {
                assert_eq!(servers[0].run_id, "other");
                waits.push("servers");
            }
            Event::Submitting { .. } => waits.push("sent"),
            _ => {}
        }
    }
    assert_eq!(waits, ["quota", "servers", "quota", "sent"]);
    let limits = journal.limits.lock().unwrap().unwrap();
    let minute = Duration::from_secs(60);
    assert_eq!((limits.servers, limits.window), (50, minute));
    // The refused run left no records behind: the next run finds the journal complete.
    let kinds = journal.records.entries().len();
    let recovered = crate::journal::Recovered::from_entries(journal.records.entries());
    assert!(recovered.unwrap().is_ended() && kinds >= 5);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_ended_while_an_attempt_waits_has_sent_nothing() {
    let (builder, seen) = client_of(vec![Script::Answer(200, JOB)]);
    let client = builder.build().unwrap();
    let journal = Admitting::new(std::iter::repeat_n(held(ids(1)[0]), 1000));
    let run = client.reboot(RebootType::Soft, ids(1));
    let run = run.deadline(Duration::from_secs(60));
    let report = run.journal(journal.clone()).begin().await.unwrap().await;
    assert_eq!(report.summary().not_attempted, 1);
    assert_eq!(seen.count(http::Method::POST), 0);
    let entries = journal.records.entries();
    let announced = |record: &Record| matches!(record, Record::Intent { .. });
    assert!(!entries.iter().any(|entry| announced(&entry.record)));
}

#[tokio::test(start_paused = true)]
async fn an_admission_that_is_too_old_is_not_used_and_the_attempt_is_announced_again() {
    let (builder, seen) = client_of(vec![Script::Answer(200, JOB)]);
    let client = builder.build().unwrap();
    let seconds = Duration::from_secs;
    let mut journal = Admitting::new([]);
    let admitting = std::sync::Arc::get_mut(&mut journal).unwrap();
    admitting.lifetime = Some(seconds(15));
    admitting.slow = Mutex::new(VecDeque::from([seconds(16), seconds(14)]));
    let run = client.reboot(RebootType::Soft, ids(1));
    let report = run.journal(journal.clone()).report().await.unwrap();
    assert_eq!(report.summary().succeeded, 1);
    assert_eq!(seen.count(http::Method::POST), 1);
    let entries = journal.records.entries();
    let kinds: Vec<_> = entries
        .iter()
        .filter_map(|entry| match entry.record {
            Record::Intent { .. } => Some("intent"),
            Record::NotExecuted { .. } => Some("not executed"),
            Record::Accepted { .. } => Some("accepted"),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, ["intent", "not executed", "intent", "accepted"]);
}
