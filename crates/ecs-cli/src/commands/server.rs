//! `server list` and `server show`.

use ecs_ops::model::{Server, ServerAction};
use ecs_ops::selection::ServerRef;
use ecs_ops::selection::{SelectError, Selection, SelectionProblem};

use super::known_runs::{self, KnownRun, KnownRuns};
use super::listed_names;
use crate::args::{DocumentFormat, GivenSelection, Global, ServerList, ServerShow};
use crate::connect::{Connection, Settings, connect};
use crate::exit::Exit;
use crate::fail::{CliError, chain};
use crate::journals::Journals;
use crate::render::{json, server_actions, servers as render};
use crate::server_input::{self, Purpose};
use crate::term::{Printer, Results};

/// Lists servers.
pub(crate) async fn list(
    args: &ServerList,
    global: &Global,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    super::selecting::check_stdin(&args.select, global)?;
    let given = args.select.selection(&args.servers, true, printer)?;
    let GivenSelection { selection, names } = given.unwrap_or_default();
    let connection = connect(global, &Settings::of_reads(), printer).await?;
    let mut servers = match connection.client.servers().select(&selection).await {
        Ok(selected) => {
            listed_names::warn(&names, &selected, printer);
            selected.servers
        }
        Err(SelectError::Selection(error)) if is_empty_result(error.problems()) => {
            printer.note(&format!("note: {error}"));
            Vec::new()
        }
        Err(error) => return Err(super::selecting::fail(&connection, error)),
    };
    if let Some(sort) = args.sort {
        render::sort(&mut servers, sort);
    }
    results.write(&render::list(&servers, args.format, &args.columns));
    Ok(Exit::Success)
}

/// Returns whether a selection is valid although no server fits it.
fn is_empty_result(problems: &[SelectionProblem]) -> bool {
    matches!(problems, [SelectionProblem::Nothing { .. }])
}

/// Shows servers.
pub(crate) async fn show(
    args: &ServerShow,
    global: &Global,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    let given = server_input::read(&args.servers, &[], None, Purpose::Select, printer)?;
    let connection = connect(global, &Settings::of_reads(), printer).await?;
    let servers = find(&connection, given.servers).await?;
    let folder = Journals::of(global).ok();
    let runs = KnownRuns::read(&args.journal, folder.as_ref(), printer)?;
    let mut shown = Vec::new();
    for server in servers {
        shown.push(ShownServer::read(server, &runs, &connection).await);
    }
    let servers = shown;
    results.write(&match args.output.format {
        DocumentFormat::Table => {
            let texts: Vec<String> = servers.iter().map(ShownServer::text).collect();
            texts.join("\n")
        }
        DocumentFormat::Json => json::document(&serde_json::json!({
            "version": json::VERSION,
            "servers": servers.iter().map(ShownServer::object).collect::<Vec<_>>(),
        })),
        DocumentFormat::Jsonl => servers
            .iter()
            .map(|server| json::line(&server.object()))
            .collect(),
    });
    Ok(Exit::Success)
}

/// A server with the actions on it.
struct ShownServer {
    server: Server,
    /// The actions recorded by the service, or why they could not be read.
    actions: Result<Vec<ServerAction>, String>,
    /// The runs found in journals.
    runs: Vec<KnownRun>,
}

impl ShownServer {
    async fn read(server: Server, runs: &KnownRuns, connection: &Connection) -> Self {
        let Some(id) = server.id else {
            return Self {
                server,
                actions: Ok(Vec::new()),
                runs: Vec::new(),
            };
        };
        let actions = connection.client.server_actions(id).await;
        Self {
            server,
            actions: actions.map_err(|error| chain(&error)),
            runs: runs.of(id, connection.project.as_str()),
        }
    }

    fn text(&self) -> String {
        let actions = match &self.actions {
            Ok(actions) => server_actions::lines(actions),
            Err(reason) => server_actions::unread(reason),
        };
        render::shown(&self.server) + &actions + &known_runs::text(&self.runs)
    }

    fn object(&self) -> serde_json::Value {
        let mut object = render::object(&self.server);
        match &self.actions {
            Ok(actions) => object["actions"] = server_actions::objects(actions),
            Err(reason) => {
                object["actions"] = serde_json::Value::Null;
                object["actions_error"] = reason.as_str().into();
            }
        }
        object["runs"] = serde_json::to_value(&self.runs).unwrap_or_default();
        object
    }
}

/// Reads the servers, one by one if only ids are given, because the project may be large.
async fn find(connection: &Connection, given: Vec<ServerRef>) -> Result<Vec<Server>, CliError> {
    let selection = Selection::of(given);
    let Some(ids) = selection.plain_ids() else {
        let selected = connection.client.servers().select(&selection).await;
        return match selected {
            Ok(selected) => Ok(selected.servers),
            Err(error) => Err(super::selecting::fail(connection, error)),
        };
    };
    let mut servers = Vec::new();
    for id in ids {
        let server = connection.client.server(id).await;
        servers.push(server.map_err(|error| {
            CliError::of_error(&format!("cannot show the server {id}"), &error)
        })?);
    }
    Ok(servers)
}
