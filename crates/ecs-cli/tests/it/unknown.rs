//! Lost answers over real sockets: the report, and what reconciling adds.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::common::{Ended, Sim, ecsctl, options};
use secrecy::ExposeSecret as _;

/// Forwards to `to`, but keeps the answer to the first POST to itself.
pub fn losing_the_first_answer(to: &str) -> String {
    let to = to.strip_prefix("http://").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let listening = format!("http://{}", listener.local_addr().unwrap());
    let lost = Arc::new(AtomicBool::new(false));
    // Ends with the process.
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, to, lost) = (client.unwrap(), to.clone(), Arc::clone(&lost));
            std::thread::spawn(move || forward(client, &to, &lost));
        }
    });
    listening
}

fn forward(mut client: TcpStream, to: &str, lost: &AtomicBool) {
    let mut first = [0; 4096];
    let Ok(read) = client.read(&mut first) else {
        return;
    };
    let mut server = TcpStream::connect(to).unwrap();
    server.write_all(&first[..read]).unwrap();
    let is_post = first.starts_with(b"POST");
    let (mut from_client, mut to_server) =
        (client.try_clone().unwrap(), server.try_clone().unwrap());
    let up = std::thread::spawn(move || std::io::copy(&mut from_client, &mut to_server));
    if is_post && !lost.swap(true, Ordering::SeqCst) {
        // The region has received the request, and answers.
        server.read_exact(&mut [0; 8]).unwrap();
        client.shutdown(Shutdown::Both).unwrap();
        return;
    }
    // A closed side ends both.
    let _ = std::io::copy(&mut server, &mut client);
    let _ = client.shutdown(Shutdown::Both);
    let _ = up.join();
}

fn reboot(sim: &Sim, more: &[&str]) -> Ended {
    let info = sim.info();
    let endpoint = losing_the_first_answer(&info.listening);
    let token = info.token.expose_secret();
    let mut args = options(&endpoint, info.project_id.as_str(), token);
    args.extend(sim.ids());
    args.extend(more.iter().map(|arg| (*arg).to_owned()));
    // The first request of a connection is the one that counts.
    ecsctl(&["reboot", "--yes", "--no-preflight", "-o", "json"], &args)
}

fn in_seconds(seconds: u64) -> Sim {
    let seconds = Duration::from_secs(seconds);
    Sim::start(1, |region| region.durations(seconds..=seconds))
}

#[test]
fn a_lost_answer_leaves_the_servers_unknown() {
    let sim = in_seconds(1);
    let ended = reboot(&sim, &[]).expect(3);
    let report = ended.json();
    assert_eq!(report["summary"]["unknown"], 3, "{report}");
    assert!(ended.stderr.contains("--reconcile"), "{}", ended.stderr);
    assert_eq!(sim.accepted(), 3);
}

#[test]
fn restarted_servers_are_reconciled() {
    let sim = in_seconds(4);
    let ended = reboot(&sim, &["--reconcile"]).expect(0);
    let report = ended.json();
    assert_eq!(report["summary"]["succeeded"], 3, "{report}");
    assert_eq!(report["servers"][0].get("job_id"), None);
    assert!(
        ended.stderr.contains("checking the servers"),
        "{}",
        ended.stderr
    );
    assert_eq!(sim.accepted(), 3);
}

/// The servers are requested twice, with a warning; the region refuses the second request, because they are
/// restarting.
#[test]
fn resubmission_is_warned_of() {
    let sim = in_seconds(4);
    let ended = reboot(&sim, &["--resubmit-unknown"]).expect(3);
    assert!(
        ended.stderr.contains("warning: --resubmit-unknown"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("may have been acted on already"),
        "{}",
        ended.stderr
    );
    assert_eq!(sim.accepted(), 3);
}
