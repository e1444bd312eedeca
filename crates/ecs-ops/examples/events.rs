//! The events of a run that has a task of its own, read beside it and again after it.
//!
//! `cargo run -p ecs-ops --example events` runs it on a simulated region, in this process and on
//! virtual time.

#![allow(clippy::print_stdout, reason = "what an example has to say")]

use ecs_ops::auth::StaticCredentials;
use ecs_ops::model::RebootType;
use ecs_ops::{Client, Event};
use ecs_sim::{Region, SimTransport};
use futures_util::StreamExt as _;

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let region = Region::builder().servers(60).failing(0.2).build()?;
    let servers: Vec<_> = region.servers().collect();
    let project = region.identity().project_id.clone();
    let credentials = region.identity().credentials()?;
    let client = Client::builder("https://ecs.sim.example".parse()?, project)
        .credentials(StaticCredentials::new(credentials))
        .transport(SimTransport::new(region))
        .build()?;

    let run = client.reboot(RebootType::Soft, servers).batch_size(10);
    let run = run.keep_events().begin().await?;
    let mut events = run.events();
    let run = run.spawn();
    while let Some(event) = events.next().await {
        match event {
            Event::Accepted {
                job_id, servers, ..
            } => println!("job {job_id}: {servers} servers"),
            Event::Throttled { .. } => run.control().stop_submitting(),
            _ => {}
        }
    }
    // A late reader, of a handle that outlives the run, gets all of them again.
    let control = run.control();
    let report = run.await?;
    println!(
        "{} events, {:?}",
        control.events().count().await,
        report.summary()
    );
    Ok(())
}

#[cfg(test)]
#[test]
fn runs() {
    main().unwrap();
}
