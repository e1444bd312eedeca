//! A transport of one's own: it prints each attempt and its answer, around another transport.
//!
//! `cargo run -p ecs-ops --example own_transport` runs it on a simulated region. One that makes
//! connections itself has more to do: `docs/own-transport.md` says what, with code for reqwest and
//! for a tower stack.

#![allow(clippy::print_stdout, reason = "what an example has to say")]

mod simulated;

use ecs_ops::RebootType;
use ecs_ops::transport::{Attempt, FnTransport, Transport as _, bytes::Bytes, http::Request};

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, inner, servers) = simulated::region(30)?;
    let transport = FnTransport::new(move |request: Request<Bytes>, attempt: Attempt| {
        let inner = inner.clone();
        async move {
            println!("{} {}", request.method(), request.uri().path());
            // Sent once, whatever comes of it: how far it got travels through, as error and as mark.
            let answer = inner.send(request, &attempt).await?;
            println!("{}, attempt {}", answer.status(), attempt.number());
            Ok(answer)
        }
    });
    let client = client.transport(transport).build()?;
    let report = client.reboot(RebootType::Hard, servers).report().await?;
    println!("{:?}", report.summary());
    Ok(())
}
