//! What the examples act on: a region in this process, on virtual time.

use std::error::Error;

use ecs_ops::{Client, ClientBuilder, ServerId};
use ecs_sim::{Region, SimTransport};

/// A client of a region with this many servers, which lacks only its transport; the transport; and
/// the servers. `reboot.rs` does the same step by step.
pub(crate) fn region(
    servers: usize,
) -> Result<(ClientBuilder, SimTransport, Vec<ServerId>), Box<dyn Error>> {
    let region = Region::builder().servers(servers).build()?;
    let servers = region.servers().collect();
    let project = region.identity().project_id.clone();
    let client = Client::builder("https://ecs.sim.example".parse()?, project)
        .credentials(region.identity().credentials()?);
    Ok((client, SimTransport::new(region), servers))
}
