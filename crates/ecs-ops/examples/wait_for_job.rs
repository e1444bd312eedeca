//! Waits for a job of another process, with no more than a client of single requests and a watcher.
//!
//! `cargo run -p ecs-ops --example wait_for_job < ticket.json` waits for the job of a ticket, as
//! `ecsctl -o json` has them in its `jobs`. Credentials: `ENDPOINT`, `PROJECT` and `TOKEN`.

#![allow(clippy::print_stdout, reason = "what an example has to say")]

use std::env::var;

use ecs_client::Client;
use ecs_ops::auth::Credentials;
use ecs_ops::{JobTicket, JobWatcher};
use ecs_transport::HyperTransport;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ticket: JobTicket = serde_json::from_reader(std::io::stdin())?;
    let client = Client::builder(var("ENDPOINT")?.parse()?, var("PROJECT")?.parse()?)
        .credentials(Credentials::token(var("TOKEN")?)?)
        .transport(HyperTransport::builder().build()?)
        .build()?;
    for job in JobWatcher::new(client).watch([ticket])?.until_done().await {
        println!("job {}: succeeded: {:?}", job.job_id, job.end.succeeded());
        for server in &job.servers {
            println!("{}: {}", server.id, server.outcome.name());
        }
    }
    Ok(())
}
