//! What each store guarantees, as tests that run against each of them, and processes that use one.
//!
//! A crate with a store implements [`Database`] and calls [`store_suite!`](crate::store_suite).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

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
    /// Returns a store in it, as a process of its own on this host has it.
    fn open(&self, host: &str, times: StoreTimes) -> impl Future<Output = Store> + Send;

    /// Lets all that is in it become older by this.
    fn age(&self, by: Duration) -> impl Future<Output = ()> + Send;

    /// Takes back the last record of a run, as a failover to a standby that had not received it.
    fn forget_last_record(&self, run_id: &str) -> impl Future<Output = ()> + Send;

    /// Returns the same with the default times.
    fn store(&self, host: &str) -> impl Future<Output = Store> + Send {
        self.open(host, StoreTimes::default())
    }
}

/// Makes tests of the suite: `store_suite!(database)`, where `async fn database() -> Option<impl Database>`
/// makes a new one, or says that it cannot.
#[macro_export]
macro_rules! store_suite {
    ($database:path) => {
        $crate::store_suite!($database, journal:
            what_was_written_is_read_back_on_another_host,
            a_process_that_lost_its_run_appends_nothing_and_announces_nothing,
            a_released_run_is_resumed_without_waiting_and_a_silent_one_after_a_while,
            a_store_that_was_set_back_is_noticed_before_anything_is_sent,
            a_future_that_is_dropped_damages_nothing,
            ended_runs_are_pruned_and_others_are_not);
        $crate::store_suite!($database, follow:
            a_follower_gets_each_record_once,
            a_follower_sees_the_state_of_the_run_and_who_has_it,
            a_follower_notices_a_store_that_was_set_back,
            a_change_is_told_before_the_next_poll);
        $crate::store_suite!($database, leases:
            another_run_is_told_who_holds_a_server_and_gets_it_when_its_outcome_is_known,
            the_servers_of_a_dead_run_are_held_until_it_is_taken_over_and_ends,
            a_request_that_was_not_executed_frees_its_servers_unless_it_is_sent_again,
            runs_that_want_the_same_servers_never_both_have_one);
        $crate::store_suite!($database, quota:
            a_share_is_held_until_a_window_after_its_answer,
            the_share_of_a_dead_process_is_held_until_its_answer_is_awaited_no_longer,
            whoever_waits_longest_goes_first_and_whoever_is_gone_is_not_waited_for,
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

/// Returns the id of a server.
pub fn id(number: u16) -> ServerId {
    let mut bytes = [0; 16];
    bytes[14..].copy_from_slice(&number.to_be_bytes());
    ServerId::from_bytes(bytes)
}

/// Returns the ids of servers.
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

/// Returns a run that has begun in the store.
pub async fn begin(store: &Store, run_id: &str, servers: Vec<ServerId>) -> StoreJournal {
    let journal = store.journal();
    append(&journal, run_record(run_id, servers)).await.unwrap();
    journal
}

/// Appends a record.
///
/// # Errors
/// Those of the journal.
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

/// Announces a request, with a quota that never fills.
///
/// # Errors
/// Those of the journal.
pub async fn announce(
    journal: &StoreJournal,
    request: usize,
    servers: Vec<ServerId>,
) -> Result<Admission, JournalError> {
    journal
        .announce(announcement(request, servers, 1000, MINUTE))
        .await
}

/// The request was accepted.
pub fn accepted(request: usize) -> Record {
    Record::Accepted {
        request,
        job_id: format!("job-{request}").parse().unwrap(),
        request_id: None,
    }
}
