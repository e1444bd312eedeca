//! What is looked at before a run: the states of its servers, the machine that we run on, and groups of auto-scaling.
//!
//! All of it only reads. So each run has read something before it acts, and credentials, a project or a service that do not
//! work are found out while nothing was sent.

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

use crate::args::Run;
use crate::connect::Connection;
use crate::exit::Exit;
use crate::fail::Fail;
use crate::store::Store;
use crate::term::Notes;

pub(super) use messages::name_of;
pub(super) use resumed::resumed;

/// How long the Auto Scaling service may take: a run should not wait for one that is not there.
const SCALING_LIMIT: Duration = Duration::from_secs(20);

/// What is known of the servers of a run.
#[derive(Debug)]
pub(super) enum Known {
    /// All servers of the project.
    Listed(Vec<Server>),
    /// Those that a selection means, in its order.
    Selected(Selected),
    /// Those that were named.
    LookedUp(Lookup),
    /// Nothing, and why; no reason is needed where nobody wanted to know.
    Unchecked(Option<String>),
    /// Nothing, because nothing answers: a dry run shows its plan all the same.
    OutOfReach,
}

impl Known {
    /// Whether the states of the servers were read.
    pub(super) fn is_read(&self) -> bool {
        matches!(
            self,
            Self::Listed(_) | Self::Selected(_) | Self::LookedUp(_)
        )
    }

    /// The servers of which something is known.
    pub(super) fn servers(&self) -> &[Server] {
        match self {
            Self::Listed(servers) => servers,
            Self::Selected(selected) => &selected.servers,
            Self::LookedUp(lookup) => &lookup.servers,
            Self::Unchecked(_) | Self::OutOfReach => &[],
        }
    }
}

/// What is known of groups of auto-scaling.
#[derive(Debug)]
enum Scaling {
    /// The action harms no member, or that was allowed.
    NotNeeded,
    Known(ScalingMembers),
    /// It was not checked, and why.
    Unchecked(String),
}

/// Why a run does not begin.
#[derive(Debug)]
pub(super) enum NotBegun {
    /// What was asked for cannot be done.
    Fail(Fail),
    /// The servers that were named could not be looked at, and acting on them would not end better.
    OutOfReach(Error),
}

impl From<Fail> for NotBegun {
    fn from(fail: Fail) -> Self {
        Self::Fail(fail)
    }
}

/// What was looked at, and what follows.
#[derive(Debug)]
pub(super) struct Preflight {
    pub(super) known: Known,
    pub(super) screened: Screened,
    /// Those that are not ready, and are not sent.
    pub(super) unready: Vec<UnreadyServer>,
}

/// Looks at what a run needs, says what has to be known before it is confirmed, and refuses what must not be sent.
pub(super) async fn run(
    selection: &Selection,
    action: PowerAction,
    args: &Run,
    connection: &Connection,
    store: Option<&Store>,
    notes: &Notes,
) -> Result<Preflight, NotBegun> {
    let looking = async {
        let states = known(selection, args, connection, notes);
        let (own, known) = tokio::join!(connection.own_server(), states);
        // After the first read: credentials that are refused are used once.
        let scaling = match &known {
            Ok(Known::OutOfReach) | Err(_) => Scaling::NotNeeded,
            Ok(_) => scaling(action, Members::of(args), connection).await,
        };
        (own, known, scaling)
    };
    let looking = reassuring(looking, connection, notes);
    let (own, known, scaling) = within(args.deadline, connection, looking).await?;
    let known = known?;
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
    // Those that another run of the store acts on are busy with that: `--held` decides.
    let held = match store {
        Some(store) => store.held(connection, &preflight.screened.servers).await?,
        None => Vec::new(),
    };
    let held = held.iter().map(|held| held.id).collect();
    readiness::check(&mut preflight, action, args, &held, notes)?;
    messages::print(&preflight, action, args, notes);
    if let Scaling::Unchecked(why) = &scaling {
        notes.note(&messages::not_checked(why));
    }
    if let Scaling::Known(members) = &scaling {
        let servers = preflight.known.servers();
        messages::refuse_members(&preflight.screened.servers, servers, members, notes)?;
    }
    Ok(preflight)
}

/// Servers by their ids.
pub(super) fn by_id(servers: &[Server]) -> HashMap<ServerId, &Server> {
    servers
        .iter()
        .filter_map(|server| Some((server.id?, server)))
        .collect()
}

/// After this time without an end of the reads it is said what they wait for.
const SILENCE: Duration = Duration::from_secs(3);

/// Says what is waited for, if that takes long.
async fn reassuring<T>(
    looking: impl Future<Output = T>,
    connection: &Connection,
    notes: &Notes,
) -> T {
    let mut looking = std::pin::pin!(looking);
    tokio::select! {
        biased;
        looked = &mut looking => return looked,
        () = tokio::time::sleep(SILENCE) => {}
    }
    notes.note(&format!(
        "still reading the state of the servers at {}",
        connection.place()
    ));
    looking.await
}

/// No longer than a run may take.
async fn within<T>(
    deadline: Option<Duration>,
    connection: &Connection,
    looking: impl Future<Output = T>,
) -> Result<T, Fail> {
    let Some(deadline) = deadline else {
        return Ok(looking.await);
    };
    tokio::time::timeout(deadline, looking).await.map_err(|_| {
        let place = messages::place(connection);
        Fail::new(
            Exit::Stopped,
            format!("the deadline came while the servers of {place} were listed"),
        )
        .hint("nothing was sent; give it more time with --deadline")
    })
}

/// What is known of the servers.
async fn known(
    selection: &Selection,
    args: &Run,
    connection: &Connection,
    notes: &Notes,
) -> Result<Known, NotBegun> {
    let Some(ids) = selection.plain_ids() else {
        return if selection.is_all() {
            Ok(Known::Listed(list(connection, notes).await?))
        } else {
            Ok(Known::Selected(select(selection, connection, notes).await?))
        };
    };
    if args.rolling.needs_attributes() {
        return Ok(Known::Listed(list(connection, notes).await?));
    }
    if args.no_preflight {
        return Ok(Known::Unchecked(None));
    }
    match connection.client.look_up(&ids).await {
        Ok(lookup) => Ok(Known::LookedUp(lookup)),
        Err(error) if leaves_actions_possible(&error) => {
            Ok(Known::Unchecked(Some(error.to_string())))
        }
        // A rehearsal shows the plan all the same.
        Err(error) if args.dry_run && error.problem().status() != Some(401) => {
            notes.warn(&format!(
                "cannot read the state of the servers, so a run would send nothing: {error}"
            ));
            Ok(Known::OutOfReach)
        }
        Err(error) if error.kind() == ErrorKind::NotTheService => {
            let message = format!("nothing was sent: {}", error.problem());
            Err(NotBegun::Fail(Fail::with_hint(&error, message)))
        }
        Err(error) => Err(NotBegun::OutOfReach(error)),
    }
}

/// Whether acting may be possible although looking was refused: the service itself says that looking is not permitted, or
/// that it does not have it.
fn leaves_actions_possible(error: &Error) -> bool {
    let refused = matches!(error.kind(), ErrorKind::Credentials | ErrorKind::Refused);
    let by_the_service = error.code().is_some();
    refused && by_the_service && error.problem().status() != Some(401)
}

/// All servers of the project.
async fn list(connection: &Connection, notes: &Notes) -> Result<Vec<Server>, Fail> {
    let place = messages::place(connection);
    notes.note(&format!("listing the servers of {place}"));
    let listed = connection.client.servers().await;
    let servers = listed
        .map_err(|error| Fail::of_error(&format!("cannot list the servers of {place}"), &error))?;
    match servers.is_empty() {
        true => Err(Fail::usage(format!("there is no server in {place}"))
            .hint("check the project and the region")),
        false => Ok(servers),
    }
}

/// The servers that a selection means.
async fn select(
    selection: &Selection,
    connection: &Connection,
    notes: &Notes,
) -> Result<Selected, Fail> {
    let place = messages::place(connection);
    notes.note(&format!("listing the servers of {place}"));
    let selected = connection.client.servers().select(selection).await;
    selected.map_err(|error| super::selecting::fail(connection, error))
}

/// What was asked for about members of groups of auto-scaling.
#[derive(Clone, Copy)]
struct Members {
    /// Whether they may be acted on.
    allowed: bool,
    /// Whether nobody is to be asked.
    unread: bool,
}

impl Members {
    fn of(args: &Run) -> Self {
        Self {
            allowed: args.allow_autoscaling_members,
            unread: args.no_preflight,
        }
    }
}

/// Which servers are members of groups of auto-scaling.
async fn scaling(action: PowerAction, wanted: Members, connection: &Connection) -> Scaling {
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
        Ok(Err(error)) => Scaling::Unchecked(error.to_string()),
        Err(_) => Scaling::Unchecked(format!(
            "the Auto Scaling service did not answer within {} s",
            SCALING_LIMIT.as_secs()
        )),
    }
}
