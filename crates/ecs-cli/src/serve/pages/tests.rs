use std::sync::Arc;

use ecs_ops::store::{RunStatus, RunSummary};
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::render::timeline::Summary;
use crate::serve::hub::{Board, Listed, Progress};
use crate::serve::view::View;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A run in which all texts are equal.
fn summary(text: &str, state: RunStatus) -> RunSummary {
    RunSummary {
        run_id: text.to_owned(),
        state,
        endpoint: text.to_owned(),
        project_id: text.to_owned(),
        action: text.to_owned(),
        servers: 8,
        user: text.to_owned(),
        host: text.to_owned(),
        pid: 7,
        program: text.to_owned(),
        epoch: 3,
        records: 2,
        started_at: at("2026-11-30T10:00:00Z"),
        seen_at: at("2026-11-30T10:05:00Z"),
        ended_at: None,
    }
}

fn listed(text: &str, state: RunStatus, progress: Progress) -> Listed {
    Listed {
        run: Arc::new(summary(text, state)),
        progress,
    }
}

fn known(summary: Summary) -> Progress {
    let kind = Some("SOFT");
    Progress::Known { summary, kind }
}

fn board(runs: Vec<Listed>, failure: Option<&str>) -> Board {
    let view = View {
        version: "v-1".to_owned(),
        ..list_view(&runs, false)
    };
    Board {
        read_at: at("2026-11-30T11:00:00Z"),
        failure: failure.map(str::to_owned),
        runs,
        is_cut: false,
        view: Arc::new(view),
    }
}

fn page(board: &Board) -> String {
    let now = at("2026-11-30T12:00:00Z");
    let store = "postgres://watch@db.example/fleet";
    list(board, &Frame { store, now })
}

#[test]
fn the_list_says_how_far_each_run_is() {
    let open = Summary {
        requested: 8,
        succeeded: 3,
        failed: 1,
        running: 2,
        not_attempted: 1,
        unknown: 1,
    };
    let page = page(&board(
        vec![
            listed("r1", RunStatus::Running, known(open)),
            listed("r2", RunStatus::Ended, known(open)),
            listed("r3", RunStatus::Silent, Progress::Unread),
            listed(
                "r4",
                RunStatus::Released,
                Progress::Damaged("half a line".to_owned()),
            ),
        ],
        None,
    ));
    for text in [
        "4 runs, 1 running",
        "3 succeeded, 1 failed, 1 unknown, 3 open",
        "3 succeeded, 1 failed, 1 unknown, 2 running, 1 not attempted",
        "not read yet",
        "its records cannot be read: half a line",
        "<a href=\"/runs/r1\">r1</a>",
        "r1 soft<br>8 servers",
        "<time datetime=\"2026-11-30T10:00:00Z\">2026-11-30 10:00:00 UTC</time> <span class=\"age\">2 h ago</span>",
        "last seen <time datetime=\"2026-11-30T10:05:00Z\">",
        "postgres://watch@db.example/fleet",
        "data-version=\"v-1\"",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("cannot be read.</strong>"));
}

#[test]
fn an_unavailable_store_is_named_with_the_time_of_the_last_read() {
    let page = page(&board(Vec::new(), Some("no connection to <db>")));
    for text in [
        "The store cannot be read.",
        "2026-11-30 11:00:00 UTC",
        "no connection to &lt;db&gt;",
        "There is no run in this store.",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
}

#[test]
fn a_row_changes_only_with_its_run() {
    let runs = [listed("r1", RunStatus::Running, Progress::Unread)];
    let (one, other) = (list_view(&runs, false), list_view(&runs, false));
    assert!(one.is_like(&other));
    let changed = [listed("r1", RunStatus::Silent, Progress::Unread)];
    assert!(!one.is_like(&list_view(&changed, false)));
}

/// Returns the first item that the pages' policy forbids, or that needs a page of another site.
fn forbidden(html: &str) -> Option<&'static str> {
    let inline = [
        " style=",
        " onclick=",
        " onload=",
        " onerror=",
        "javascript:",
        "<style",
        "<iframe",
        "<img",
    ];
    let found = inline.into_iter().find(|text| html.contains(text));
    let scripts = html.matches("<script").count();
    let own = html.matches("<script src=\"/").count();
    found.or((scripts != own).then_some("a script"))
}

#[test]
fn pages_comply_with_their_policy() {
    let runs = vec![listed("r1", RunStatus::Silent, Progress::Unread)];
    let shown = [
        page(&board(runs, Some("away"))),
        login("/runs/x", Some("wrong")),
        message("title", "text"),
    ];
    for html in shown {
        assert_eq!(forbidden(&html), None, "{html}");
        assert!(html.contains("<html lang=\"en\">") && html.contains("<main id=\"main\""));
        assert_eq!(html.matches("<h1>").count(), 1, "{html}");
    }
}

/// Returns the number of each sign of markup in a page.
fn signs(html: &str) -> [usize; 4] {
    ['<', '>', '"', '\''].map(|sign| html.matches(sign).count())
}

proptest! {
    #[test]
    fn nothing_that_a_run_says_becomes_markup(
        text in "[a-z<>\"'&/= \u{202e}\u{0}-\u{7}]{0,12}<[a-z\"'>&]{1,12}",
        state in prop::sample::select(vec![RunStatus::Running, RunStatus::Silent, RunStatus::Ended, RunStatus::Released]),
    ) {
        let plain = board(vec![listed("x", state, Progress::Damaged("x".to_owned()))], Some("x"));
        let odd = board(vec![listed(&text, state, Progress::Damaged(text.clone()))], Some(&text));
        let pages = [
            (page(&plain), page(&odd)),
            (login("x", Some("x")), login(&text, Some(&text))),
            (message("x", "x"), message(&text, &text)),
        ];
        for (plain, odd) in pages {
            // The same elements with the same attributes.
            prop_assert_eq!(signs(&odd), signs(&plain), "{}", odd);
            let is_clean = !odd.contains(['\u{202e}', '\u{0}']);
            prop_assert!(is_clean);
        }
    }
}
