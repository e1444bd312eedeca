//! The decision which servers are meant.

use std::collections::{BTreeSet, HashMap, HashSet};

use ecs_model::{Server, ServerId, ServerStatus};
use jiff::Timestamp;

use super::error::described;
use super::{Selection, SelectionError, SelectionProblem, ServerRef, TagFilter};

/// The key of the system tag with a server's enterprise project.
const ENTERPRISE_PROJECT_TAG: &str = "_sys_enterprise_project_id";

/// The servers that a selection means.
#[derive(Clone, Debug)]
pub struct Chosen<'a> {
    /// In the order in which they were given, or listed.
    pub servers: Vec<ChosenServer<'a>>,
    /// Servers that were given and left out by a condition.
    pub skipped: Vec<ChosenServer<'a>>,
    /// The number of servers that were given again, by id or by name; each counts once.
    pub repeated: usize,
}

/// A server of a list, which has an id.
#[derive(Clone, Copy, Debug)]
pub struct ChosenServer<'a> {
    /// Its id.
    pub id: ServerId,
    /// The server, as the list shows it.
    pub server: &'a Server,
    /// Its place in the list.
    pub index: usize,
}

impl Chosen<'_> {
    /// The ids of the servers that are meant.
    pub fn ids(&self) -> impl Iterator<Item = ServerId> {
        self.servers.iter().map(|server| server.id)
    }
}

/// The values that a server shows.
type ValuesOf = fn(&Server) -> Vec<&str>;

/// A condition that a server fulfills or not.
struct Condition<'a> {
    description: String,
    fits: Box<dyn Fn(&Server) -> bool + 'a>,
}

impl Selection {
    /// Chooses among `servers`: all servers of the project. Of a part of them, values and names
    /// that only others have are taken for misspelt. A server without an id is never chosen.
    ///
    /// # Errors
    /// No server is meant, or something in the selection fits no server at all, so that it is
    /// likely misspelt.
    pub fn choose<'a>(&self, servers: &'a [Server]) -> Result<Chosen<'a>, SelectionError> {
        let listed = servers.iter().enumerate();
        let listed: Vec<ChosenServer<'a>> = listed
            .filter_map(|(index, server)| {
                let id = server.id?;
                Some(ChosenServer { id, server, index })
            })
            .collect();
        let index = ServerIndex::new(&listed);
        let mut problems = Vec::new();
        let (given, repeated) = match &self.servers {
            None => (listed.clone(), 0),
            Some(given) => resolve(given, &index, &mut problems),
        };
        let excluded = self.excluded(&index, &mut problems);
        self.check_names_and_tags(servers, &mut problems);
        self.check_values(servers, &mut problems);
        if !problems.is_empty() {
            return Err(SelectionError::new(problems));
        }
        let conditions = self.conditions();
        let (chosen, skipped): (Vec<_>, Vec<_>) = given.iter().copied().partition(|chosen| {
            !excluded.contains(&chosen.id)
                && conditions
                    .iter()
                    .all(|condition| (condition.fits)(chosen.server))
        });
        if chosen.is_empty() {
            let count = |fits: &dyn Fn(&Server) -> bool| {
                given.iter().filter(|chosen| fits(chosen.server)).count()
            };
            let mut counts: Vec<(String, usize)> = conditions
                .iter()
                .map(|condition| (condition.description.clone(), count(&*condition.fits)))
                .collect();
            if !excluded.is_empty() {
                let kept = given.iter().filter(|chosen| !excluded.contains(&chosen.id));
                counts.push(("not excluded".to_owned(), kept.count()));
            }
            return Err(SelectionError::new(vec![SelectionProblem::Nothing {
                servers: given.len(),
                conditions: counts,
            }]));
        }
        Ok(Chosen {
            servers: chosen,
            skipped: match self.servers {
                Some(_) => skipped,
                None => Vec::new(),
            },
            repeated,
        })
    }

    /// Returns one condition for each kind, and for each tag.
    fn conditions<'s>(&'s self) -> Vec<Condition<'s>> {
        let mut conditions = Vec::new();
        let mut add = |description: String, fits: Box<dyn Fn(&Server) -> bool + 's>| {
            conditions.push(Condition { description, fits });
        };
        if !self.names.is_empty() {
            let fits = |server: &Server| {
                let name = server.name.as_deref();
                name.is_some_and(|name| self.names.iter().any(|pattern| pattern.matches(name)))
            };
            add(described_as("name", &self.names), Box::new(fits));
        }
        for tag in &self.tags {
            add(format!("tag {tag}"), Box::new(|server| tag.fits(server)));
        }
        for tag in &self.not_tags {
            add(
                format!("without the tag {tag}"),
                Box::new(|server| !tag.fits(server)),
            );
        }
        if !self.statuses.is_empty() {
            let fits = |server: &Server| {
                let status = server.status.as_ref();
                status.is_some_and(|status| self.statuses.contains(status))
            };
            add(described_as("status", &self.statuses), Box::new(fits));
        }
        if !self.addresses.is_empty() {
            let fits = |server: &Server| self.addresses.iter().any(|wanted| wanted.fits(server));
            add(described_as("address", &self.addresses), Box::new(fits));
        }
        for (attribute, wanted, values) in self.value_conditions() {
            if !wanted.is_empty() {
                let fits = move |server: &Server| {
                    values(server)
                        .iter()
                        .any(|value| wanted.iter().any(|wanted| wanted == value))
                };
                add(described_as(attribute, wanted), Box::new(fits));
            }
        }
        if let Some(time) = self.created_before {
            let fits = move |server: &Server| is_before(server.created.as_deref(), time);
            add(format!("created before {time:.0}"), Box::new(fits));
        }
        if let Some(time) = self.unchanged_since {
            let fits = move |server: &Server| is_before(server.updated.as_deref(), time);
            add(format!("unchanged since {time:.0}"), Box::new(fits));
        }
        conditions
    }

    /// The conditions that compare whole values: their name, the wanted values, and the values of a
    /// server.
    fn value_conditions(&self) -> [(&'static str, &[String], ValuesOf); 4] {
        [
            ("availability zone", &self.zones, |server| {
                server
                    .availability_zone
                    .iter()
                    .map(String::as_str)
                    .collect()
            }),
            ("flavor", &self.flavors, |server| {
                let flavor = server.flavor.iter();
                flavor.filter_map(|flavor| flavor.id.as_deref()).collect()
            }),
            (
                "enterprise project",
                &self.enterprise_projects,
                enterprise_projects,
            ),
            ("server group", &self.server_groups, |server| {
                let hints = server.scheduler_hints.iter();
                hints
                    .flat_map(|hints| hints.group.iter().flatten())
                    .map(String::as_str)
                    .collect()
            }),
        ]
    }

    fn excluded(
        &self,
        index: &ServerIndex<'_>,
        problems: &mut Vec<SelectionProblem>,
    ) -> HashSet<ServerId> {
        let mut ids = HashSet::new();
        for server in &self.excluded {
            let found = index.find(server);
            if found.is_empty() {
                problems.push(SelectionProblem::NotExcluded(server.clone()));
            }
            // All servers of an ambiguous name are omitted: one too few is safer than one too
            // many.
            ids.extend(found.iter().map(|found| found.id));
        }
        ids
    }

    fn check_names_and_tags(&self, servers: &[Server], problems: &mut Vec<SelectionProblem>) {
        for pattern in &self.names {
            let mut names = servers.iter().filter_map(|server| server.name.as_deref());
            if !names.any(|name| pattern.matches(name)) {
                problems.push(SelectionProblem::NoName(pattern.to_string()));
            }
        }
        if !(self.tags.is_empty() && self.not_tags.is_empty()) {
            let known = tags_in_use(servers);
            for tag in self.tags.iter().chain(&self.not_tags) {
                check_tag(tag, &known, problems);
            }
        }
        for address in &self.addresses {
            if !servers.iter().any(|server| address.fits(server)) {
                problems.push(SelectionProblem::NoAddress(address.to_string()));
            }
        }
    }

    fn check_values(&self, servers: &[Server], problems: &mut Vec<SelectionProblem>) {
        for status in &self.statuses {
            let is_shown = servers
                .iter()
                .any(|server| server.status.as_ref() == Some(status));
            if matches!(status, ServerStatus::Unknown(_)) && !is_shown {
                let in_use = servers.iter().filter_map(|server| server.status.as_ref());
                let known: BTreeSet<String> = in_use.map(ToString::to_string).collect();
                problems.push(unknown_value("status", status.as_str(), known));
            }
        }
        for (attribute, wanted, values) in self.value_conditions() {
            if wanted.is_empty() {
                continue;
            }
            let known: BTreeSet<String> =
                servers.iter().flat_map(values).map(str::to_owned).collect();
            for value in wanted.iter().filter(|value| !known.contains(*value)) {
                problems.push(unknown_value(attribute, value, known.clone()));
            }
        }
    }
}

fn described_as(attribute: &str, values: &[impl ToString]) -> String {
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    format!("{attribute} {}", values.join(" or "))
}

fn unknown_value(
    attribute: &'static str,
    value: &str,
    known: BTreeSet<String>,
) -> SelectionProblem {
    SelectionProblem::UnknownValue {
        attribute,
        value: value.to_owned(),
        known: known.into_iter().collect(),
    }
}

/// The servers of a list, by id and by name.
struct ServerIndex<'a> {
    by_id: HashMap<ServerId, ChosenServer<'a>>,
    by_name: HashMap<&'a str, Vec<ChosenServer<'a>>>,
}

impl<'a> ServerIndex<'a> {
    fn new(servers: &[ChosenServer<'a>]) -> Self {
        let mut by_name: HashMap<&'a str, Vec<ChosenServer<'a>>> = HashMap::new();
        for server in servers {
            if let Some(name) = server.server.name.as_deref() {
                by_name.entry(name).or_default().push(*server);
            }
        }
        Self {
            by_id: servers.iter().map(|server| (server.id, *server)).collect(),
            by_name,
        }
    }

    fn find(&self, server: &ServerRef) -> &[ChosenServer<'a>] {
        match server {
            ServerRef::Id(id) => self
                .by_id
                .get(id)
                .map(std::slice::from_ref)
                .unwrap_or_default(),
            ServerRef::Name(name) => self
                .by_name
                .get(name.as_str())
                .map(Vec::as_slice)
                .unwrap_or_default(),
        }
    }
}

/// The servers that were given, in their order and once each, and how many were given again.
fn resolve<'a>(
    given: &[ServerRef],
    index: &ServerIndex<'a>,
    problems: &mut Vec<SelectionProblem>,
) -> (Vec<ChosenServer<'a>>, usize) {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    let mut repeated = 0;
    for server in given {
        match index.find(server) {
            [] => problems.push(SelectionProblem::NotFound(server.clone())),
            [only] if seen.insert(only.id) => found.push(*only),
            [_] => repeated += 1,
            several => problems.push(SelectionProblem::Ambiguous {
                name: server.to_string(),
                candidates: several
                    .iter()
                    .map(|found| described(found.server))
                    .collect(),
            }),
        }
    }
    (found, repeated)
}

/// The keys of all tags, each with its values.
fn tags_in_use(servers: &[Server]) -> HashMap<&str, BTreeSet<&str>> {
    let mut known: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for tag in servers
        .iter()
        .flat_map(|server| server.tags.iter().flatten())
    {
        let (key, value) = tag.split_once('=').unwrap_or((tag, ""));
        known.entry(key).or_default().insert(value);
    }
    known
}

fn check_tag(
    tag: &TagFilter,
    known: &HashMap<&str, BTreeSet<&str>>,
    problems: &mut Vec<SelectionProblem>,
) {
    let Some(in_use) = known.get(tag.key()) else {
        let keys: BTreeSet<&str> = known.keys().copied().collect();
        problems.push(SelectionProblem::UnknownTagKey {
            key: tag.key().to_owned(),
            known: keys.into_iter().map(str::to_owned).collect(),
        });
        return;
    };
    for value in tag
        .values()
        .iter()
        .filter(|value| !in_use.contains(value.as_str()))
    {
        problems.push(SelectionProblem::UnknownTagValue {
            key: tag.key().to_owned(),
            value: value.clone(),
            known: in_use.iter().map(ToString::to_string).collect(),
        });
    }
}

/// The enterprise project, which some regions show as a member and others among the system tags.
fn enterprise_projects(server: &Server) -> Vec<&str> {
    if let Some(id) = &server.enterprise_project_id {
        return vec![id];
    }
    let tags = server.sys_tags.iter().flatten();
    tags.filter(|tag| tag.key.as_deref() == Some(ENTERPRISE_PROJECT_TAG))
        .filter_map(|tag| tag.value.as_deref())
        .collect()
}

/// Returns `true` if what the service shows is a time before this one. It writes UTC, at some
/// places without saying so.
fn is_before(shown: Option<&str>, time: Timestamp) -> bool {
    let Some(shown) = shown else { return false };
    let parsed = shown
        .parse()
        .or_else(|_| format!("{shown}Z").parse::<Timestamp>());
    parsed.is_ok_and(|parsed| parsed < time)
}
