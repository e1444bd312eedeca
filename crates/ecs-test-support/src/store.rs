//! The guarantees of each store, as tests that run against each of them, and processes that use
//! one.
//!
//! A crate with a store implements [`Database`] and calls [`store_suite!`](crate::store_suite).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

pub mod approvals;
pub mod child;
pub mod follow;
pub mod journal;
pub mod leases;
pub mod quota;

use std::ops::Range;
use std::time::Duration;

use ecs_ops::PowerAction;
use ecs_ops::journal::{
    Admission, Announcement, Journal as _, JournalError, Purpose, QuotaLimits, Record, RunRecord,
};
use ecs_ops::model::{RebootType, ServerId};
use ecs_ops::store::{Process, Store, StoreJournal, StoreTimes};
use jiff::Timestamp;

/// A database of a test.
pub trait Database: Sync {
    /// Opens a store in the database, as a separate process on this host.
    fn open(&self, host: &str, times: StoreTimes) -> impl Future<Output = Store> + Send;

    /// Makes all content older by this duration.
    fn age(&self, by: Duration) -> impl Future<Output = ()> + Send;

    /// Removes the last record of a run, like a failover to a standby that had not received it.
    fn forget_last_record(&self, run_id: &str) -> impl Future<Output = ()> + Send;

    /// Opens a store with the default times.
    fn store(&self, host: &str) -> impl Future<Output = Store> + Send {
        self.open(host, StoreTimes::default())
    }
}

/// Defines the tests of the suite: `store_suite!(database)`, where `async fn database() ->
/// Option<impl Database>` creates a new one, or reports that it cannot.
#[macro_export]
macro_rules! store_suite {
    ($database:path) => {
        $crate::store_suite!($database, journal:
            records_are_read_back_on_another_host,
            process_that_lost_its_run_cannot_write,
            released_runs_are_resumed_at_once_and_silent_ones_later,
            lost_records_are_noticed_before_anything_is_sent,
            dropped_futures_damage_nothing,
            ended_runs_are_pruned_and_others_are_not);
        $crate::store_suite!($database, approvals:
            an_approval_is_kept_with_its_process_and_its_time);
        $crate::store_suite!($database, follow:
            follower_gets_each_record_once,
            follower_sees_the_state_and_the_holder_of_the_run,
            follower_notices_lost_records,
            changes_are_reported_before_the_next_poll);
        $crate::store_suite!($database, leases:
            held_servers_are_refused_until_their_outcome_is_known,
            servers_of_a_dead_run_are_held_until_it_ends,
            unexecuted_requests_free_their_servers_unless_retried,
            competing_runs_never_share_a_server);
        $crate::store_suite!($database, quota:
            shares_are_held_until_a_window_after_their_answer,
            shares_of_dead_processes_are_held_until_their_answers_are_overdue,
            queue_is_fair_and_skips_dead_processes,
            twenty_processes_use_the_quota_and_never_exceed_it);
    };
    ($database:path, $module:ident: $($test:ident),+) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    if let Some(database) = $database().await {
                        $crate::store::$module::$test(&database).await;
                    }
                }
            )+
        }
    };
}

/// The endpoint of all runs.
pub const ENDPOINT: &str = "https://ecs.example";

/// A minute.
pub const MINUTE: Duration = Duration::from_secs(60);

/// Returns a process on this host.
pub fn process(host: &str) -> Process {
    Process {
        user: "ops".to_owned(),
        host: host.to_owned(),
        pid: 1,
        program: "test".to_owned(),
    }
}

/// Returns the id of a server by number.
pub fn id(number: u16) -> ServerId {
    let mut bytes = [0; 16];
    bytes[14..].copy_from_slice(&number.to_be_bytes());
    ServerId::from_bytes(bytes)
}

/// Returns the ids of servers by number.
pub fn ids(numbers: Range<u16>) -> Vec<ServerId> {
    numbers.map(id).collect()
}

/// Returns the first record of a run.
pub fn run_record(run_id: &str, servers: Vec<ServerId>) -> Record {
    let action = PowerAction::Reboot(RebootType::Soft);
    let (endpoint, project) = (ENDPOINT.parse().unwrap(), "p".parse().unwrap());
    Record::Run(Box::new(RunRecord::new(
        run_id, &endpoint, project, action, servers,
    )))
}

/// Begins a run in the store.
pub async fn begin(store: &Store, run_id: &str, servers: Vec<ServerId>) -> StoreJournal {
    let journal = store.journal();
    append(&journal, run_record(run_id, servers)).await.unwrap();
    journal
}

/// Appends a record.
///
/// # Errors
/// As the journal's.
pub async fn append(journal: &StoreJournal, record: Record) -> Result<(), JournalError> {
    journal.append(Timestamp::now(), record).await
}

/// Returns the announcement of the first attempt of a request.
pub fn announcement(
    request: usize,
    servers: Vec<ServerId>,
    limit: usize,
    window: Duration,
) -> Announcement {
    let (attempt, purpose) = (1, Purpose::First);
    let records = vec![
        Record::Intent {
            request,
            attempt,
            purpose,
            servers: servers.clone(),
        },
        Record::Sending {
            request,
            attempt,
            remote: None,
        },
    ];
    let limits = QuotaLimits::new(limit, window, MINUTE);
    Announcement::new(Timestamp::now(), request, servers, records, limits)
}

/// Announces a request, with a quota that is never exhausted.
///
/// # Errors
/// As the journal's.
pub async fn announce(
    journal: &StoreJournal,
    request: usize,
    servers: Vec<ServerId>,
) -> Result<Admission, JournalError> {
    journal
        .announce(announcement(request, servers, 1000, MINUTE))
        .await
}

/// Returns the record of an accepted request.
pub fn accepted(request: usize) -> Record {
    Record::Accepted {
        request,
        job_id: format!("job-{request}").parse().unwrap(),
        request_id: None,
    }
}
