//! `server actions`: the actions on servers, by the service's records.

use ecs_ops::model::ServerId;
use ecs_ops::selection::Selection;
use ecs_ops::selection::ServerRef;

use crate::args::{DocumentFormat, Global, ServerActions};
use crate::connect::{Connection, Settings, connect};
use crate::exit::Exit;
use crate::fail::CliError;
use crate::render::{json, server_actions as render};
use crate::server_input::{self, Purpose};
use crate::term::{Printer, Results};

/// Prints the actions on servers.
pub(crate) async fn run(
    args: &ServerActions,
    global: &Global,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    let given = server_input::read(&args.servers, &[], None, Purpose::Select, printer)?;
    let connection = connect(global, &Settings::of_reads(), printer).await?;
    let ids = ids_of(&connection, given.servers).await?;
    let mut servers = Vec::new();
    for id in ids {
        let actions = connection.client.server_actions(id).await;
        let actions = actions.map_err(|error| {
            CliError::of_error(&format!("cannot read the actions on server {id}"), &error)
        })?;
        servers.push((id, actions));
    }
    results.write(&match args.output.format {
        DocumentFormat::Table => render::table(&servers),
        DocumentFormat::Json => json::document(&render::document(&servers)),
        DocumentFormat::Jsonl => servers
            .iter()
            .map(|(id, actions)| json::line(&render::object(*id, actions)))
            .collect(),
    });
    Ok(Exit::Success)
}

/// Returns the ids of the servers. Reads nothing if only ids are given, because a deleted server has actions, too.
async fn ids_of(connection: &Connection, given: Vec<ServerRef>) -> Result<Vec<ServerId>, CliError> {
    let selection = Selection::of(given);
    if let Some(ids) = selection.plain_ids() {
        return Ok(ids.into_iter().collect());
    }
    let selected = connection.client.servers().select(&selection).await;
    let selected = selected.map_err(|error| super::selecting::fail(connection, error))?;
    let servers = selected.servers.into_iter();
    Ok(servers.filter_map(|server| server.id).collect())
}
