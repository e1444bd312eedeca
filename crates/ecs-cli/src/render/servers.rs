//! Servers as text, CSV and JSON.

use std::cmp::Ordering;

use ecs_ops::model::{Addresses, Server};
use serde_json::{Value, json};

use super::json;
use super::text_table::TextTable;
use crate::args::{Column, ListFormat, Sort};

const TABLE: &[Column] = &[
    Column::Id,
    Column::Name,
    Column::Status,
    Column::Az,
    Column::Tags,
];
/// The number of columns that are shown at any width: the id, the name and the status.
const FEWEST: usize = 3;
const WIDE: &[Column] = &[
    Column::Id,
    Column::Name,
    Column::Status,
    Column::Task,
    Column::Az,
    Column::Flavor,
    Column::Addresses,
    Column::Updated,
    Column::Tags,
];

/// Sorts servers. Equal ones stay in their order, and those without a value come last.
pub(crate) fn sort(servers: &mut [Server], sort: Sort) {
    servers.sort_by(|one, other| {
        let (one, other) = (cell(one, sort.column), cell(other, sort.column));
        match (one.is_empty(), other.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) if sort.descending => other.cmp(&one),
            (false, false) => one.cmp(&other),
        }
    });
}

/// Formats the list. `columns` replaces those of the format.
pub(crate) fn list(servers: &[Server], format: ListFormat, columns: &[Column]) -> String {
    let or = |defaults: &'static [Column]| -> Vec<Column> {
        if columns.is_empty() {
            defaults.to_vec()
        } else {
            columns.to_vec()
        }
    };
    match format {
        ListFormat::Table => {
            // Requested columns are never omitted.
            let may_vanish = if columns.is_empty() {
                FEWEST
            } else {
                usize::MAX
            };
            let width = super::text_table::stdout_width();
            table(servers, &or(TABLE), width, may_vanish)
        }
        ListFormat::Wide => table(servers, &or(WIDE), None, usize::MAX),
        ListFormat::Csv => csv(servers, &or(WIDE)),
        ListFormat::Json => json::document(&document(servers)),
        ListFormat::Jsonl => servers
            .iter()
            .map(|server| json::line(&object(server)))
            .collect(),
        ListFormat::Id => lines(servers, Column::Id),
        ListFormat::Name => lines(servers, Column::Name),
    }
}

fn lines(servers: &[Server], column: Column) -> String {
    let cells = servers
        .iter()
        .map(|server| crate::term::clean(&cell(server, column)) + "\n");
    cells.collect()
}

/// Formats a table. The columns from `may_vanish` on are omitted, the last one first, if the table does not fit
/// `width`.
fn table(
    servers: &[Server],
    columns: &[Column],
    width: Option<usize>,
    may_vanish: usize,
) -> String {
    let header: Vec<&str> = columns.iter().copied().map(title).collect();
    let mut table = TextTable::new(&header);
    for (index, column) in columns.iter().enumerate() {
        if matches!(
            column,
            Column::Tags | Column::Addresses | Column::Fault | Column::Name
        ) {
            table.may_shrink(index);
        }
    }
    table.may_vanish((may_vanish..columns.len()).rev());
    for server in servers {
        table.row(columns.iter().map(|column| match cell(server, *column) {
            cell if cell.is_empty() => "-".to_owned(),
            cell => cell,
        }));
    }
    table.render(width)
}

fn csv(servers: &[Server], columns: &[Column]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = columns
        .iter()
        .map(|column| title(*column).to_ascii_lowercase());
    // Writing to memory does not fail.
    let mut written = writer.write_record(header);
    for server in servers {
        let record = columns
            .iter()
            .map(|column| crate::term::clean(&cell(server, *column)));
        written = written.and(writer.write_record(record));
    }
    match (written, writer.into_inner()) {
        (Ok(()), Ok(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        _ => String::new(),
    }
}

fn title(column: Column) -> &'static str {
    match column {
        Column::Id => "ID",
        Column::Name => "NAME",
        Column::Status => "STATUS",
        Column::Task => "TASK",
        Column::Az => "AZ",
        Column::Flavor => "FLAVOR",
        Column::Addresses => "ADDRESSES",
        Column::Tags => "TAGS",
        Column::Locked => "LOCKED",
        Column::Created => "CREATED",
        Column::Updated => "UPDATED",
        Column::Host => "HOST",
        Column::EnterpriseProject => "ENTERPRISE_PROJECT",
        Column::Fault => "FAULT",
    }
}

/// Returns the value of a column; empty if the service does not have it.
fn cell(server: &Server, column: Column) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    match column {
        Column::Id => server.id.map(|id| id.to_string()).unwrap_or_default(),
        Column::Name => text(&server.name),
        Column::Status => server
            .status
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        Column::Task => text(&server.task_state),
        Column::Az => text(&server.availability_zone),
        Column::Flavor => server
            .flavor
            .as_ref()
            .and_then(|flavor| flavor.id.clone())
            .unwrap_or_default(),
        Column::Addresses => addresses(server).join(","),
        Column::Tags => server.tags.as_deref().unwrap_or_default().join(","),
        Column::Locked => server
            .locked
            .map(|locked| locked.to_string())
            .unwrap_or_default(),
        Column::Created => text(&server.created),
        Column::Updated => text(&server.updated),
        Column::Host => text(&server.host_id),
        Column::EnterpriseProject => enterprise_project(server).unwrap_or_default().to_owned(),
        Column::Fault => server
            .fault
            .as_ref()
            .and_then(|fault| fault.message.clone())
            .unwrap_or_default(),
    }
}

fn addresses(server: &Server) -> Vec<&str> {
    let addresses = server.addresses.iter().flat_map(Addresses::iter);
    addresses
        .filter_map(|address| address.addr.as_deref())
        .collect()
}

fn enterprise_project(server: &Server) -> Option<&str> {
    let tags = server.sys_tags.iter().flatten();
    let tagged = tags
        .filter(|tag| tag.key.as_deref() == Some("_sys_enterprise_project_id"))
        .find_map(|tag| tag.value.as_deref());
    server.enterprise_project_id.as_deref().or(tagged)
}

/// Returns all servers as one document.
pub(crate) fn document(servers: &[Server]) -> Value {
    json!({
        "version": json::VERSION,
        "servers": servers.iter().map(object).collect::<Vec<_>>(),
    })
}

/// Returns a server as an object, with null for missing values.
pub(crate) fn object(server: &Server) -> Value {
    json!({
        "id": server.id,
        "name": server.name,
        "status": server.status,
        "task_state": server.task_state,
        "vm_state": server.vm_state,
        "power_state": server.power_state,
        "availability_zone": server.availability_zone,
        "flavor": server.flavor.as_ref().and_then(|flavor| flavor.id.as_deref()),
        "addresses": addresses(server),
        "tags": server.tags.as_deref().unwrap_or_default(),
        "locked": server.locked,
        "created": server.created,
        "updated": server.updated,
        "launched_at": server.launched_at,
        "host_id": server.host_id,
        "enterprise_project_id": enterprise_project(server),
        "server_groups": server.scheduler_hints.as_ref().and_then(|hints| hints.group.as_deref()).unwrap_or_default(),
        "fault": server.fault.as_ref().and_then(|fault| fault.message.as_deref()),
    })
}

/// Formats a server: a line for each known value.
pub(crate) fn shown(server: &Server) -> String {
    let lines: &[(&str, Column)] = &[
        ("id", Column::Id),
        ("name", Column::Name),
        ("status", Column::Status),
        ("task", Column::Task),
        ("locked", Column::Locked),
        ("fault", Column::Fault),
        ("zone", Column::Az),
        ("flavor", Column::Flavor),
        ("addresses", Column::Addresses),
        ("tags", Column::Tags),
        ("created", Column::Created),
        ("updated", Column::Updated),
        ("host", Column::Host),
        ("enterprise project", Column::EnterpriseProject),
    ];
    let mut text = String::new();
    for (label, column) in lines {
        let value = crate::term::clean(&cell(server, *column));
        if !value.is_empty() {
            text.push_str(&format!("{label:<20}{value}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests;
