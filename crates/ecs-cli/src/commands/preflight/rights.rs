//! The permission to list servers, which some options need: checked before anything is sent.

use ecs_ops::ProbeEnd;

use super::Known;
use crate::args::Run;
use crate::connect::Connection;
use crate::exit::Exit;
use crate::fail::CliError;

/// Returns the option that lists servers during the run, if one is given.
fn listing_option(args: &Run) -> Option<&'static str> {
    if args.rolling.escalate_after.is_some() {
        Some("--escalate")
    } else if args.verify {
        Some("--verify")
    } else if args.reconcile {
        Some("--reconcile")
    } else {
        None
    }
}

/// Refuses a run whose options need a list that the service refuses. A service that does not answer is left to the
/// other reads.
pub(super) async fn check(
    known: &Known,
    args: &Run,
    connection: &Connection,
) -> Result<(), CliError> {
    let Some(option) = listing_option(args) else {
        return Ok(());
    };
    let is_open = match known {
        // These servers came from a list, so listing is permitted.
        Known::Listed(_) | Known::Selected(_) | Known::OutOfReach => false,
        Known::Unchecked(None) => false,
        Known::LookedUp(_) | Known::Unchecked(Some(_)) => true,
    };
    if !is_open {
        return Ok(());
    }
    let probe = connection.client.probe().await;
    let ProbeEnd::Refused {
        described,
        status: 403,
        ..
    } = probe.end
    else {
        return Ok(());
    };
    Err(CliError::new(
        Exit::Credentials,
        format!("{option} lists the servers of the project, which is refused: {described}; nothing was sent"),
    )
    .hint(format!(
        "grant ecs:cloudServers:list, or omit {option}"
    )))
}
