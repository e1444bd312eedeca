//! The main job: restart a fleet, and get an outcome for each server.
//!
//! `cargo run -p ecs-ops --example reboot` runs it on a simulated region, in this process and on
//! virtual time. `from_env.rs` does the same in a real one.

#![allow(clippy::print_stdout, reason = "what an example has to say")]

use ecs_ops::{Client, RebootType};
use ecs_sim::{Region, SimTransport};

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let region = Region::builder().servers(250).failing(0.02).build()?;
    let servers: Vec<_> = region.servers().collect();
    let project = region.identity().project_id.clone();
    let client = Client::builder("https://ecs.sim.example".parse()?, project)
        .credentials(region.identity().credentials()?)
        .transport(SimTransport::new(region))
        .build()?;

    let plan = client.reboot(RebootType::Soft, servers).plan()?; // checked; nothing is sent
    println!("{} requests", plan.requests().len());
    let report = plan.report().await?;
    for server in report.failed() {
        println!("{} failed: {:?}", server.id, server.outcome.error());
    }
    println!("{} succeeded", report.succeeded().count());
    Ok(())
}
