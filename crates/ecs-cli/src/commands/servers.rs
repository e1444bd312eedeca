//! The servers that a run acts on.

use ecs_ops::PowerAction;
use ecs_ops::fleet::{SkippedServer, UnreadyServer};
use ecs_ops::model::{Server, ServerId};

use super::preflight::{self, NotBegun, name_of};
use crate::args::{GivenSelection, Run};
use crate::confirm::counted;
use crate::connect::Connection;
use crate::fail::CliError;
use crate::store::Store;
use crate::term::Printer;

/// The servers of a run.
pub(super) struct Servers {
    /// The servers in their order, with [`last`](Self::last) at the end.
    pub(super) ids: Vec<ServerId>,
    /// The servers that were read: all of the project, if it was listed.
    pub(super) listed: Vec<Server>,
    /// The server that this process runs on, which is acted on alone after all others.
    pub(super) last: Option<ServerId>,
    /// The servers that the selection skips.
    pub(super) skipped: Vec<SkippedServer>,
    /// The servers that are not ready and not sent.
    pub(super) unready: Vec<UnreadyServer>,
    /// `true` if the states of the servers were read.
    pub(super) are_read: bool,
}

impl Servers {
    /// Returns the servers that were given, or all but the skipped ones. Reads their states first.
    pub(super) async fn find(
        given: &GivenSelection,
        action: PowerAction,
        args: &Run,
        connection: &Connection,
        store: Option<&Store>,
        printer: &Printer,
    ) -> Result<Self, NotBegun> {
        let found = preflight::run(given, action, args, connection, store, printer).await?;
        let screened = found.screened;
        let are_read = found.known.is_read();
        let listed = match found.known {
            preflight::Known::Listed(servers) => servers,
            preflight::Known::Selected(selected) => selected.servers,
            preflight::Known::LookedUp(lookup) => lookup.servers,
            preflight::Known::Unchecked(_) | preflight::Known::OutOfReach => Vec::new(),
        };
        if screened.servers.is_empty() {
            if !found.unready.is_empty() {
                let message = format!("no server to {}: none is ready", action.name());
                return Err(CliError::usage(message).into());
            }
            let left = counted(screened.skipped.len());
            return Err(CliError::usage(format!(
                "no server to {}: {left} skipped, and there are no others",
                action.name()
            ))
            .hint(
                "give the ids of the servers, or add --include-stopped to include stopped servers",
            )
            .into());
        }
        if screened.last.is_some() && screened.servers.len() > 1 && args.no_wait {
            return Err(CliError::usage(
                "--no-wait cannot be used: the server that ecsctl runs on comes last, after all others are done",
            )
            .hint("remove its id, or --no-wait")
            .into());
        }
        Ok(Self {
            ids: screened.servers,
            listed,
            last: screened.last,
            skipped: screened.skipped,
            unready: found.unready,
            are_read,
        })
    }
}

impl Servers {
    /// Returns all servers but the one that this process runs on.
    pub(super) fn others(&self) -> &[ServerId] {
        let others = self.ids.len() - usize::from(self.last.is_some());
        self.ids.get(..others).unwrap_or_default()
    }

    /// The id of a server, with its name as far as that is known. Searches all of them.
    pub(super) fn named(&self, id: ServerId) -> String {
        name_of(id, &self.listed)
    }
}

/// Returns the servers that the arguments select.
pub(super) fn selection(
    args: &Run,
    action: PowerAction,
    printer: &Printer,
) -> Result<GivenSelection, CliError> {
    let given = args.select.selection(&args.ids, args.all, printer)?;
    let Some(given) = given else {
        return Err(CliError::usage(format!("no server to {}", action.name()))
            .hint("give servers by id or name, in a file with --from-file, by a filter such as --tag, or all with --all"));
    };
    if args.include_stopped && given.selection.is_given() {
        return Err(CliError::usage(
            "--include-stopped is for --all and filters: servers that are given by id or name are never skipped",
        ));
    }
    Ok(given)
}
