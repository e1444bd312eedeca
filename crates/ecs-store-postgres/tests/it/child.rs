//! Processes of their own, which tests start and stop.

use ecs_store_postgres::PostgresStore;
use ecs_test_support::store::child::{self, Task};
use tokio::process::Child;

/// Starts a process with this task; `prefix` is the command that starts it, if it is another.
pub(crate) fn start(task: &Task, prefix: &[&str]) -> Child {
    task.start(prefix, "child::process")
}

/// Not a test: what the process does that a test starts.
#[tokio::test]
async fn process() {
    let Some(task) = child::task() else {
        return;
    };
    let mut options = crate::world::options(&task.store, "child");
    options.times = task.times();
    options.retry_limit = task.retry_limit;
    let store = PostgresStore::open(options).await.unwrap();
    child::report(&task.perform(&store).await);
}
