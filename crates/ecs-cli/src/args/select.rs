//! The selection of servers: files and filters, shared by all commands that take servers.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use ecs_ops::model::ServerStatus;
use ecs_ops::selection::{AddressFilter, NamePattern, Selection, TagFilter};
use jiff::Timestamp;

use crate::fail::CliError;
use crate::server_file::FileFormat;
use crate::server_input::{self, GivenServers, ListedNames, Purpose};
use crate::term::Printer;

/// A selection, and what the files say about its servers.
#[derive(Clone, Debug, Default)]
pub(crate) struct GivenSelection {
    pub(crate) selection: Selection,
    /// The names that the files have beside ids.
    pub(crate) names: ListedNames,
}

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Choosing servers")]
pub(crate) struct Select {
    /// Read servers from FILE (`-`: stdin): ids or names, one per line; CSV, JSON or YAML of openstack, KooCLI or
    /// terraform; a report or journal of ecsctl. Repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) from_file: Vec<PathBuf>,
    /// Read the files in this format instead of recognizing it
    #[arg(long, value_name = "FORMAT", value_enum, requires = "from_file")]
    pub(crate) from_format: Option<FileFormat>,
    /// Servers whose whole name matches this pattern: `web-*`, `db-0?`, `{web,app}-1`. Repeat to widen
    #[arg(long, value_name = "PATTERN", value_parser = NamePattern::glob)]
    pub(crate) name: Vec<NamePattern>,
    /// Servers whose name matches this regular expression. Repeat to widen
    #[arg(long, value_name = "REGEX", value_parser = NamePattern::regex)]
    pub(crate) name_regex: Vec<NamePattern>,
    /// Servers with this tag: KEY, KEY=VALUE, or KEY=VALUE1,VALUE2 for either value. Repeat to narrow
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Vec<TagFilter>,
    /// Servers without this tag, written as for --tag. Repeatable
    #[arg(long, value_name = "TAG")]
    pub(crate) not_tag: Vec<TagFilter>,
    /// Servers in this status, such as ACTIVE or SHUTOFF. Repeat to widen
    #[arg(long, value_name = "STATUS", value_parser = status)]
    pub(crate) status: Vec<ServerStatus>,
    /// Servers in this availability zone. Repeat to widen
    #[arg(long, value_name = "ZONE")]
    pub(crate) az: Vec<String>,
    /// Servers of this flavor, such as s3.large.2. Repeat to widen
    #[arg(long, value_name = "FLAVOR")]
    pub(crate) flavor: Vec<String>,
    /// Servers with this address, or an address in this network (10.0.0.0/24). Repeat to widen
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) ip: Vec<AddressFilter>,
    /// Servers of the enterprise project with this id. Repeat to widen
    #[arg(long, value_name = "ID")]
    pub(crate) enterprise_project: Vec<String>,
    /// Members of the server group with this id. Repeat to widen
    #[arg(long, value_name = "ID")]
    pub(crate) server_group: Vec<String>,
    /// Servers created before this: an age (30d, 12h) or a time (2026-01-31, 2026-01-31T08:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = point_in_time)]
    pub(crate) older_than: Option<Timestamp>,
    /// Servers that have not changed since this, so cannot have been restarted since: an age (7d) or a time. A server
    /// that changed later for another reason is omitted too
    #[arg(long, value_name = "TIME", value_parser = point_in_time)]
    pub(crate) not_restarted_since: Option<Timestamp>,
    /// Exclude this server, by id or name, or the servers in @FILE. Repeatable
    #[arg(long, value_name = "SERVER|@FILE")]
    pub(crate) exclude: Vec<String>,
}

impl Select {
    /// Returns whether a filter is given.
    pub(crate) fn has_filters(&self) -> bool {
        !(self.name.is_empty()
            && self.name_regex.is_empty()
            && self.tag.is_empty()
            && self.not_tag.is_empty()
            && self.status.is_empty()
            && self.az.is_empty()
            && self.flavor.is_empty()
            && self.ip.is_empty()
            && self.enterprise_project.is_empty()
            && self.server_group.is_empty()
            && self.older_than.is_none()
            && self.not_restarted_since.is_none())
    }

    /// Returns whether servers are read from stdin.
    pub(crate) fn reads_stdin(&self) -> bool {
        let excluded = self.exclude.iter().any(|server| server == "@-");
        excluded
            || self
                .from_file
                .iter()
                .any(|path| server_input::is_stdin(path))
    }

    /// Reads the files and returns the selection. `Ok(None)`: no server and no filter is given, and `all` is false.
    pub(crate) fn selection(
        &self,
        servers: &[String],
        all: bool,
        printer: &Printer,
    ) -> Result<Option<GivenSelection>, CliError> {
        let from_stdin = self
            .from_file
            .iter()
            .filter(|path| server_input::is_stdin(path));
        let excluded = self.exclude.iter().filter(|server| *server == "@-");
        if from_stdin.count() + excluded.count() > 1 {
            return Err(CliError::usage(
                "stdin can be read only once, for --from-file or for --exclude; nothing was sent",
            ));
        }
        let (files, format) = (&self.from_file, self.from_format);
        let given = server_input::read(servers, files, format, Purpose::Select, printer)?;
        let selection = if !given.servers.is_empty() {
            Selection::of(given.servers)
        } else if !self.from_file.is_empty() {
            let files: Vec<String> = self
                .from_file
                .iter()
                .map(|path| server_input::name_of(path))
                .collect();
            return Err(CliError::usage(format!(
                "no server in {}; nothing was sent",
                files.join(", ")
            )));
        } else if all || self.has_filters() {
            Selection::all()
        } else {
            return Ok(None);
        };
        Ok(Some(GivenSelection {
            selection: self.narrow(selection, printer)?,
            names: given.names,
        }))
    }

    fn narrow(&self, mut selection: Selection, printer: &Printer) -> Result<Selection, CliError> {
        for pattern in self.name.iter().chain(&self.name_regex) {
            selection = selection.name(pattern.clone());
        }
        for tag in &self.tag {
            selection = selection.tag(tag.clone());
        }
        for tag in &self.not_tag {
            selection = selection.not_tag(tag.clone());
        }
        for status in &self.status {
            selection = selection.status(status.clone());
        }
        for zone in &self.az {
            selection = selection.availability_zone(zone);
        }
        for flavor in &self.flavor {
            selection = selection.flavor(flavor);
        }
        for address in &self.ip {
            selection = selection.address(*address);
        }
        for id in &self.enterprise_project {
            selection = selection.enterprise_project(id);
        }
        for id in &self.server_group {
            selection = selection.server_group(id);
        }
        if let Some(time) = self.older_than {
            selection = selection.created_before(time);
        }
        if let Some(time) = self.not_restarted_since {
            selection = selection.unchanged_since(time);
        }
        for server in self.excluded(printer)?.servers {
            selection = selection.exclude(server);
        }
        Ok(selection)
    }

    fn excluded(&self, printer: &Printer) -> Result<GivenServers, CliError> {
        let is_file = |server: &&String| server.starts_with('@');
        let (files, servers): (Vec<_>, Vec<_>) = self.exclude.iter().partition(is_file);
        let files: Vec<PathBuf> = files.iter().map(|file| PathBuf::from(&file[1..])).collect();
        let servers: Vec<String> = servers.into_iter().cloned().collect();
        server_input::read(&servers, &files, None, Purpose::Exclude, printer)
    }
}

/// Parses a status in upper or lower case. An undocumented one is refused, with a suggestion.
fn status(text: &str) -> Result<ServerStatus, String> {
    let status = ServerStatus::from(text.to_ascii_uppercase().as_str());
    let ServerStatus::Unknown(unknown) = &status else {
        return Ok(status);
    };
    let known: Vec<&str> = ServerStatus::KNOWN
        .iter()
        .map(ServerStatus::as_str)
        .collect();
    let distance = |known: &&&str| strsim::damerau_levenshtein(known, unknown);
    let similar = known
        .iter()
        .min_by_key(distance)
        .filter(|known| distance(known) <= 3);
    Err(match similar {
        Some(similar) => {
            format!("no server can be in the status {unknown}; did you mean {similar}?")
        }
        None => format!(
            "no server can be in the status {unknown}; use one of {}",
            known.join(", ")
        ),
    })
}

/// Parses a point in time, or an age.
fn point_in_time(text: &str) -> Result<Timestamp, String> {
    let date = || format!("{text}T00:00:00Z").parse::<Timestamp>();
    if let Ok(time) = text.parse().or_else(|_| date()) {
        return if time > Timestamp::now() {
            Err("the time is in the future, so every server would match".to_owned())
        } else {
            Ok(time)
        };
    }
    let age = age(text).ok_or_else(|| {
        "expected an age such as 30d or 12h, a date (2026-01-31) or a time (2026-01-31T08:00:00Z)".to_owned()
    })?;
    Timestamp::now()
        .checked_sub(age)
        .map_err(|_| "the age is too large".to_owned())
}

/// Parses a duration that may begin with days.
fn age(text: &str) -> Option<Duration> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let Some((days, rest)) = text.split_once('d') else {
        return super::duration(text).ok();
    };
    let days = DAY.checked_mul(days.trim().parse().ok()?)?;
    match rest.trim() {
        "" => Some(days),
        rest => days.checked_add(super::duration(rest).ok()?),
    }
}

#[cfg(test)]
mod tests;
