//! `server actions`.

use ecs_ops::model::ServerId;

use crate::args::{DocumentFormat, Global, ServerActions};
use crate::connect::{Settings, connect};
use crate::exit::Exit;
use crate::fail::Fail;
use crate::ids;
use crate::render::{json, server_actions as render};
use crate::term::{Notes, Results};

/// Shows what was done to servers.
pub(crate) async fn run(
    args: &ServerActions,
    global: &Global,
    notes: &Notes,
    results: &mut Results,
) -> Result<Exit, Fail> {
    let ids: Vec<ServerId> = ids::parse("server", &args.ids)?;
    let connection = connect(global, &Settings::of_reads(), notes).await?;
    let mut servers = Vec::new();
    for id in ids {
        let actions = connection.client.server_actions(id).await;
        let actions = actions.map_err(|error| {
            Fail::of_error(&format!("cannot read the actions on server {id}"), &error)
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
