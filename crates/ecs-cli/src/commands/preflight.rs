//! The preflight of a run: reads the states of its servers, the server that `ecsctl` runs on, and auto-scaling groups.
//!
//! Because of these reads, wrong credentials, a wrong project or an unreachable service are found before anything is
//! sent.

mod messages;
mod readiness;
mod resumed;
mod rights;

use std::collections::HashMap;
use std::time::Duration;

use ecs_ops::PowerAction;
use ecs_ops::fleet::{
    Choice, Lookup, ScalingMembers, Screen, Screened, UnreadyServer, endangers_members,
};
use ecs_ops::model::{Server, ServerId};
use ecs_ops::selection::{Selected, Selection};
use ecs_ops::{Error, ErrorKind};

use super::listed_names;
use crate::args::{GivenSelection, Run};
use crate::connect::Connection;
use crate::exit::Exit;
use crate::fail::CliError;
use crate::store::Store;
use crate::term::Printer;

pub(super) use messages::name_of;
pub(super) use resumed::resumed;

/// The time limit of the Auto Scaling service, so that a run does not wait for an unreachable one.
const SCALING_LIMIT: Duration = Duration::from_secs(20);

/// The read servers of a run.
#[derive(Debug)]
pub(super) enum Known {
    /// All servers of the project.
    Listed(Vec<Server>),
    /// The servers of a selection, in its order.
    Selected(Selected),
    /// The servers that were given by id or name.
    LookedUp(Lookup),
    /// No servers were read, for this reason; `None` if the user chose not to read them.
    Unchecked(Option<String>),
    /// No servers were read, because the service does not answer. Only a dry run continues.
    OutOfReach,
}

impl Known {
    /// Returns whether the states of the servers were read.
    pub(super) fn is_read(&self) -> bool {
        matches!(
            self,
            Self::Listed(_) | Self::Selected(_) | Self::LookedUp(_)
        )
    }

    /// Returns the servers that were read.
    pub(super) fn servers(&self) -> &[Server] {
        match self {
            Self::Listed(servers) => servers,
            Self::Selected(selected) => &selected.servers,
            Self::LookedUp(lookup) => &lookup.servers,
            Self::Unchecked(_) | Self::OutOfReach => &[],
        }
    }

    /// Returns the servers that were given and that the filters skip.
    fn skipped(&self) -> &[Server] {
        match self {
            Self::Selected(selected) => &selected.skipped,
            _ => &[],
        }
    }
}

/// The membership of servers in auto-scaling groups.
#[derive(Debug)]
enum Scaling {
    /// Not needed: the action harms no member, or members are allowed.
    NotNeeded,
    Known(ScalingMembers),
    /// Not checked, for this reason.
    Unchecked(String),
}

/// The reason that a run does not begin.
#[derive(Debug)]
pub(super) enum NotBegun {
    /// The command cannot be carried out.
    Failed(CliError),
    /// The given servers could not be read, and requests to act on them would fail as well.
    OutOfReach(Error),
}

impl From<CliError> for NotBegun {
    fn from(fail: CliError) -> Self {
        Self::Failed(fail)
    }
}

/// The result of a preflight.
#[derive(Debug)]
pub(super) struct Preflight {
    pub(super) known: Known,
    pub(super) screened: Screened,
    /// The servers that are not ready and are not sent.
    pub(super) unready: Vec<UnreadyServer>,
}

/// Reads what a run needs, prints what the user must know before confirming, and refuses what must not be sent.
pub(super) async fn run(
    given: &GivenSelection,
    action: PowerAction,
    args: &Run,
    connection: &Connection,
    store: Option<&Store>,
    printer: &Printer,
) -> Result<Preflight, NotBegun> {
    let selection = &given.selection;
    let checks = async {
        let states = known(selection, args, connection, printer);
        let (own, known) = tokio::join!(connection.own_server(), states);
        // After the first read, so that refused credentials are used only once.
        let scaling = match &known {
            Ok(Known::OutOfReach) | Err(_) => Scaling::NotNeeded,
            Ok(_) => scaling(action, MembersPolicy::of(args), connection).await,
        };
        (own, known, scaling)
    };
    let checks = report_slow_reads(checks, connection, printer);
    let (own, known, scaling) = within(args.deadline, connection, checks).await?;
    let known = known?;
    let read = known.servers().iter().chain(known.skipped());
    listed_names::check(&given.names, read, args)?;
    let choice = if selection.is_given() {
        Choice::Named
    } else {
        Choice::Selected
    };
    let screen = Screen::new(action, choice)
        .include_stopped(args.include_stopped)
        .own_server(own);
    let screened = match selection.plain_ids() {
        None => screen.screen(
            known
                .servers()
                .iter()
                .filter_map(|server| Some((server.id?, Some(server)))),
        ),
        Some(ids) => {
            let by_id = by_id(known.servers());
            let known_of = |id: &ServerId| by_id.get(id).copied();
            screen.screen(ids.iter().map(|id| (*id, known_of(id))))
        }
    };
    rights::check(&known, args, connection).await?;
    let mut preflight = Preflight {
        known,
        screened,
        unready: Vec::new(),
    };
    // Servers that another run of the store acts on may be busy because of it; `--held` decides about them.
    let held = match store {
        Some(store) => store.held(connection, &preflight.screened.servers).await?,
        None => Vec::new(),
    };
    let held = held.iter().map(|held| held.id).collect();
    readiness::check(&mut preflight, action, args, &held, printer)?;
    messages::print(&preflight, action, args, printer);
    if let Scaling::Unchecked(reason) = &scaling {
        printer.note(&messages::not_checked(reason));
    }
    if let Scaling::Known(members) = &scaling {
        let servers = preflight.known.servers();
        messages::refuse_members(&preflight.screened.servers, servers, members, printer)?;
    }
    Ok(preflight)
}

/// Returns servers by their ids.
pub(super) fn by_id(servers: &[Server]) -> HashMap<ServerId, &Server> {
    servers
        .iter()
        .filter_map(|server| Some((server.id?, server)))
        .collect()
}

/// The time after which a message reports slow reads.
const SILENCE: Duration = Duration::from_secs(3);

/// Prints a message if the reads take long.
async fn report_slow_reads<T>(
    checks: impl Future<Output = T>,
    connection: &Connection,
    printer: &Printer,
) -> T {
    let mut checks = std::pin::pin!(checks);
    tokio::select! {
        biased;
        looked = &mut checks => return looked,
        () = tokio::time::sleep(SILENCE) => {}
    }
    printer.note(&format!(
        "still reading the state of the servers at {}",
        connection.place()
    ));
    checks.await
}

/// Limits the reads to the deadline of the run.
async fn within<T>(
    deadline: Option<Duration>,
    connection: &Connection,
    checks: impl Future<Output = T>,
) -> Result<T, CliError> {
    let Some(deadline) = deadline else {
        return Ok(checks.await);
    };
    tokio::time::timeout(deadline, checks).await.map_err(|_| {
        let place = messages::place(connection);
        CliError::new(
            Exit::Stopped,
            format!("the deadline passed while the servers of {place} were listed"),
        )
        .hint("nothing was sent; give it more time with --deadline")
    })
}

/// Reads the servers of a run.
async fn known(
    selection: &Selection,
    args: &Run,
    connection: &Connection,
    printer: &Printer,
) -> Result<Known, NotBegun> {
    let Some(ids) = selection.plain_ids() else {
        return if selection.is_all() {
            Ok(Known::Listed(list(connection, printer).await?))
        } else {
            Ok(Known::Selected(
                select(selection, connection, printer).await?,
            ))
        };
    };
    if args.rolling.needs_attributes() {
        return Ok(Known::Listed(list(connection, printer).await?));
    }
    if args.no_preflight {
        return Ok(Known::Unchecked(None));
    }
    match connection.client.look_up(&ids).await {
        Ok(lookup) => Ok(Known::LookedUp(lookup)),
        Err(error) if leaves_actions_possible(&error) => {
            Ok(Known::Unchecked(Some(error.problem().to_string())))
        }
        // A dry run shows the plan anyway.
        Err(error) if args.dry_run && error.problem().status() != Some(401) => {
            printer.warn(&format!(
                "cannot read the state of the servers, so a run would send nothing: {}",
                error.problem()
            ));
            Ok(Known::OutOfReach)
        }
        Err(error) if error.kind() == ErrorKind::NotTheService => {
            let message = format!("nothing was sent: {}", error.problem());
            Err(NotBegun::Failed(CliError::with_hint(&error, message)))
        }
        Err(error) => Err(NotBegun::OutOfReach(error)),
    }
}

/// Returns whether an action may succeed although the read was refused: the service itself answered that reading is
/// not permitted, or not available.
fn leaves_actions_possible(error: &Error) -> bool {
    let refused = matches!(error.kind(), ErrorKind::Credentials | ErrorKind::Refused);
    let by_the_service = error.code().is_some();
    refused && by_the_service && error.problem().status() != Some(401)
}

/// Lists all servers of the project.
async fn list(connection: &Connection, printer: &Printer) -> Result<Vec<Server>, CliError> {
    let place = messages::place(connection);
    printer.note(&format!("listing the servers of {place}"));
    let listed = connection.client.servers().await;
    let servers = listed.map_err(|error| {
        CliError::of_error(&format!("cannot list the servers of {place}"), &error)
    })?;
    if servers.is_empty() {
        Err(CliError::usage(format!("there is no server in {place}"))
            .hint("check the project and the region"))
    } else {
        Ok(servers)
    }
}

/// Lists the servers of a selection.
async fn select(
    selection: &Selection,
    connection: &Connection,
    printer: &Printer,
) -> Result<Selected, CliError> {
    let place = messages::place(connection);
    printer.note(&format!("listing the servers of {place}"));
    let selected = connection.client.servers().select(selection).await;
    selected.map_err(|error| super::selecting::fail(connection, error))
}

/// The user's options about members of auto-scaling groups.
#[derive(Clone, Copy)]
struct MembersPolicy {
    /// `true` if they may be acted on.
    allowed: bool,
    /// `true` if the check is switched off.
    unread: bool,
}

impl MembersPolicy {
    fn of(args: &Run) -> Self {
        Self {
            allowed: args.allow_autoscaling_members,
            unread: args.no_preflight,
        }
    }
}

/// Reads which servers are members of auto-scaling groups.
async fn scaling(action: PowerAction, wanted: MembersPolicy, connection: &Connection) -> Scaling {
    if !endangers_members(action) || wanted.allowed {
        return Scaling::NotNeeded;
    }
    if wanted.unread {
        return Scaling::Unchecked("--no-preflight".to_owned());
    }
    let Some(client) = &connection.scaling else {
        return Scaling::Unchecked(
            "the address of the Auto Scaling service is not known here; --as-endpoint names it"
                .to_owned(),
        );
    };
    match tokio::time::timeout(SCALING_LIMIT, ScalingMembers::read(client)).await {
        Ok(Ok(members)) => Scaling::Known(members),
        Ok(Err(error)) => Scaling::Unchecked(error.problem().to_string()),
        Err(_) => Scaling::Unchecked(format!(
            "the Auto Scaling service did not answer within {} s",
            SCALING_LIMIT.as_secs()
        )),
    }
}
