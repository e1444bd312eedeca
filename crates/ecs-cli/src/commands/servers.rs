//! Which servers are acted on.

use std::time::Duration;

use ecs_ops::PowerAction;
use ecs_ops::model::{Server, ServerId};

use crate::args::Run;
use crate::connect::Connection;
use crate::exit::Exit;
use crate::fail::Fail;
use crate::ids::{self, IdFile};
use crate::term::Notes;

/// The servers of a run.
pub(super) struct Servers {
    pub(super) ids: Vec<ServerId>,
    /// Their ids, with their names as far as these are known.
    pub(super) named: Vec<String>,
    /// All servers of the project, if they were listed.
    pub(super) listed: Vec<Server>,
}

impl Servers {
    /// Those that were given, or all. Lists the project's servers if all are meant, or more has to be known of them.
    pub(super) async fn find(
        given: Option<Vec<ServerId>>,
        args: &Run,
        connection: &Connection,
        notes: &Notes,
    ) -> Result<Self, Fail> {
        let listed = match &given {
            Some(_) if !args.rolling.needs_attributes() => Vec::new(),
            _ => list(connection, args.deadline, notes).await?,
        };
        if let Some(ids) = given {
            let named = ids.iter().map(ToString::to_string).collect();
            return Ok(Self { ids, named, listed });
        }
        // A listed server has an id, or the listing fails.
        let with_name = |server: &Server| {
            let id = server.id?;
            Some(match &server.name {
                Some(name) => (id, format!("{id} {name}")),
                None => (id, id.to_string()),
            })
        };
        let (ids, named) = listed.iter().filter_map(with_name).unzip();
        Ok(Self { ids, named, listed })
    }
}

/// The ids that were given; nothing if all servers are meant.
pub(super) fn given(args: &Run, action: PowerAction) -> Result<Option<Vec<ServerId>>, Fail> {
    if args.all {
        return Ok(None);
    }
    let file = args.from_file.as_deref().map(IdFile::read).transpose()?;
    let given = ids::parse("server", &args.ids, file.as_ref())?;
    if given.is_empty() {
        let message = match &file {
            Some(file) => format!(
                "no server to {}: there is no id in {}",
                action.name(),
                file.name()
            ),
            None => format!("no server to {}", action.name()),
        };
        return Err(Fail::usage(message)
            .hint("name servers by their ids, or in a file with --from-file, or all with --all"));
    }
    Ok(Some(given))
}

/// All servers of the project.
async fn list(
    connection: &Connection,
    deadline: Option<Duration>,
    notes: &Notes,
) -> Result<Vec<Server>, Fail> {
    let place = format!("project {} at {}", connection.project, connection.place());
    notes.note(&format!("listing the servers of {place}"));
    let listing = connection.client.servers();
    let listed = match deadline {
        Some(deadline) => tokio::time::timeout(deadline, listing).await.map_err(|_| {
            Fail::new(
                Exit::Stopped,
                format!("the deadline came while the servers of {place} were listed"),
            )
            .hint("nothing was sent; give it more time with --deadline")
        })?,
        None => listing.await,
    };
    let servers = listed
        .map_err(|error| Fail::of_error(&format!("cannot list the servers of {place}"), &error))?;
    match servers.is_empty() {
        true => Err(Fail::usage(format!("there is no server in {place}"))
            .hint("check the project and the region")),
        false => Ok(servers),
    }
}
