//! Credentials, project and endpoint as `ecsctl` finds them: environment, `clouds.yaml`, profiles,
//! the metadata service.
//!
//! `cargo run -p ecs-ops --features hyper --example from_env -- ID…` restarts the named servers in
//! the account that it finds. To try it, source what `ecsctl sim` prints, or set `OS_CLOUD`.

#![allow(clippy::print_stdout, reason = "what an example has to say")]

use ecs_ops::auth::CredentialChain;
use ecs_ops::{Client, RebootType, ServerId};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ids = std::env::args().skip(1).map(|id| id.parse::<ServerId>());
    let servers = ids.collect::<Result<Vec<_>, _>>()?;

    let ready = CredentialChain::from_env().resolve().await?;
    println!("{} in {}", ready.target.account, ready.target.project);
    let client = Client::builder_of(ready)?.build()?;

    let directory = std::env::temp_dir();
    let plan = client.reboot(RebootType::Soft, servers).plan()?;
    let report = plan.journal_in(directory).report().await?;
    for server in report.unknown() {
        println!("{} may have been restarted", server.id);
    }
    println!("{:?}", report.summary());
    Ok(())
}
