//! The preflight of a resumed run that still has servers to send.

use ecs_ops::fleet::endangers_members;
use ecs_ops::journal::Recovered;
use ecs_ops::model::ServerId;

use super::{MembersPolicy, Scaling, messages, scaling};
use crate::args::Resume;
use crate::connect::Connection;
use crate::fail::CliError;
use crate::term::Printer;

/// Checks auto-scaling groups and this machine for the servers that the run has not sent yet.
pub(in crate::commands) async fn resumed(
    recovered: &Recovered,
    args: &Resume,
    connection: &Connection,
    printer: &Printer,
) -> Result<(), CliError> {
    let unsent = recovered.unsent();
    let action = recovered.run().action;
    // `start` harms neither members nor this machine.
    if unsent.is_empty() || !endangers_members(action) {
        return Ok(());
    }
    let wanted = MembersPolicy {
        allowed: args.allow_autoscaling_members,
        unread: false,
    };
    let (own, scaling) = tokio::join!(connection.own_server(), scaling(action, wanted, connection));
    if let Some(own) = own.filter(|own| unsent.contains(own)) {
        check_own(own, recovered, &unsent, printer)?;
    }
    match &scaling {
        Scaling::NotNeeded => Ok(()),
        Scaling::Unchecked(reason) => {
            printer.note(&messages::not_checked(reason));
            Ok(())
        }
        Scaling::Known(members) => messages::refuse_members(&unsent, &[], members, printer),
    }
}

/// Warns if the server that this process runs on comes last and alone, and refuses it otherwise.
fn check_own(
    own: ServerId,
    recovered: &Recovered,
    unsent: &[ServerId],
    printer: &Printer,
) -> Result<(), CliError> {
    let waves = recovered.run().rolling.as_ref();
    let last = waves.and_then(|rolling| rolling.waves.last());
    let is_last_and_alone = last.is_some_and(|wave| wave[..] == [own]);
    if is_last_and_alone || unsent == [own] {
        printer.warn(&format!(
            "ecsctl runs on {own}: the action on it comes last and ends this process; ecsctl resume reports its outcome"
        ));
        return Ok(());
    }
    Err(CliError::usage(format!(
        "ecsctl runs on {own}, which the run has still to send together with others; nothing was sent"
    ))
    .hint("resume from another machine"))
}
