//! Pages of synthetic journals.

use ecs_ops::PowerAction;
use ecs_ops::journal::{
    Entry, ErrorRecord, JsonlJournal, OutcomeKind, OutcomeRecord, Purpose, Record, RunRecord,
};
use ecs_ops::model::{RebootType, ServerId};

use super::*;

/// Returns the timeline of a journal with these records, each with its time in milliseconds after the first one.
async fn timeline(count: usize, records: impl Fn(&[ServerId]) -> Vec<(i64, Record)>) -> Timeline {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.jsonl");
    let id = |number| format!("616fb98f-46ca-475e-917e-{number:012}");
    let servers: Vec<ServerId> = (0..count).map(|value| id(value).parse().unwrap()).collect();
    let action = PowerAction::Reboot(RebootType::Soft);
    let endpoint = "https://ecs.example".parse().unwrap();
    let records = records(&servers);
    let run = RunRecord::new("r", &endpoint, "p".parse().unwrap(), action, servers);
    let began: jiff::Timestamp = "2026-11-24T01:00:00Z".parse().unwrap();
    let run = (0, Record::Run(Box::new(run)));
    let mut lines = Vec::new();
    for (seq, (after, record)) in (0..).zip([run].into_iter().chain(records)) {
        let at = began + jiff::SignedDuration::from_millis(after);
        lines.extend(Entry::new(seq, at, record).to_line().unwrap());
    }
    std::fs::write(&path, lines).unwrap();
    Timeline::of(JsonlJournal::read(&path).unwrap()).unwrap()
}

fn intent(request: usize, servers: &[ServerId]) -> Record {
    Record::Intent {
        request,
        attempt: 1,
        purpose: Purpose::First,
        servers: servers.to_vec(),
    }
}

/// Throttled, with a retry two seconds later.
fn throttled(request: usize, message: &str) -> Record {
    Record::NotExecuted {
        request,
        throttled: true,
        retry_after_ms: Some(2000),
        error: ErrorRecord {
            code: None,
            message: message.to_owned(),
        },
    }
}

fn sending(request: usize) -> Record {
    Record::Sending {
        request,
        attempt: 1,
        remote: None,
    }
}

fn accepted(request: usize) -> Record {
    Record::Accepted {
        request,
        job_id: format!("job-{request}").parse().unwrap(),
        request_id: None,
    }
}

fn stopping() -> Record {
    let reason = "a signal".to_owned();
    Record::Stopping {
        reason,
        cause: None,
    }
}

/// Returns the first part of the page between these texts.
fn between<'a>(page: &'a str, from: &str, until: &str) -> &'a str {
    let (_, rest) = page
        .split_once(from)
        .unwrap_or_else(|| panic!("{from}: {page}"));
    rest.split_once(until)
        .unwrap_or_else(|| panic!("{until}: {page}"))
        .0
}

/// Returns the times on the axis.
fn labels(page: &str) -> Vec<&str> {
    let texts = page.split("<text ").skip(1);
    let times = texts.filter(|text| text.contains("y=\"12\""));
    times.map(|text| between(text, ">", "<")).collect()
}

/// A thousand servers, whose requests were refused with a script in the message.
#[tokio::test]
async fn a_page_is_safe_complete_and_small() {
    let output = "<script>alert('x')</script>\u{202e}&";
    let timeline = timeline(1000, |servers| {
        let request = |(index, part): (usize, &[ServerId])| {
            [
                (0, intent(index + 1, part)),
                (0, throttled(index + 1, output)),
            ]
        };
        servers.chunks(100).enumerate().flat_map(request).collect()
    })
    .await;
    assert_eq!(timeline.problems.len(), 1);
    assert_eq!(
        (timeline.problems[0].times, timeline.summary.not_attempted),
        (10, 1000)
    );
    let pauses = timeline.requests[0].pauses(None);
    assert_eq!(pauses.len(), 1);
    assert_eq!(pauses[0].until.duration_since(pauses[0].from).as_secs(), 2);
    let page = page(&timeline, "<b>.jsonl");
    assert!(!page.contains("<script") && !page.contains("<b>") && !page.contains('\u{202e}'));
    assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)") && !page.contains("http"));
    assert!(page.len() < 1_000_000, "{}", page.len());
    for server in &timeline.servers {
        let id = server.report.id.to_string();
        assert_eq!(page.matches(&id).count(), 1, "{id}");
    }
}

/// Its pause and its jobs continue after the last record.
#[tokio::test]
async fn a_run_without_an_end_has_open_bars() {
    let timeline = timeline(2, |servers| {
        vec![
            (0, intent(1, &servers[..1])),
            (0, sending(1)),
            (0, accepted(1)),
            (1000, intent(2, &servers[1..])),
            (2000, throttled(2, "slower")),
        ]
    })
    .await;
    let page = page(&timeline, "run.jsonl");
    assert!(
        page.contains("<td>last record</td><td>2026-11-24T01:00:02Z (+2.0 s)</td>"),
        "{page}"
    );
    assert!(
        !page.contains("<td>ended</td>") && !page.contains("Dashed"),
        "{page}"
    );
    // The full width.
    assert!(
        page.contains(
            "<rect x=\"130.0\" y=\"54\" width=\"820.0\" height=\"14\" rx=\"2\" fill=\"var(--wait)\""
        ),
        "{page}"
    );
    assert_eq!(labels(&page), ["0.0 s", "1.0 s", "2.0 s", "3.0 s", "4.0 s"]);
    // The first one stays within the left edge, the last one within the right one.
    for label in [
        "<text x=\"130.0\" y=\"12\">0.0 s<",
        "<text x=\"950.0\" y=\"12\" class=\"end\">4.0 s<",
    ] {
        assert!(page.contains(label), "{label}: {page}");
    }
    for cell in [
        "td:first-child,.id,.at,.o{white-space:nowrap}",
        "<td class=\"at\">+2.0 s</td>",
    ] {
        assert!(page.contains(cell), "{cell}: {page}");
    }
}

#[tokio::test]
async fn an_ended_run_shows_its_end() {
    let timeline = timeline(0, |_| vec![(1500, Record::Ended {})]).await;
    let page = page(&timeline, "run.jsonl");
    assert!(
        page.contains("<td>ended</td>") && !page.contains("<td>last record</td>"),
        "{page}"
    );
}

/// One failed server is visible, but does not make the bar of a whole request red.
#[tokio::test]
async fn one_failed_server_of_many_is_visible() {
    for (requests, height, part) in [(1, 14, 3), (151, 4, 1)] {
        let timeline = timeline(89 + requests - 1, |servers| {
            let mut records = vec![
                (0, intent(1, &servers[..89])),
                (0, sending(1)),
                (0, accepted(1)),
            ];
            let rest = servers[89..].iter().enumerate();
            records.extend(rest.map(|(value, id)| (0, intent(value + 2, &[*id]))));
            let outcome = OutcomeRecord {
                id: servers[0],
                outcome: OutcomeKind::Failed,
                job_id: "job-1".parse().ok(),
                evidence: None,
                error: None,
            };
            let servers = vec![outcome];
            records.push((1000, Record::Outcomes { servers }));
            records
        })
        .await;
        let page = page(&timeline, "run.jsonl");
        let bar = between(
            &page,
            "fill=\"var(--wait)\"><title>job job-1",
            "fill=\"var(--bad)\"",
        );
        assert!(
            bar.contains(&format!(" height=\"{part}\" ")),
            "{height}: {bar}"
        );
        assert!(page.contains(&format!(
            "height=\"{height}\" rx=\"2\" fill=\"var(--wait)\""
        )));
    }
}

#[tokio::test]
async fn axis_labels_are_not_repeated() {
    for (long, times) in [
        (0, vec![]),
        (20, vec!["0.00 s", "0.01 s", "0.02 s"]),
        (400, vec!["0.00 s", "0.10 s", "0.20 s", "0.30 s", "0.40 s"]),
        (
            32_400_000,
            vec![
                "0 min",
                "2 h 15 min",
                "4 h 30 min",
                "6 h 45 min",
                "9 h 0 min",
            ],
        ),
    ] {
        let timeline = timeline(0, |_| vec![(long, stopping())]).await;
        assert_eq!(labels(&page(&timeline, "run.jsonl")), times);
    }
    // A night, and then less than a minute.
    let resumed = |program: &str| Record::Resumed {
        program: program.to_owned(),
        continues_stopped: false,
        invocation: None,
    };
    let timeline = timeline(0, |_| {
        vec![
            (20_000, stopping()),
            (32_460_000, resumed("x")),
            (32_480_000, stopping()),
        ]
    })
    .await;
    let page = page(&timeline, "run.jsonl");
    let times = labels(&page);
    assert_eq!(times.first(), Some(&"0 s"));
    assert_eq!(times.last(), Some(&"9 h 1 min 20 s"));
    assert!(times.windows(2).all(|two| two[0] != two[1]), "{times:?}");
}

#[tokio::test]
async fn close_annotations_share_a_label() {
    let timeline = timeline(0, |_| {
        [0, 500_000, 500_000, 500_100, 1_000_000]
            .map(|at| (at, stopping()))
            .into()
    })
    .await;
    let page = page(&timeline, "run.jsonl");
    for label in [
        ">a<title>",
        ">b–d<title>b: stopping a signal; c: ",
        ">e<title>",
    ] {
        assert_eq!(page.matches(label).count(), 1, "{label}: {page}");
    }
    assert_eq!(page.matches("stroke-dasharray").count(), 5);
    assert!(page.contains("Dashed lines: see"));
}

#[test]
fn every_annotation_has_its_own_letters() {
    let letters: Vec<String> = (0..1000).map(drawing::letters).collect();
    assert_eq!(
        [
            &letters[0],
            &letters[25],
            &letters[26],
            &letters[701],
            &letters[702]
        ],
        ["a", "z", "aa", "zz", "aaa"]
    );
    let different: std::collections::HashSet<_> = letters.iter().collect();
    assert_eq!(different.len(), letters.len());
}
