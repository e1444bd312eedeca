//! The cheapest way of reading, and the meaning of a filter's answer.

use ecs_model::ServerStatus;
use proptest::prelude::*;

use super::*;

fn place(id_filter: Support, project_servers: usize) -> PlaceFacts {
    PlaceFacts {
        id_filter,
        single_queries: Support::Yes,
        project_servers: Some(project_servers),
    }
}

#[test]
fn the_cheapest_read_is_chosen() {
    use ReadPlan::{ByIds, OneByOne, WholeList};
    use Support::{No, Untried, Yes};
    for (wanted, id_filter, project, expected) in [
        // A page is one query.
        (1, Yes, 199, WholeList),
        (199, Yes, 199, WholeList),
        (1, No, 200, OneByOne),
        (49, No, 9_999, OneByOne),
        (50, No, 9_999, WholeList),
        (50, Yes, 9_999, ByIds),
        (1, Yes, 9_999, OneByOne),
        (2, Yes, 9_999, ByIds),
        // A try may be useless.
        (2, Untried, 9_999, OneByOne),
        (3, Untried, 9_999, ByIds),
        (4_800, Untried, 9_999, ByIds),
        (4_900, Untried, 9_999, WholeList),
        (4_900, Yes, 9_999, ByIds),
        (9_999, Yes, 9_999, WholeList),
    ] {
        let plan = plan(wanted, place(id_filter, project), 1);
        assert_eq!(plan, expected, "{wanted} of {project}, {id_filter:?}");
    }
    let unknown = PlaceFacts {
        id_filter: No,
        ..PlaceFacts::default()
    };
    assert_eq!(plan(10, unknown, 11), OneByOne);
    assert_eq!(plan(11, unknown, 11), WholeList);
    assert_eq!(plan(1, unknown, 1), WholeList);
}

fn id(byte: u8) -> ServerId {
    ServerId::from_bytes([byte; 16])
}

fn row(byte: u8) -> Server {
    let mut server = Server::default();
    server.id = Some(id(byte));
    server.status = Some(ServerStatus::Active);
    server
}

fn empty_row(byte: u8) -> Server {
    let mut server = row(byte);
    server.status = None;
    server
}

/// Servers that a filter does not show stay open, whatever the answer has instead.
#[test]
fn an_answer_to_a_filter() {
    let asked = [id(1), id(2), id(3)];
    for (case, rows, shown, support) in [
        ("as asked", vec![row(2), row(1), row(3)], 3, Support::Yes),
        (
            "one does not exist",
            vec![row(1), empty_row(2), row(3)],
            2,
            Support::Yes,
        ),
        ("one is left out", vec![row(1), row(3)], 2, Support::Yes),
        (
            "the filter is ignored",
            vec![row(1), row(2), row(4)],
            2,
            Support::No,
        ),
        ("the whole page is of others", vec![row(4)], 0, Support::No),
        (
            "a row without an id",
            vec![row(1), row(2), Server::default()],
            2,
            Support::No,
        ),
        ("a row twice", vec![row(1), row(1), row(2)], 2, Support::No),
        ("the first id only", vec![row(1)], 1, Support::No),
        ("nothing", vec![], 0, Support::No),
    ] {
        let answer = filtered(&asked, rows);
        assert_eq!(
            (answer.servers.len(), answer.support),
            (shown, support),
            "{case}"
        );
    }
}

proptest! {
    /// No way that is possible costs less, and none that is not is taken.
    #[test]
    fn a_plan_is_the_cheapest(
        wanted in 1..5_000_usize,
        project in 0..20_000_usize,
        filter in 0..3_u8,
        single: bool,
    ) {
        let id_filter = [Support::Untried, Support::Yes, Support::No][usize::from(filter)];
        let place = PlaceFacts {
            id_filter,
            single_queries: if single { Support::Yes } else { Support::No },
            project_servers: Some(project),
        };
        let plan = plan(wanted, place, 1);
        let in_vain = usize::from(id_filter == Support::Untried);
        let cost = match plan {
            ReadPlan::WholeList => pages(project),
            ReadPlan::OneByOne => wanted,
            ReadPlan::ByIds => wanted.div_ceil(MAX_IDS) + in_vain,
        };
        prop_assert!(cost <= pages(project));
        prop_assert!(!single || cost <= wanted);
        prop_assert!(id_filter == Support::No || cost <= wanted.div_ceil(MAX_IDS) + in_vain);
        prop_assert!(plan != ReadPlan::OneByOne || single);
        prop_assert!(plan != ReadPlan::ByIds || id_filter != Support::No);
    }

    /// An answer shows requested servers, each once.
    #[test]
    fn an_answer_shows_the_requested_servers(
        asked in proptest::collection::hash_set(0..20_u8, 1..10),
        rows in proptest::collection::vec((0..20_u8, any::<bool>()), 0..20),
    ) {
        let ids: Vec<ServerId> = asked.iter().map(|byte| id(*byte)).collect();
        let rows: Vec<Server> = rows
            .into_iter()
            .map(|(byte, shown)| if shown { row(byte) } else { empty_row(byte) })
            .collect();
        let answer = filtered(&ids, rows);
        let mut seen = HashSet::new();
        for server in &answer.servers {
            let id = server.id.unwrap();
            prop_assert!(ids.contains(&id) && seen.insert(id) && server.status.is_some());
        }
    }
}
