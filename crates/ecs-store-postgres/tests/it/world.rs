//! A database for each test, on one server.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ecs_ops::store::{Store, StoreTimes};
use ecs_store_postgres::{PostgresStore, StoreOptions};
use ecs_test_support::postgres::Postgres;
use ecs_test_support::store::{self, process};
pub(crate) use ecs_test_support::store::{ENDPOINT, accepted, announce, append, begin, ids};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// The server of all tests; `None` where PostgreSQL is not installed.
fn server() -> Option<&'static Postgres> {
    static SERVER: OnceLock<Option<Postgres>> = OnceLock::new();
    let started = || Postgres::start(None).map(|started| started.expect("PostgreSQL starts"));
    SERVER.get_or_init(started).as_ref()
}

/// A database.
pub(crate) struct Database {
    pub(crate) server: &'static Postgres,
    pub(crate) name: String,
}

/// A new database with the tables; `None` where PostgreSQL is not installed.
pub(crate) async fn database() -> Option<Database> {
    Some(Database::new(server()?).await)
}

impl Database {
    pub(crate) async fn new(server: &'static Postgres) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("d{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        sql(server, "postgres", &format!("CREATE DATABASE {name}")).await;
        let database = Self { server, name };
        let migrated = PostgresStore::migrate(database.options("setup"), &[]).await;
        assert_eq!(migrated.unwrap(), (0, 2));
        database
    }

    pub(crate) fn options(&self, host: &str) -> StoreOptions {
        self.options_as("owner", host)
    }

    pub(crate) fn options_as(&self, role: &str, host: &str) -> StoreOptions {
        let address = self.server.address(role, &self.name);
        options(&address, host)
    }

    /// A store as a process of its own has it.
    pub(crate) async fn store(&self, host: &str) -> PostgresStore {
        PostgresStore::open(self.options(host)).await.unwrap()
    }

    /// The first column of the first row, as text.
    pub(crate) async fn value(&self, sql: &str) -> String {
        let (client, connection) = self.connect().await;
        let row = client
            .query_one(&format!("SELECT ({sql})::text"), &[])
            .await;
        drop(client);
        connection.abort();
        row.unwrap().get::<_, Option<String>>(0).unwrap_or_default()
    }

    pub(crate) async fn execute(&self, statements: &str) {
        sql(self.server, &self.name, statements).await;
    }

    pub(crate) async fn connect(&self) -> (tokio_postgres::Client, tokio::task::JoinHandle<()>) {
        connect(self.server, &self.name).await
    }
}

pub(crate) fn options(address: &str, host: &str) -> StoreOptions {
    let mut options = StoreOptions::new(address.parse().unwrap(), process(host));
    options.retry_limit = Duration::from_secs(60);
    options
}

async fn connect(
    server: &Postgres,
    database: &str,
) -> (tokio_postgres::Client, tokio::task::JoinHandle<()>) {
    let address = server.address("owner", database);
    let connected = tokio_postgres::connect(&address, tokio_postgres::NoTls).await;
    let (client, connection) = connected.unwrap();
    (client, tokio::spawn(async move { drop(connection.await) }))
}

pub(crate) async fn sql(server: &Postgres, database: &str, statements: &str) {
    let (client, connection) = connect(server, database).await;
    client.batch_execute(statements).await.unwrap();
    drop(client);
    connection.abort();
}

impl store::Database for Database {
    async fn open(&self, host: &str, times: StoreTimes) -> Store {
        let mut options = self.options(host);
        options.times = times;
        let store = PostgresStore::open(options).await.unwrap();
        (*store).clone()
    }

    async fn age(&self, by: Duration) {
        let by = by.as_secs();
        self.execute(&format!(
            "UPDATE ecsctl.runs SET seen_at = seen_at - interval '{by} s', ended_at = ended_at - interval '{by} s';
             UPDATE ecsctl.shares SET until = until - interval '{by} s';
             UPDATE ecsctl.queue SET seen_at = seen_at - interval '{by} s'"
        ))
        .await;
    }

    async fn forget_last_record(&self, run_id: &str) {
        self.execute(&format!(
            "UPDATE ecsctl.runs SET next_seq = next_seq - 1 WHERE run_id = '{run_id}';
             DELETE FROM ecsctl.records r USING ecsctl.runs WHERE r.run_id = '{run_id}'
                 AND runs.run_id = r.run_id AND r.seq = runs.next_seq"
        ))
        .await;
    }
}

/// A way to the server that can be cut, over TCP.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    /// Drops this number of answers of the server from now on, each with its connection.
    pub(crate) cuts: Arc<AtomicUsize>,
    /// `true` to pass no bytes, without an error on either side.
    pub(crate) is_silent: Arc<AtomicBool>,
}

impl Proxy {
    pub(crate) async fn start(to: u16) -> Self {
        Self::listen("127.0.0.1:0", to).await
    }

    pub(crate) async fn listen(address: &str, to: u16) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            cuts: Arc::default(),
            is_silent: Arc::default(),
        };
        let (cuts, is_silent) = (Arc::clone(&proxy.cuts), Arc::clone(&proxy.is_silent));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let (cuts, is_silent) = (Arc::clone(&cuts), Arc::clone(&is_silent));
                let never = Arc::new(AtomicUsize::new(0));
                let there = pass(from_client, to_server, never, Arc::clone(&is_silent));
                let back = pass(from_server, to_client, cuts, is_silent);
                tokio::spawn(async move {
                    tokio::select! {
                        () = there => {}
                        () = back => {}
                    }
                });
            }
        });
        proxy
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    cuts: Arc<AtomicUsize>,
    is_silent: Arc<AtomicBool>,
) {
    let mut buffer = vec![0; 65536];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let cut = cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        });
        if cut.is_ok() {
            return;
        }
        while is_silent.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
