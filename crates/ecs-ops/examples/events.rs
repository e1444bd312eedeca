//! The events of a run that has a task of its own, read beside it.
//!
//! `cargo run -p ecs-ops --example events` runs it on a simulated region.

#![allow(clippy::print_stdout, reason = "what an example has to say")]

mod simulated;

use ecs_ops::{Event, RebootType};

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, region, servers) = simulated::region(60)?;
    let client = client.transport(region).build()?;

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
