//! Journals that fail, and journals that are slow.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ecs_ops::Client;
use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::journal::{
    Journal, JournalError, JournalErrorKind, JournalLease, MemoryJournal, Record,
};
use ecs_ops::model::RebootType;
use ecs_ops::transport::{Attempt, BoxFuture, Transport, TransportError};
use ecs_sim::{Region, SimTransport};
use ecs_tests::death::{Death, Process, When};
use http::{Method, Request, Response};
use secrecy::ExposeSecret as _;

use super::lives::on_paused_time;
use super::world::*;

/// A journal that fails stops the sending, and loses nothing.
#[test]
fn failing_journal_stops_the_sending() {
    #[derive(Debug)]
    struct Full(Mutex<usize>, Arc<MemoryJournal>, JournalLease);
    impl Journal for Full {
        fn append(
            &self,
            at: jiff::Timestamp,
            record: Record,
        ) -> BoxFuture<'_, Result<(), JournalError>> {
            Box::pin(async move {
                let left = {
                    let mut left = self.0.lock().unwrap();
                    *left = left.saturating_sub(1);
                    *left
                };
                match left {
                    0 => Err(JournalError::new(JournalErrorKind::Io, "no space is left")),
                    _ => self.1.append(at, record).await,
                }
            })
        }

        fn lease(&self) -> &JournalLease {
            &self.2
        }
    }
    for room in 1..14 {
        on_paused_time(async {
            let world = World::new(PLAIN);
            let memory = Arc::new(MemoryJournal::default());
            let process = Process::new(Death::Never);
            let journal = Full(Mutex::new(room), Arc::clone(&memory), JournalLease::new());
            let run = world
                .client(&process)
                .reboot(RebootType::Soft, world.servers.iter().copied());
            let run = run.batch_size(3).journal(journal).begin().await;
            if room == 1 {
                assert!(run.unwrap_err().to_string().contains("journal"));
                // The harmless read at the beginning, and no action.
                assert!(process.sends() <= 1);
                assert!(world.servers.iter().all(|id| world.times(id) == 0));
                return;
            }
            let report = run.unwrap().await;
            let stopped = matches!(report.stopped, Some(ecs_ops::Stopped::JournalFailed(_)));
            assert!(stopped, "{room}: {:?}", report.stopped);
            // Accepted jobs are watched to their end nonetheless.
            for server in &report.servers {
                let expected = match world.times(&server.id) {
                    0 => "not_attempted",
                    _ => "succeeded",
                };
                assert_eq!(server.outcome.name(), expected, "{room}: {report:#?}");
            }
            let process = Process::new(Death::Never);
            let Some(again) = resumed(&world, PLAIN, &process, &memory) else {
                return;
            };
            let again = world.play(again, &process).await.unwrap();
            world.check(PLAIN, Death::Write(room, When::Before), 1, &again);
        });
    }
}

/// A journal that is slow and takes one record at a time does not block a run: a task that waits
/// for it does not hold what others need.
#[test]
fn slow_journal_does_not_block_the_run() {
    #[derive(Debug)]
    struct Slow(tokio::sync::Mutex<MemoryJournal>, JournalLease);
    impl Journal for Slow {
        fn append(
            &self,
            at: jiff::Timestamp,
            record: Record,
        ) -> BoxFuture<'_, Result<(), JournalError>> {
            Box::pin(async move {
                let journal = self.0.lock().await;
                tokio::time::sleep(Duration::from_millis(40)).await;
                journal.append(at, record).await
            })
        }

        fn lease(&self) -> &JournalLease {
            &self.1
        }
    }
    on_paused_time(async {
        let region = Region::builder().servers(800).seed(3).build().unwrap();
        let servers: Vec<_> = region.servers().collect();
        let mut world = World::new(PLAIN);
        let latency = Duration::from_millis(5)..=Duration::from_millis(5);
        world.sim = SimTransport::new(region).with_latency(latency);
        world.servers = servers;
        let client = world.client(&Process::new(Death::Never));
        let run = client.reboot(RebootType::Soft, world.servers.iter().copied());
        let run = run
            .batch_size(2)
            .deadline(Duration::from_secs(600))
            .journal(Slow(tokio::sync::Mutex::default(), JournalLease::new()));
        let report = run.report().await.unwrap();
        assert_eq!(report.summary().succeeded, 800, "{:?}", report.stopped);
    });
}

/// A POST and its records: the intent is durable before the first byte.
#[test]
fn unrecorded_requests_are_not_sent() {
    #[derive(Debug)]
    struct Watched(Arc<MemoryJournal>, SimTransport);
    impl Transport for Watched {
        fn send<'a>(
            &'a self,
            request: Request<Bytes>,
            attempt: &'a Attempt,
        ) -> BoxFuture<'a, Result<Response<Bytes>, TransportError>> {
            if request.method() == Method::POST {
                let last = self.0.entries().pop().unwrap();
                assert!(matches!(last.record, Record::Sending { .. }), "{last:?}");
            }
            self.1.send(request, attempt)
        }
    }
    on_paused_time(async {
        let world = World::new(PLAIN);
        let memory = Arc::new(MemoryJournal::default());
        let identity = world.sim.region().with(|region| region.identity().clone());
        let token = Credentials::token(identity.token.expose_secret()).unwrap();
        let client = Client::builder("https://ecs.example".parse().unwrap(), identity.project_id)
            .credentials(StaticCredentials::new(token))
            .transport(Watched(Arc::clone(&memory), world.sim.clone()))
            .concurrent_submissions(1)
            .build()
            .unwrap();
        let run = client.reboot(RebootType::Soft, world.servers.iter().copied());
        let run = run.batch_size(3).journal(Arc::clone(&memory));
        let report = run.report().await.unwrap();
        assert_eq!(report.summary().succeeded, SERVERS);
    });
}
