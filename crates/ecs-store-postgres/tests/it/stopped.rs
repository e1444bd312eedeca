//! Processes that are stopped, as by Ctrl-Z, a debugger or a virtual machine that is suspended.

use std::net::SocketAddr;
use std::time::Duration;

use ecs_sim::Tls;
use ecs_store_postgres::Takeover;
use tokio::net::{TcpListener, TcpStream};

use ecs_test_support::store::child::{Ended, Task, ended, serve, signal};

use crate::child::start;
use crate::world::database;

async fn relay(mut connection: TcpStream, service: SocketAddr) {
    let mut service = TcpStream::connect(service).await.unwrap();
    let _ = tokio::io::copy_bidirectional(&mut connection, &mut service).await;
}

/// The process has an admission and is connecting to the service when it is stopped. Another takes
/// its run over, and it continues.
#[tokio::test]
async fn a_process_that_is_stopped_between_its_admission_and_its_first_byte_sends_nothing() {
    let Some(database) = database().await else {
        return;
    };
    let tls = Tls::self_signed().unwrap();
    for is_stopped in [true, false] {
        let sim = serve(3, "127.0.0.1:0", Some(&tls)).await;
        let way = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = database.server.address("owner", &database.name);
        let run_id = format!("stopped-{is_stopped}");
        let mut task = Task::of(address, &sim, Some(&tls), &run_id);
        task.endpoint = format!("https://{}", way.local_addr().unwrap());
        task.admission_lifetime = Duration::from_secs(1);
        let child = start(&task, &[]);
        let pid = child.id().unwrap();

        // The connection of the request is the first one after its announcement: its handshake has begun.
        let (other, service) = (database.store("other").await, sim.address());
        let mut connection = loop {
            let (connection, _) = way.accept().await.unwrap();
            connection.readable().await.unwrap();
            let records = other.records(&run_id).await;
            if records.is_ok_and(|records| records.entries.len() == 3) {
                break connection;
            }
            tokio::spawn(relay(connection, service));
        };
        if is_stopped {
            signal(pid, "STOP").await;
        }
        let (_journal, contents) = other.resume(&run_id, Takeover::AtOnce).await.unwrap();
        let recovered = ecs_ops::journal::Recovered::from_entries(contents.entries).unwrap();
        assert_eq!(recovered.unknown_requests().len(), 1);
        if is_stopped {
            tokio::time::sleep(Duration::from_millis(1200)).await;
            signal(pid, "CONT").await;
        }
        let relays = tokio::spawn(async move {
            loop {
                tokio::spawn(relay(connection, service));
                connection = way.accept().await.unwrap().0;
            }
        });
        let Ended { journal_failed, .. } = ended(child).await;
        relays.abort();
        let reason = journal_failed.expect("another has its run");
        assert!(reason.contains("taken over by ops on other"), "{reason}");
        // Without a stop it was within its time: that no client can prevent.
        let sent = sim
            .region()
            .with(|region| region.accepted().distinct_servers());
        assert_eq!(sent, if is_stopped { 0 } else { 3 });
    }
}
