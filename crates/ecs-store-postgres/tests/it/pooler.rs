//! pgbouncer in transaction mode between the processes and the server. Where it is not installed,
//! this is skipped, with a message.

use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ecs_ops::model::RebootType;
use ecs_store_postgres::{PostgresStore, Takeover};
use ecs_test_support::postgres::{Postgres, shell};

use crate::fleet::{Fleet, run_or_resume, to_end};
use crate::world::{Database, database};

/// A pooler that ends with this value.
pub(crate) struct Pooler {
    child: Child,
    port: u16,
}

/// Each transaction of a client may be on another one of two connections.
const SCRIPT: &str = "
PATH=$PATH:/usr/sbin
dir=$(mktemp -d /tmp/ecs-pooler.XXXXXX) || exit 1
cat > \"$dir/ini\" <<E
[databases]
* = host=$1 port=$2 user=owner
[pgbouncer]
pool_mode = transaction
default_pool_size = 2
listen_addr = 127.0.0.1
listen_port = $3
auth_type = any
unix_socket_dir =
E
pgbouncer -q \"$dir/ini\" 2> \"$dir/log\" & pid=$!
read -r end
kill -9 $pid; rm -rf \"$dir\"
";

impl Pooler {
    pub(crate) fn start(server: &Postgres) -> Option<Self> {
        let files = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"];
        if !files
            .iter()
            .any(|file| std::path::Path::new(file).is_file())
        {
            let line = "LEFT OUT: tests with pgbouncer (apt-get install pgbouncer)";
            let _ = writeln!(std::io::stderr(), "{line}");
            return None;
        }
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut command: Command = shell();
        command.args(["-c", SCRIPT, "pooler.sh", server.directory()]);
        command.args([server.port().to_string(), port.to_string()]);
        let child = command.current_dir("/").stdin(Stdio::piped()).spawn();
        Some(Self {
            child: child.unwrap(),
            port,
        })
    }

    pub(crate) async fn store(&self, database: &Database, host: &str) -> PostgresStore {
        let (port, name) = (self.port, &database.name);
        let address = format!("postgres://owner@127.0.0.1:{port}/{name}?sslmode=disable");
        let options = crate::world::options(&address, host);
        let mut tries = 0;
        loop {
            match PostgresStore::open(options.clone()).await {
                Ok(store) => return store,
                // It is starting.
                Err(error) if tries < 50 && error.is_temporary() => tries += 1,
                Err(error) => panic!("{error:?}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // The script ends with its input.
        self.child.stdin = None;
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_in_transaction_mode_may_be_in_between() {
    let Some(database) = database().await else {
        return;
    };
    let Some(pooler) = Pooler::start(database.server) else {
        return;
    };
    let fleet = Fleet::new(48, 1, 12);
    let mut runs = tokio::task::JoinSet::new();
    for (number, servers) in fleet.servers.chunks(8).enumerate() {
        let (fleet, servers) = (fleet.clone(), servers.to_vec());
        let store = pooler.store(&database, &format!("h{number}")).await;
        runs.spawn(async move {
            let run = fleet.client().reboot(RebootType::Soft, servers);
            let run = run.run_id(format!("r{number}")).batch_size(3);
            to_end(run.journal(store.journal())).await.unwrap()
        });
    }
    for report in runs.join_all().await {
        assert_eq!(report.summary().succeeded, 8, "{report:?}");
    }
    assert!(fleet.peak() <= 12, "{}", fleet.peak());
    assert!(fleet.servers.iter().all(|id| fleet.times(id) == 1));

    // A takeover while the first process is alive.
    let fleet = Fleet::new(18, 2, 6);
    let a = pooler.store(&database, "a").await;
    let b = pooler.store(&database, "b").await;
    let run = run_or_resume(&fleet, &a, "taken", &fleet.servers, Takeover::AtOnce);
    let first = tokio::spawn(to_end(run.await.unwrap()));
    while fleet.accepted() < 6 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let run = run_or_resume(&fleet, &b, "taken", &fleet.servers, Takeover::AtOnce);
    let second = to_end(run.await.unwrap()).await.unwrap();
    let first = first.await.unwrap().unwrap();
    assert!(matches!(
        &first.stopped,
        Some(ecs_ops::Stopped::JournalFailed(problem)) if problem.to_string().contains("taken over")
    ));
    assert_eq!(second.servers.len(), 18);
    assert!(fleet.servers.iter().all(|id| fleet.times(id) <= 1));
    let clients = "SELECT count(*) FROM pg_stat_activity \
                   WHERE datname = current_database() AND application_name = 'ecsctl'";
    let clients = database.value(clients).await;
    assert!(
        clients.parse::<u32>().unwrap() <= 2,
        "{clients} connections"
    );
}
