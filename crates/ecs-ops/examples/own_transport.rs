//! A transport of one's own: a layer that prints each attempt, over another one.
//!
//! `cargo run -p ecs-ops --example own_transport` runs it on a simulated region. One that makes
//! connections itself has more to do: `docs/own-transport.md` says what, with code for reqwest and
//! for a tower stack.

#![allow(clippy::print_stdout, reason = "what an example has to say")]

use ecs_ops::transport::bytes::Bytes;
use ecs_ops::transport::http::{Request, Response};
use ecs_ops::transport::{Attempt, BoxFuture, Transport, TransportError};
use ecs_ops::{Client, RebootType};
use ecs_sim::{Region, SimTransport};

#[derive(Debug)]
struct Printed<T>(T);

impl<T: Transport> Transport for Printed<T> {
    fn send<'a>(
        &'a self,
        request: Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Result<Response<Bytes>, TransportError>> {
        println!("{} {}", request.method(), request.uri().path());
        // Sent once, whatever comes of it: how far it got travels through, as error and as mark.
        self.0.send(request, attempt)
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let region = Region::builder().servers(30).build()?;
    let servers: Vec<_> = region.servers().collect();
    let project = region.identity().project_id.clone();
    let client = Client::builder("https://ecs.sim.example".parse()?, project)
        .credentials(region.identity().credentials()?)
        .transport(Printed(SimTransport::new(region)))
        .build()?;
    let report = client.reboot(RebootType::Hard, servers).report().await?;
    println!("{:?}", report.summary());
    Ok(())
}

#[cfg(test)]
#[test]
fn runs() {
    main().unwrap();
}
