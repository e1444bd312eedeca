//! What a journal says, as one page that needs nothing else: no network, no scripts.

use jiff::Timestamp;

use super::show::{next, seconds, summary};
use super::table;
use super::timeline::{Answer, Timeline};

const STYLE: &str = "\
:root{color-scheme:light dark;--ok:#2e7d32;--bad:#c62828;--wait:#1565c0;--pause:#ef9f00;--odd:#8e24aa;--line:#8884}\
@media(prefers-color-scheme:dark){:root{--ok:#66bb6a;--bad:#ef5350;--wait:#64b5f6;--pause:#ffca28;--odd:#ce93d8}}\
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem}\
table{border-collapse:collapse;width:100%;font-size:13px}td,th{text-align:left;padding:.2rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}\
td:first-child,.id{font-family:ui-monospace,monospace}svg{width:100%;height:auto}text{fill:currentColor;font:12px system-ui,sans-serif}\
.sum{font-size:1.2rem}.succeeded{color:var(--ok)}.failed{color:var(--bad)}.unknown{color:var(--odd)}.running{color:var(--wait)}\
.k i{display:inline-block;width:.8rem;height:.8rem;margin:0 .3rem 0 1rem;border-radius:2px}";

/// Where the time axis begins and how long it is, in units of the drawing.
const LEFT: f64 = 90.0;
const WIDTH: f64 = 880.0;
const ROW: usize = 20;
const TOP: usize = 26;

/// The whole page; `path` is the journal's.
pub(crate) fn page(it: &Timeline, path: &str) -> String {
    let title = format!("{} of {} servers", it.operation, it.servers.len());
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n\
         <p class=\"sum\">{}</p>\n",
        escape(&summary(&it.summary))
    );
    for line in next(it, path) {
        page.push_str(&format!("<p>{}</p>\n", escape(&line)));
    }
    page.push_str("<table>\n");
    // Addresses are shown without their scheme, so that nothing makes links of them.
    let endpoint = it
        .endpoint
        .split_once("://")
        .map_or(it.endpoint.as_str(), |(_, host)| host);
    let mut facts = vec![
        ("run", it.run_id.clone()),
        ("type", it.kind.unwrap_or("-").to_owned()),
        ("service", endpoint.to_owned()),
        ("project", it.project_id.clone()),
        ("began", format!("{:.0}, by {}", it.began, it.program)),
    ];
    let marks = it.marks.iter();
    facts.extend(marks.map(|mark| (mark.what, format!("{:.0} {}", mark.at, mark.words))));
    for (name, value) in facts {
        let name = name.replace('_', " ");
        page.push_str(&format!(
            "<tr><td>{name}</td><td>{}</td></tr>\n",
            escape(&value)
        ));
    }
    page.push_str("</table>\n<h2>What happened when</h2>\n<p class=\"k\">");
    for (color, words) in [
        ("ok", "job succeeded"),
        ("wait", "job waited for, or not seen to end"),
        ("bad", "failures"),
        ("pause", "throttled"),
        ("odd", "no answer"),
    ] {
        page.push_str(&format!(
            "<i style=\"background:var(--{color})\"></i>{words}"
        ));
    }
    page.push_str("</p>\n<p>A row for each batch: its number, and how many servers it has. Dashed: the marks of the table above.</p>\n");
    page.push_str(&drawing(it));
    if !it.problems.is_empty() {
        page.push_str("<h2>Problems</h2>\n<table><tr><th>What<th>Times<th>First<th>Reason</tr>\n");
        for problem in &it.problems {
            page.push_str(&format!(
                "<tr><td>{}</td><td>{}</td><td>+{}</td><td>{}</td></tr>\n",
                problem.what.replace('_', " "),
                problem.times,
                seconds(it.since(problem.first)),
                escape(&table::reason(&(&problem.error).into()))
            ));
        }
        page.push_str("</table>\n");
    }
    page.push_str(
        "<h2>Servers</h2>\n<table><tr><th>Server<th>Outcome<th>Batch<th>Job<th>Reason</tr>\n",
    );
    for server in &it.servers {
        page.push_str(&format!(
            "<tr><td>{}</td><td class=\"{}\">{}</td><td>{}</td><td class=\"id\">{}</td><td>{}</td></tr>\n",
            server.id,
            server.outcome.name(),
            table::words(&server.outcome),
            server.batch.map_or_else(|| "-".to_owned(), |batch| batch.to_string()),
            escape(server.job_id.as_ref().map_or("-", |id| id.as_str())),
            escape(&table::why(&server.outcome))
        ));
    }
    page.push_str("</table>\n</body></html>\n");
    page
}

/// A row for each batch, and a line down for what concerns all.
fn drawing(it: &Timeline) -> String {
    let pauses = it.batches.iter().flat_map(|batch| batch.pauses(it.ended));
    let end = pauses
        .map(|pause| pause.until)
        .fold(it.last, Timestamp::max);
    let whole = it.since(end).as_secs_f64().max(1.0);
    let x = |at: Timestamp| LEFT + it.since(at).as_secs_f64().clamp(0.0, whole) / whole * WIDTH;
    let height = TOP + ROW * it.batches.len() + 10;
    let mut svg = format!("<svg viewBox=\"0 0 1000 {height}\" role=\"img\">\n");
    for tick in 0..=4_u8 {
        let part = f64::from(tick) / 4.0;
        let at = LEFT + part * WIDTH;
        let time = jiff::SignedDuration::try_from_secs_f64(whole * part).unwrap_or_default();
        svg.push_str(&format!(
            "<path d=\"M{at:.1} 18V{height}\" stroke=\"var(--line)\"/><text x=\"{at:.1}\" y=\"12\" text-anchor=\"middle\">{}</text>\n",
            seconds(time)
        ));
    }
    for mark in &it.marks {
        svg.push_str(&format!(
            "<path d=\"M{:.1} 18V{height}\" stroke=\"currentColor\" stroke-dasharray=\"3 3\"><title>{} {}</title></path>\n",
            x(mark.at),
            mark.what.replace('_', " "),
            escape(&mark.words)
        ));
    }
    for (index, batch) in it.batches.iter().enumerate() {
        let y = TOP + ROW * index;
        svg.push_str(&format!(
            "<text x=\"4\" y=\"{}\">{} ({})</text>\n",
            y + 12,
            batch.batch,
            batch.servers
        ));
        let mut bar = |from: f64, to: f64, color: &str, title: &str| {
            let width = (to - from).max(2.0);
            svg.push_str(&format!(
                "<rect x=\"{from:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"14\" rx=\"2\" fill=\"var(--{color})\"><title>{}</title></rect>\n",
                escape(title)
            ));
        };
        for pause in batch.pauses(it.ended) {
            bar(x(pause.from), x(pause.until), "pause", "throttled");
        }
        for attempt in &batch.attempts {
            let from = attempt.sent.unwrap_or(attempt.intended);
            let color = match attempt.result {
                Answer::None | Answer::Lost => "odd",
                Answer::NotExecuted => "bad",
                // Its job's bar and its pause show it.
                Answer::Accepted | Answer::Throttled => continue,
            };
            let said = attempt
                .error
                .as_ref()
                .map_or("no answer is written down", |it| &it.message);
            bar(x(from), x(attempt.answered.unwrap_or(from)), color, said);
        }
        for job in it.jobs.iter().filter(|job| job.batch == batch.batch) {
            let color = match (job.bad, job.status.as_deref()) {
                (0, Some("SUCCESS")) => "ok",
                (0, None) => "wait",
                _ => "bad",
            };
            let status = job.status.as_deref().unwrap_or("no end seen");
            let title = format!(
                "job {}: {status}, {} of {} servers bad",
                job.job_id, job.bad, job.servers
            );
            bar(
                x(job.accepted),
                x(job.over.unwrap_or(it.last)),
                color,
                &title,
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// As text of HTML, wherever it stands; and without what reorders text.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in crate::term::clean(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use ecs_ops::journal::{Journal as _, JsonlJournal, Note, Purpose, Record, RunRecord};
    use ecs_ops::{PowerAction, model::RebootType};

    use super::*;

    /// A thousand servers, whose requests were refused with a script in the words.
    #[tokio::test]
    async fn a_page_is_safe_whole_and_small() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run.jsonl");
        let servers: Vec<_> = (0..1000)
            .map(|number| {
                format!("616fb98f-46ca-475e-917e-{number:012}")
                    .parse()
                    .unwrap()
            })
            .collect();
        let action = PowerAction::Reboot(RebootType::Soft);
        let endpoint = "https://ecs.example".parse().unwrap();
        let run = RunRecord::new(
            "r",
            &endpoint,
            "p".parse().unwrap(),
            action,
            servers.clone(),
        );
        let journal = JsonlJournal::create(&path).unwrap();
        let at = "2026-11-24T01:00:00Z".parse().unwrap();
        journal
            .append(at, Record::Run(Box::new(run)))
            .await
            .unwrap();
        for (index, part) in servers.chunks(100).enumerate() {
            let (batch, servers) = (index + 1, part.to_vec());
            let intent = Record::Intent {
                batch,
                attempt: 1,
                purpose: Purpose::First,
                servers,
            };
            journal.append(at, intent).await.unwrap();
            let error = Note {
                code: None,
                message: "<script>alert('x')</script>\u{202e}&".to_owned(),
            };
            let refused = Record::NotExecuted {
                batch,
                throttled: true,
                retry_after_ms: Some(2000),
                error,
            };
            journal.append(at, refused).await.unwrap();
        }
        let timeline = Timeline::of(JsonlJournal::read(&path).unwrap()).unwrap();
        assert_eq!(timeline.problems.len(), 1);
        assert_eq!(
            (timeline.problems[0].times, timeline.summary.not_attempted),
            (10, 1000)
        );
        let pauses = timeline.batches[0].pauses(None);
        assert_eq!(pauses.len(), 1);
        assert_eq!(pauses[0].until.duration_since(pauses[0].from).as_secs(), 2);
        let page = page(&timeline, "<b>.jsonl");
        assert!(!page.contains("<script") && !page.contains("<b>") && !page.contains('\u{202e}'));
        assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)") && !page.contains("http"));
        assert!(page.len() < 1_000_000, "{}", page.len());
        for id in &servers {
            assert_eq!(page.matches(&id.to_string()).count(), 1, "{id}");
        }
    }
}
