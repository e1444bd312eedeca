//! Skipped servers, and the server that comes last.

use ecs_model::StopType;

use super::*;

fn server(number: u8, status: ServerStatus) -> Server {
    let mut server = Server::default();
    server.id = Some(ServerId::from_bytes([number; 16]));
    server.name = Some(format!("web-{number}"));
    server.status = Some(status);
    server
}

fn fleet() -> Vec<Server> {
    vec![
        server(1, ServerStatus::Active),
        server(2, ServerStatus::Shutoff),
        server(3, ServerStatus::Active),
        server(4, ServerStatus::Error),
    ]
}

fn id(number: u8) -> ServerId {
    ServerId::from_bytes([number; 16])
}

fn screen(screen: Screen) -> Screened {
    let fleet = fleet();
    screen.screen(
        fleet
            .iter()
            .map(|server| (server.id.unwrap(), Some(server))),
    )
}

const SOFT: PowerAction = PowerAction::Reboot(RebootType::Soft);
const HARD: PowerAction = PowerAction::Reboot(RebootType::Hard);

#[test]
fn a_selection_does_not_restart_stopped_servers() {
    for action in [SOFT, HARD] {
        let left = screen(Screen::new(action, Choice::Selected));
        assert_eq!(left.servers, [1, 3, 4].map(id));
        assert_eq!(left.stopped, []);
        let out = SkippedServer {
            id: id(2),
            name: Some("web-2".to_owned()),
            reason: SkipReason::Stopped,
        };
        assert_eq!(left.skipped, [out]);

        let asked_for = screen(Screen::new(action, Choice::Selected).include_stopped(true));
        assert_eq!(asked_for.servers, [1, 2, 3, 4].map(id));
        assert_eq!(
            (asked_for.stopped, asked_for.skipped),
            (vec![id(2)], vec![])
        );
        let named = screen(Screen::new(action, Choice::Named));
        assert_eq!(named.servers, [1, 2, 3, 4].map(id));
        assert_eq!((named.stopped, named.skipped), (vec![id(2)], vec![]));
    }
}

#[test]
fn start_and_stop_include_stopped_servers() {
    for action in [PowerAction::Start, PowerAction::Stop(Some(StopType::Hard))] {
        let all = screen(Screen::new(action, Choice::Selected));
        assert_eq!(all.servers, [1, 2, 3, 4].map(id));
        assert_eq!((all.stopped, all.skipped), (vec![], vec![]));
    }
}

#[test]
fn this_machine_is_skipped_or_comes_last() {
    for action in [SOFT, PowerAction::Stop(None), PowerAction::Start] {
        let own = |choice| Screen::new(action, choice).own_server(Some(id(1)));
        let selected = screen(own(Choice::Selected));
        assert_eq!(selected.last, None);
        assert!(!selected.servers.contains(&id(1)));
        assert_eq!(selected.skipped[0].reason, SkipReason::ThisMachine);
        let named = screen(own(Choice::Named));
        assert_eq!(
            (named.servers, named.last),
            ([2, 3, 4, 1].map(id).to_vec(), Some(id(1)))
        );
    }
    // It does not matter elsewhere.
    let elsewhere = Screen::new(SOFT, Choice::Named).own_server(Some(id(9)));
    assert_eq!(screen(elsewhere).last, None);
}

#[test]
fn servers_in_unknown_states_are_included() {
    let screened = Screen::new(HARD, Choice::Named).screen([(id(5), None)]);
    assert_eq!((screened.servers, screened.stopped), (vec![id(5)], vec![]));
}

#[test]
fn the_last_wave_is_this_machine_alone() {
    let members = [2, 3, 4].map(|number| crate::rolling::Member::new(id(number)));
    let waves = Waves::plan(
        &members,
        crate::rolling::CountOrPercent::Count(2),
        None,
        crate::rolling::Order::AsGiven,
    );
    let waves = waves.unwrap().then_alone(id(1)).waves;
    assert_eq!(waves, [vec![id(2), id(3)], vec![id(4)], vec![id(1)]]);
}
