//! Two hosts, as network namespaces, and a network that is cut. Needs root and `ip` (Debian:
//! iproute2); elsewhere it is skipped, with a message.

use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use ecs_test_support::store::child::{Task, ended, serve};

use crate::child::start;
use crate::world::{Proxy, database};

/// A host with a way to the service and another one to the database. Gone when dropped.
struct Host {
    name: String,
    /// The end of the way to the database that is here.
    link: String,
}

impl Host {
    /// Host `number`: 10.202.N.1 is the database for it, and it has a route to all else that is
    /// here. `None`: not permitted here.
    fn new(number: u8) -> Option<Self> {
        let name = format!("ecs{}h{number}", std::process::id());
        ip(&["netns", "add", &name]).then_some(())?;
        let host = Self {
            link: format!("e{}d{number}", std::process::id()),
            name,
        };
        let service = format!("e{}s{number}", std::process::id());
        for (link, network) in [(&service, 201), (&host.link, 202)] {
            let inside = format!("i{network}");
            let made = ip(&[
                "link", "add", link, "type", "veth", "peer", "name", &inside, "netns", &host.name,
            ]);
            made.then_some(())?;
            let (here, there) = (
                format!("10.{network}.{number}.1/24"),
                format!("10.{network}.{number}.2/24"),
            );
            let is_up = ip(&["addr", "add", &here, "dev", link])
                && ip(&["link", "set", link, "up"])
                && ip(&["-n", &host.name, "addr", "add", &there, "dev", &inside])
                && ip(&["-n", &host.name, "link", "set", &inside, "up"]);
            is_up.then_some(())?;
        }
        let gateway = format!("10.201.{number}.1");
        let arguments = ["-n", &host.name, "route", "add", "default", "via", &gateway];
        ip(&arguments).then_some(host)
    }

    /// Cuts the route to the database, or restores it. Packets are lost meanwhile, without an error.
    fn set_way_to_database(&self, state: &str) {
        assert!(ip(&["link", "set", &self.link, state]));
    }

    /// The command that starts a process there.
    fn prefix(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Its links go with it.
        ip(&["netns", "del", &self.name]);
    }
}

fn ip(arguments: &[&str]) -> bool {
    let output = Command::new("ip").args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

/// Host 1 is cut off from the database, and still reaches the service. Host 2 takes its run over
/// when it is silent, and ends it. Then the network is restored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_cut_off_from_the_database_sends_nothing_and_loses_its_run() {
    let Some(database) = database().await else {
        return;
    };
    let (Some(first), Some(second)) = (Host::new(1), Host::new(2)) else {
        let line = "LEFT OUT: two hosts with a partition (needs root, and ip of iproute2)";
        let _ = writeln!(std::io::stderr(), "{line}");
        return;
    };
    let role = format!("host_{}", database.name);
    let create = format!("CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'p'");
    database.execute(&create).await;
    let sim = serve(30, "0.0.0.0:0", None).await;
    let accepted = || {
        sim.region()
            .with(|region| region.accepted().distinct_servers())
    };
    // Only these hosts reach the database this way.
    let port = database.server.port();
    let ways = [
        Proxy::listen("10.202.1.1:0", port).await,
        Proxy::listen("10.202.2.1:0", port).await,
    ];
    let task = |number: usize| {
        let (name, port) = (&database.name, ways[number - 1].port);
        let store = format!("postgres://{role}:p@10.202.{number}.1:{port}/{name}?sslmode=disable");
        let mut task = Task::of(store, &sim, None, "run");
        task.endpoint = format!("http://10.201.1.1:{}", sim.address().port());
        task.pace = 6;
        task
    };
    let cut_off = start(&task(1), &first.prefix());
    let began = std::time::Instant::now();
    while accepted() < 6 {
        assert!(began.elapsed() < Duration::from_secs(60), "nothing is sent");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    first.set_way_to_database("down");
    // The announced request may still arrive. A minute of the service takes 0.6 s.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = accepted();
    assert!(before < 30);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(accepted(), before, "sent while the database was away");

    let mut takes_over = task(2);
    takes_over.take_over_after = Some(Duration::from_secs(4));
    let second = ended(start(&takes_over, &second.prefix())).await;
    assert_eq!(second.journal_failed, None);
    assert_eq!(second.succeeded + second.unknown, 30, "{second:?}");

    first.set_way_to_database("up");
    let first = ended(cut_off).await;
    let reason = first.journal_failed.expect("another has its run");
    assert!(reason.contains("taken over by ops on child"), "{reason}");
    assert!(first.not_attempted > 0, "{reason}");
    let most = sim.region().with(|region| {
        let servers: Vec<_> = region.servers().collect();
        let times = servers.iter().map(|id| region.accepted().times(id));
        times.max()
    });
    assert_eq!(most, Some(1), "a server was restarted twice");
}
