//! A service that survives its own restart: it resumes the runs that an earlier process left.
//!
//! `cargo run -p ecs-ops --example service` runs both lives on a simulated region.

#![allow(clippy::print_stdout, reason = "what an example has to say")]

mod simulated;

use ecs_ops::RebootType;
use ecs_ops::journal::{JsonlJournal, Recovered};

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, region, servers) = simulated::region(40)?;
    let (client, folder) = (client.transport(region).build()?, tempfile::tempdir()?);

    // The first life begins a run, and lets go of it when it is told to end.
    let run = client.reboot(RebootType::Soft, servers).run_id("patch-day");
    let run = run.journal_in(folder.path()).begin().await?.spawn();
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    run.control().suspend();
    println!("{:?}", run.await?.stopped);

    // The second one resumes what has not ended; of what has, the report is in the journal.
    for file in std::fs::read_dir(folder.path())? {
        let (journal, contents) = JsonlJournal::open(file?.path())?;
        let known = Recovered::from_entries(contents.entries)?;
        let report = if known.is_ended() {
            known.report()
        } else {
            client.resume(journal, known)?.report().await?
        };
        println!("{}: {:?}", report.run_id, report.summary());
    }
    Ok(())
}
