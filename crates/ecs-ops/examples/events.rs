//! The events of a run that has a task of its own, read beside it.
//!
//! `cargo run -p ecs-ops --example events` runs it on a simulated region, in this process and on
//! virtual time.

#![allow(clippy::print_stdout, reason = "what an example has to say")]

use ecs_ops::{Client, Event, RebootType};
use ecs_sim::{Region, SimTransport};

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let region = Region::builder().servers(60).failing(0.2).build()?;
    let servers: Vec<_> = region.servers().collect();
    let project = region.identity().project_id.clone();
    let client = Client::builder("https://ecs.sim.example".parse()?, project)
        .credentials(region.identity().credentials()?)
        .transport(SimTransport::new(region))
        .build()?;

    let run = client.reboot(RebootType::Soft, servers).begin().await?;
    let mut events = run.events(); // a `Stream`, too
    let run = run.spawn();
    while let Some(event) = events.next().await {
        match event {
            Event::Accepted { job_id, .. } => println!("job {job_id}"), // and its ticket
            Event::ServerDone(server) => println!("{}: {}", server.id, server.outcome.name()),
            Event::Throttled { .. } => run.control().stop_submitting(),
            _ => {}
        }
    }
    println!("{:?}", run.await?.summary());
    Ok(())
}

#[cfg(test)]
#[test]
fn runs() {
    main().unwrap();
}
