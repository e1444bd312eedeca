//! The main job: restart a fleet and know what became of each server.
//!
//! `cargo run -p ecs-ops --example reboot` runs it on a simulated region, in this process and on
//! virtual time. For a real one, put `HyperTransport::builder().build()?` (feature `hyper`) where
//! the simulator stands, and your endpoint, project and token.

#![allow(clippy::print_stdout, reason = "what an example has to say")]

use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::model::RebootType;
use ecs_ops::{Client, Outcome};
use ecs_sim::{Region, SimTransport};
use secrecy::ExposeSecret as _;

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let region = Region::builder().servers(250).failing(0.02).build()?;
    let servers: Vec<_> = region.servers().collect();
    let project = region.identity().project_id.clone();
    let token = Credentials::token(region.identity().token.expose_secret())?;

    let client = Client::builder("https://ecs.sim.example".parse()?, project)
        .credentials(StaticCredentials::new(token))
        .transport(SimTransport::new(region))
        .build()?;
    let report = client
        .reboot(RebootType::Soft, servers)
        .start()
        .await?
        .await;

    for server in &report.servers {
        match &server.outcome {
            Outcome::Succeeded { .. } => {}
            other => println!("{} {}: {:?}", server.id, other.name(), other.error()),
        }
    }
    println!("{:?}", report.summary());
    Ok(())
}
