//! The waves of a run, planned from its options and its servers.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use ecs_ops::model::{Server, ServerId};
use ecs_ops::rolling::{Member, Order, Waves};

use super::servers::Servers;
use crate::args::{OrderBy, Rolling, SpreadBy};
use crate::confirm::{WavesShown, counted};
use crate::fail::CliError;
use crate::term::Printer;

/// Plans the waves; `None` for a run without waves. The server that this process runs on is a wave of its own, the
/// last one.
pub(super) fn plan(
    args: &Rolling,
    no_wait: bool,
    servers: &Servers,
    printer: &Printer,
) -> Result<Option<Waves>, CliError> {
    let others = servers.others();
    if !args.is_wanted() {
        let small_first = match args.max_failures {
            None if !no_wait => Waves::small_first(others),
            _ => None,
        };
        return Ok(match (small_first, servers.last) {
            (Some(waves), Some(own)) => Some(waves.then_alone(own)),
            (None, Some(own)) if !others.is_empty() => {
                Some(Waves::of(vec![others.to_vec()]).then_alone(own))
            }
            (waves, _) => waves,
        });
    }
    let all = others.len();
    let wave = args
        .wave
        .unwrap_or(ecs_ops::rolling::CountOrPercent::Percent(100));
    let size = wave.of(all).max(1);
    if let Some(canary) = args.canary.filter(|canary| *canary > size && all > size) {
        return Err(CliError::usage(format!(
            "a canary of {} is larger than the waves of {}; nothing was sent",
            counted(canary),
            counted(size)
        ))
        .hint("--canary is for a first wave that is smaller than the others"));
    }
    let by_name = args.order == Some(OrderBy::ByName);
    let members = OrderedMembers::of(servers, args.spread_by.as_ref());
    if by_name && members.without_name > 0 {
        printer.warn(&format!(
            "the names of {} are not known: they come last in the order",
            counted(members.without_name)
        ));
    }
    if let (Some(by), 1..) = (&args.spread_by, members.without_group) {
        printer.warn(&format!(
            "the {} of {} is not known: they cannot be spread across waves",
            attribute(by),
            counted(members.without_group)
        ));
    }
    let waves = Waves::plan(&members.all, wave, args.canary, order(args, printer));
    let waves = waves.map_err(|error| CliError::usage(error.problem().to_string()))?;
    let waves = match servers.last {
        Some(own) => waves.then_alone(own),
        None => waves,
    };
    if let (Some(by), [first, ..]) = (&args.spread_by, &waves.single[..]) {
        printer.note(&match waves.single.len() {
            1 => format!(
                "only one server {}, so it cannot be spread across waves",
                is_in(by, first)
            ),
            many => format!(
                "{many} servers cannot be spread across waves: for example, only one server {}",
                is_in(by, first)
            ),
        });
    }
    Ok(Some(waves))
}

/// Describes the membership of a server in a group.
fn is_in(by: &SpreadBy, group: &str) -> String {
    match (by, group) {
        (SpreadBy::Zone, _) => format!("is in availability zone {group}"),
        (SpreadBy::Host, _) => format!("is on host {group}"),
        (SpreadBy::Tag(key), "") => format!("has tag {key}"),
        (SpreadBy::Tag(key), value) => format!("has tag {key}={value}"),
    }
}

/// Describes the waves for the question.
pub(super) fn described(waves: &Waves, args: &Rolling) -> WavesShown {
    let sizes = || waves.waves.iter().map(Vec::len);
    let canary = args.canary.and(sizes().next());
    let largest = match canary {
        Some(_) => sizes().skip(1).max(),
        None => sizes().max(),
    };
    WavesShown {
        waves: waves.waves.len(),
        largest: largest.unwrap_or(0),
        canary,
    }
}

fn attribute(by: &SpreadBy) -> String {
    match by {
        SpreadBy::Zone => "availability zone".to_owned(),
        SpreadBy::Host => "host".to_owned(),
        SpreadBy::Tag(key) => format!("tag {key}"),
    }
}

fn order(args: &Rolling, printer: &Printer) -> Order {
    match args.order {
        None | Some(OrderBy::AsGiven) => Order::AsGiven,
        Some(OrderBy::ByName) => Order::ByName,
        Some(OrderBy::Random) => Order::Random {
            seed: args.order_seed.unwrap_or_else(|| {
                // A random seed of the operating system through the standard library, short enough to type.
                let seed = RandomState::new().hash_one("order") >> 32;
                printer.note(&format!(
                    "in random order; --order random --order-seed {seed} repeats it"
                ));
                seed
            }),
        },
    }
}

/// The servers of a run, with the names and groups that their order depends on.
struct OrderedMembers {
    all: Vec<Member>,
    without_name: usize,
    without_group: usize,
}

impl OrderedMembers {
    fn of(servers: &Servers, by: Option<&SpreadBy>) -> Self {
        let listed = servers.listed.iter();
        let listed: HashMap<ServerId, &Server> = listed
            .filter_map(|server| Some((server.id?, server)))
            .collect();
        let (mut without_name, mut without_group) = (0, 0);
        let member = |id: &ServerId| {
            let server = listed.get(id);
            let member = Member::new(*id);
            let member = match server.and_then(|server| server.name.clone()) {
                Some(name) => member.named(name),
                None => {
                    without_name += 1;
                    member
                }
            };
            match server.zip(by).and_then(|(server, by)| group(server, by)) {
                Some(group) => member.in_group(group),
                None => {
                    without_group += 1;
                    member
                }
            }
        };
        Self {
            all: servers.others().iter().map(member).collect(),
            without_name,
            without_group,
        }
    }
}

/// Returns the group of a server: its zone, its host or the value of its tag.
fn group(server: &Server, by: &SpreadBy) -> Option<String> {
    // A server whose creation failed has no place.
    let somewhere = |place: &Option<String>| place.clone().filter(|place| !place.is_empty());
    match by {
        SpreadBy::Zone => somewhere(&server.availability_zone),
        SpreadBy::Host => somewhere(&server.host_id),
        SpreadBy::Tag(key) => {
            let value = |tag: &String| match tag.split_once('=') {
                Some((k, value)) => (k == key).then(|| value.to_owned()),
                // A tag without a value.
                None => (tag == key).then(String::new),
            };
            server.tags.iter().flatten().find_map(value)
        }
    }
}

#[cfg(test)]
mod tests;
