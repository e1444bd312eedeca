//! A service that survives its own restart: it takes up the runs that an earlier process left.
//!
//! `cargo run -p ecs-ops --example service` runs both lives on a simulated region, in this process
//! and on virtual time, with journals in a temporary folder.

#![allow(clippy::print_stdout, reason = "what an example has to say")]

use ecs_ops::journal::{JsonlJournal, Recovered};
use ecs_ops::{Client, Event, RebootType};
use ecs_sim::{Region, SimTransport};

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let region = Region::builder().servers(40).build()?;
    let servers: Vec<_> = region.servers().collect();
    let project = region.identity().project_id.clone();
    let client = Client::builder("https://ecs.sim.example".parse()?, project)
        .credentials(region.identity().credentials()?)
        .transport(SimTransport::new(region))
        .build()?;
    let folder = tempfile::tempdir()?;

    // The first life begins a run, and lets go of it when it is told to end.
    let run = client.reboot(RebootType::Soft, servers).batch_size(10);
    let run = run.journal_in(folder.path()).begin().await?;
    let (mut events, run) = (run.events(), run.spawn());
    while let Some(event) = events.next().await {
        if let Event::Accepted { .. } = event {
            run.control().suspend();
        }
    }
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
        println!("{:?}: {:?}", report.run_id, report.summary());
    }
    Ok(())
}

#[cfg(test)]
#[test]
fn runs() {
    main().unwrap();
}
