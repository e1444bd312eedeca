//! One task reads for all viewers.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use ecs_ops::auth::BoxFuture;
use ecs_ops::journal::HeldServer;
use ecs_ops::model::ServerId;
use ecs_ops::store::{
    Append, Approve, Ask, Backend, Begin, Hints, PlanApproval, Process, Reply, RunLines,
    StoreTimes, TakeOver, Which,
};

use super::*;
use crate::serve::hub::Board;

/// A database that counts its queries, answers them in the way it is set to, and has nothing that writes.
#[derive(Clone, Debug, Default)]
struct Counting {
    lists: Arc<AtomicUsize>,
    runs: Arc<AtomicUsize>,
    way: Arc<AtomicU32>,
}

const ANSWERS: u32 = 0;
const FAILS: u32 = 1;
const HANGS: u32 = 2;
/// The records of one run cannot be read.
const ONE_FAILS: u32 = 3;

fn away<T>() -> Result<T, StoreError> {
    Err(StoreError::new(StoreErrorKind::Unavailable, "away"))
}

fn run(id: &str) -> RunSummary {
    RunSummary {
        run_id: id.to_owned(),
        state: RunStatus::Running,
        endpoint: "https://ecs.example".to_owned(),
        project_id: "p".to_owned(),
        action: "reboot".to_owned(),
        servers: 1,
        user: "u".to_owned(),
        host: "h".to_owned(),
        pid: 1,
        program: "x".to_owned(),
        epoch: 1,
        records: 1,
        started_at: Timestamp::UNIX_EPOCH,
        seen_at: Timestamp::UNIX_EPOCH,
        ended_at: None,
    }
}

impl Backend for Counting {
    fn begin(&self, _: Begin) -> BoxFuture<'_, Result<Reply, StoreError>> {
        unreachable!("it only reads")
    }

    fn append(&self, _: Append) -> BoxFuture<'_, Result<Reply, StoreError>> {
        unreachable!("it only reads")
    }

    fn announce(&self, _: Ask) -> BoxFuture<'_, Result<Reply, StoreError>> {
        unreachable!("it only reads")
    }

    fn take_over(&self, _: TakeOver) -> BoxFuture<'_, Result<Reply, StoreError>> {
        unreachable!("it only reads")
    }

    fn touch<'a>(&'a self, _: &'a str, _: i64) -> BoxFuture<'a, Result<bool, StoreError>> {
        unreachable!("it only reads")
    }

    fn release<'a>(&'a self, _: &'a str, _: i64) -> BoxFuture<'a, Result<(), StoreError>> {
        unreachable!("it only reads")
    }

    fn lines<'a>(&'a self, _: &'a str, _: i64) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        unreachable!("runs are read with their records")
    }

    fn runs<'a>(
        &'a self,
        which: Which<'a>,
        _: Duration,
    ) -> BoxFuture<'a, Result<Vec<RunSummary>, StoreError>> {
        Box::pin(async move {
            match self.way.load(Ordering::SeqCst) {
                FAILS => return away(),
                HANGS => std::future::pending().await,
                _ => {}
            }
            Ok(match which {
                Which::Latest(_) => {
                    self.lists.fetch_add(1, Ordering::SeqCst);
                    if self.way.load(Ordering::SeqCst) == ONE_FAILS {
                        vec![run("failing"), run("other")]
                    } else {
                        vec![run("r")]
                    }
                }
                Which::One(id) => Vec::from_iter((id == "old").then(|| run("old"))),
            })
        })
    }

    fn read_run<'a>(
        &'a self,
        run_id: &'a str,
        _: i64,
        _: Duration,
    ) -> BoxFuture<'a, Result<Option<RunLines>, StoreError>> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        // Not a record: the run is shown as damaged.
        Box::pin(async move {
            if run_id == "failing" {
                return away();
            }
            Ok(Some(RunLines {
                run: run(run_id),
                lines: vec!["x".to_owned()],
            }))
        })
    }

    fn approve(&self, _: Approve) -> BoxFuture<'_, Result<(), StoreError>> {
        unreachable!("it only reads")
    }

    fn approvals<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<PlanApproval>, StoreError>> {
        unreachable!("only runs are read")
    }

    fn role(&self) -> BoxFuture<'_, Result<Option<String>, StoreError>> {
        unreachable!("only runs are read")
    }

    fn listen(&self, _: Hints) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }

    fn held<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
        _: &'a [ServerId],
    ) -> BoxFuture<'a, Result<Vec<HeldServer>, StoreError>> {
        unreachable!("it only reads")
    }

    fn prune(&self, _: Duration) -> BoxFuture<'_, Result<u64, StoreError>> {
        unreachable!("it only reads")
    }
}

fn started() -> (Counting, Arc<Hub>) {
    let backend = Counting::default();
    let process = Process {
        user: String::new(),
        host: String::new(),
        pid: 1,
        program: String::new(),
    };
    let store = Store::new(backend.clone(), process, StoreTimes::default());
    let hub = Arc::new(Hub::new());
    tokio::spawn(Reader::new(store, Arc::clone(&hub), 10).run());
    (backend, hub)
}

async fn board(hub: &Hub, is_so: impl FnMut(&Option<Arc<Board>>) -> bool) -> Arc<Board> {
    let mut board = hub.board();
    let found = board.wait_for(is_so).await.unwrap().clone();
    found.unwrap()
}

#[tokio::test(start_paused = true)]
async fn many_browsers_are_one_reader() {
    for browsers in [0, 50] {
        let (backend, hub) = started();
        let lists: Vec<_> = (0..browsers).map(|_| hub.board()).collect();
        let runs: Vec<_> = (0..browsers).map(|_| hub.run("r")).collect();
        sleep(Duration::from_secs(60)).await;
        let read = backend.lists.load(Ordering::SeqCst);
        assert!((40..=62).contains(&read), "{browsers}: {read} in 60 s");
        // It changed never: once for the list and once for its page.
        assert!(backend.runs.load(Ordering::SeqCst) <= 2);
        assert_eq!((lists.len(), runs.len()), (browsers, browsers));
        assert!(
            runs.iter()
                .all(|run| matches!(*run.borrow(), RunPage::Damaged(_)))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_wanted_is_read_at_once() {
    let (_, hub) = started();
    board(&hub, Option::is_some).await;
    let wanted = Instant::now();
    let mut old = hub.run("old");
    let known = |page: &RunPage| !matches!(page, RunPage::Unread);
    assert!(matches!(
        *old.wait_for(known).await.unwrap(),
        RunPage::Damaged(_)
    ));
    let mut none = hub.run("none");
    assert!(matches!(
        *none.wait_for(known).await.unwrap(),
        RunPage::Absent
    ));
    assert!(wanted.elapsed() < Duration::from_secs(1));
    // An absent run is forgotten; any other one when its last viewer is gone.
    let open = |hub: &Hub| {
        hub.open_runs()
            .into_iter()
            .map(|(id, _)| id)
            .collect::<Vec<_>>()
    };
    assert_eq!(open(&hub), ["old"]);
    drop(old);
    sleep(Duration::from_secs(60)).await;
    assert!(open(&hub).is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_number_of_followed_runs_is_limited() {
    let (_, hub) = started();
    let followed: Vec<_> = (0..65).map(|number| hub.run(&number.to_string())).collect();
    let crowded =
        |run: &&tokio::sync::watch::Receiver<RunPage>| matches!(*run.borrow(), RunPage::Crowded);
    assert_eq!(followed.iter().filter(crowded).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failing_or_hanging_store_is_named_until_it_answers() {
    for (way, message) in [(FAILS, "away"), (HANGS, "the store gives no answer")] {
        let (backend, hub) = started();
        let first = board(&hub, Option::is_some).await;
        assert_eq!(first.failure, None);
        backend.way.store(way, Ordering::SeqCst);
        let away = Instant::now();
        let is_away = |board: &Option<Arc<Board>>| {
            board.as_ref().is_some_and(|board| board.failure.is_some())
        };
        let failed = board(&hub, is_away).await;
        assert!(away.elapsed() < Duration::from_secs(6));
        assert_eq!(failed.failure.as_deref(), Some(message));
        // The last known content stays, with its time.
        assert_eq!(failed.runs.len(), 1);
        assert!(failed.read_at <= Timestamp::now());
        if way == FAILS {
            backend.way.store(ANSWERS, Ordering::SeqCst);
            board(&hub, |board| !is_away(board)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_run_that_cannot_be_read_does_not_hold_up_the_others() {
    let (backend, hub) = started();
    backend.way.store(ONE_FAILS, Ordering::SeqCst);
    let page = hub.run("failing");
    let is_read = |board: &Option<Arc<Board>>| {
        let progress = |run: &Listed| run.progress != Progress::Unread;
        let runs = board.as_ref().map(|board| &board.runs);
        runs.is_some_and(|runs| runs.len() == 2 && runs.iter().all(progress))
    };
    board(&hub, is_read).await;
    let reads = backend.runs.load(Ordering::SeqCst);
    let boards = hub.board();
    for _ in 0..100 {
        sleep(Duration::from_millis(100)).await;
        // The store answers: only this run is behind.
        assert_eq!(boards.borrow().as_ref().unwrap().failure, None);
    }
    assert!(matches!(&*page.borrow(), RunPage::Damaged(message) if message.contains("away")));
    // Every two seconds or so.
    let tried = backend.runs.load(Ordering::SeqCst) - reads;
    assert!((2..=6).contains(&tried), "{tried} times in 10 s");
}
