use ecs_ops::model::ServerId;
use ecs_ops::{Outcome, Problem, Report};
use proptest::prelude::*;

use super::*;
use crate::screen::width_of;

const PLAIN: Screen = Screen {
    width: None,
    color: false,
    ascii: false,
};

fn id(number: usize) -> ServerId {
    format!("00000000-0000-0000-0000-{number:012}")
        .parse()
        .unwrap()
}

fn failed(number: usize, message: &str) -> ServerReport {
    let outcome = Outcome::Failed {
        job_id: None,
        error: Problem::new(message),
    };
    let mut server = ServerReport::new(id(number), outcome);
    server.name = Some(format!("web-{number}"));
    server
}

fn succeeded(number: usize) -> ServerReport {
    let outcome = serde_json::json!({"id": id(number), "outcome": "succeeded"});
    serde_json::from_value(outcome).unwrap()
}

fn report(servers: Vec<ServerReport>) -> Report {
    let mut report: Report = serde_json::from_value(serde_json::json!({
        "version": 1, "run_id": "r", "operation": "reboot", "type": "SOFT", "jobs": [], "servers": [],
    }))
    .unwrap();
    report.servers = servers;
    report
}

fn shown(report: &Report, show: Show, screen: Screen) -> String {
    closing(report, Some(Duration::from_millis(65_200)), show, screen)
}

#[test]
fn failures_are_grouped_by_reason() {
    let mut servers: Vec<_> = (0..3).map(succeeded).collect();
    servers.push(failed(3, "no power"));
    servers
        .extend((4..30).map(|number| failed(number, &format!("server {} is locked", id(number)))));
    servers[4].escalated = Some(Problem::new("soft"));
    let expected = "\
30 servers: 3 succeeded, 27 failed; 1 hard restart; took 65.2 s

failed: 27
  server ID is locked (25 servers)
    00000000-0000-0000-0000-000000000005  web-5
    00000000-0000-0000-0000-000000000006  web-6
    00000000-0000-0000-0000-000000000007  web-7
    00000000-0000-0000-0000-000000000008  web-8
    00000000-0000-0000-0000-000000000009  web-9
    00000000-0000-0000-0000-000000000010  web-10
    00000000-0000-0000-0000-000000000011  web-11
    00000000-0000-0000-0000-000000000012  web-12
    00000000-0000-0000-0000-000000000013  web-13
    00000000-0000-0000-0000-000000000014  web-14
    and 15 more
  no power
    and 1 more
  server 00000000-0000-0000-0000-000000000004 is locked (after a hard restart)
    and 1 more
";
    assert_eq!(shown(&report(servers), Show::Summary, PLAIN), expected);
}

#[test]
fn the_same_answer_to_several_requests_is_one_reason() {
    let servers = [(1, "a1"), (2, "a1"), (3, "b2"), (4, "a1"), (5, "c3")]
        .map(|(number, request)| failed(number, &format!("busy (request {request}); wait")));
    let all = shown(&report(servers.to_vec()), Show::Summary, PLAIN);
    assert!(
        all.contains("\n  busy (request a1 and others); wait (5 servers)\n"),
        "{all}"
    );
    let some = shown(&report(servers[..2].to_vec()), Show::Summary, PLAIN);
    assert!(
        some.contains("\n  busy (request a1); wait (2 servers)\n"),
        "{some}"
    );
}

fn running(number: usize) -> ServerReport {
    let running = serde_json::json!({"id": id(number), "outcome": "running", "job_id": "job-1"});
    serde_json::from_value(running).unwrap()
}

#[test]
fn running_servers_are_named_unless_all_are_running() {
    let some = shown(
        &report(vec![succeeded(0), running(1)]),
        Show::Summary,
        PLAIN,
    );
    let named = format!("\nrunning: 1\n  the job had not finished\n    {}\n", id(1));
    assert!(some.ends_with(&named), "{some}");
    let all = shown(&report(vec![running(0), running(1)]), Show::Summary, PLAIN);
    assert_eq!(all.lines().count(), 1, "{all}");
}

#[test]
fn five_thousand_failures_print_ten() {
    for same in [true, false] {
        let message = |number| {
            if same {
                "no power".to_owned()
            } else {
                format!("reason {number}")
            }
        };
        let report = report(
            (0..5000)
                .map(|number| failed(number, &message(number)))
                .collect(),
        );
        let text = shown(&report, Show::Summary, PLAIN);
        assert!(text.lines().count() < 40, "{text}");
        assert_eq!(text.matches("  web-").count(), 10, "{text}");
        assert!(text.contains("and 4990 more"), "{text}");
        let all = shown(&report, Show::Failed, PLAIN);
        assert_eq!(all.matches("  web-").count(), 5000);
        assert_eq!(shown(&report, Show::None, PLAIN).lines().count(), 1);
    }
}

#[test]
fn every_server_has_a_row_on_demand() {
    let report = report(vec![succeeded(1), failed(2, "no power")]);
    let text = shown(&report, Show::All, PLAIN);
    assert!(
        text.contains("SERVER") && text.matches(&id(1).to_string()).count() == 1,
        "{text}"
    );
}

#[test]
fn colors_do_not_change_the_text() {
    let report = report(vec![succeeded(1), failed(2, "no power")]);
    let color = Screen {
        color: true,
        ..PLAIN
    };
    let text = shown(&report, Show::Summary, color);
    assert!(text.contains('\u{1b}'), "{text:?}");
    let mut plain = String::new();
    let mut escaped = false;
    for c in text.chars() {
        match (escaped, c) {
            (false, '\u{1b}') => escaped = true,
            (true, 'm') => escaped = false,
            (true, _) => {}
            (false, c) => plain.push(c),
        }
    }
    assert_eq!(plain, shown(&report, Show::Summary, PLAIN));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Lines fit for all names and reasons, and every server is counted.
    #[test]
    fn lines_fit_the_terminal(
        servers in prop::collection::vec((".{0,80}", ".{0,200}"), 1..40),
        width in 60_usize..=200,
        all in any::<bool>(),
    ) {
        let servers: Vec<_> = servers.iter().enumerate().map(|(number, (name, message))| {
            let mut server = failed(number, message);
            server.name = Some(name.clone());
            server
        }).collect();
        let count = servers.len();
        let screen = Screen { width: Some(width), ..PLAIN };
        let show = if all { Show::Failed } else { Show::Summary };
        let text = shown(&report(servers), show, screen);
        for line in text.lines() {
            prop_assert!(width_of(line) <= width, "{}: {}", width_of(line), line);
        }
        let more = text.lines().filter_map(|line| line.trim().strip_prefix("and ")?.split(' ').next()?.parse::<usize>().ok());
        let named = text.matches("    00000000-").count();
        if all {
            prop_assert_eq!(named, count);
        } else {
            prop_assert!(named == count.min(10) && more.count() <= 11);
        }
    }
}
