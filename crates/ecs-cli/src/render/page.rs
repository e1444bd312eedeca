//! A run as a self-contained page for browsers, without network access and scripts.

mod axis;
mod drawing;

use std::path::Path;

use super::duration::to_tenths;
use super::show::{next, number, since};
use super::table;
use super::timeline::{Server, Summary, Timeline};

pub(crate) const STYLE: &str = "\
:root{color-scheme:light dark;--ok:#2e7d32;--bad:#c62828;--wait:#1565c0;--pause:#ef9f00;--odd:#8e24aa;--none:#9e9e9e;\
--line:#8883;--band:#8881;--in:#fff}\
@media(prefers-color-scheme:dark){:root{--ok:#66bb6a;--bad:#ef5350;--wait:#64b5f6;--pause:#ffca28;--odd:#ce93d8;--none:#757575;--in:#000}}\
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem}h1{margin-bottom:.3rem}\
table{border-collapse:collapse;width:100%;font-size:13px}td,th{text-align:left;padding:.2rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}\
td:first-child,.id,.at,.o{white-space:nowrap}td:first-child,.id{font-family:ui-monospace,monospace}.facts td:first-child{font-family:inherit;width:9rem}\
svg{width:100%;height:auto}text{fill:currentColor;font:12px system-ui,sans-serif}.in{fill:var(--in);font-size:10.5px}.end{text-anchor:end}.mid{text-anchor:middle}.sign{paint-order:stroke;stroke:Canvas;stroke-width:3px}\
.next{white-space:pre-wrap}.sum{font-size:1.2rem;margin:.2rem 0}.all{display:flex;height:.9rem;width:100%;border-radius:4px;overflow:hidden}.wide{overflow-x:auto}\
.c-ok{background:var(--ok)}.c-bad{background:var(--bad)}.c-wait{background:var(--wait)}.c-pause{background:var(--pause)}.c-odd{background:var(--odd)}.c-none{background:var(--none)}\
text.t-ok{fill:var(--ok)}text.t-bad{fill:var(--bad)}\
.succeeded .o{color:var(--ok)}.failed .o{color:var(--bad)}.unknown .o{color:var(--odd)}.running .o{color:var(--wait)}\
.k i{display:inline-block;width:.8rem;height:.8rem;margin:0 .3rem 0 1rem;border-radius:2px}.only label{margin-right:1rem}";

/// The outcomes with class, text and color, the most urgent ones first.
const OUTCOMES: [(&str, &str, &str); 5] = [
    ("unknown", "unknown", "odd"),
    ("failed", "failed", "bad"),
    ("running", "running", "wait"),
    ("not_attempted", "not attempted", "none"),
    ("succeeded", "succeeded", "ok"),
];

/// The content of a page about a run: each part is updated by itself while the run is active.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) title: String,
    /// The parts above the servers, and the counts of outcomes: the id of each element, and the HTML within it.
    pub(crate) parts: Vec<(&'static str, String)>,
    /// The rows of the servers, with those first that need attention: a key, and the HTML.
    pub(crate) rows: Vec<(String, String)>,
}

impl Content {
    /// Returns the content of a timeline; `path` is the journal's.
    pub(crate) fn of(timeline: &Timeline, path: &(impl AsRef<Path> + ?Sized)) -> Self {
        let title = format!(
            "{} of {} servers",
            timeline.operation,
            timeline.servers.len()
        );
        let headline = format!(
            "<p class=\"sum\">{}</p>\n",
            escape(&super::show::headline(timeline))
        );
        let next: String = next(timeline, path)
            .iter()
            .map(|line| format!("<p class=\"next\">{}</p>\n", escape(line)))
            .collect();
        let mut parts = vec![
            ("headline", headline),
            ("outcomes", strip(&timeline.summary)),
            ("next", next),
            ("facts", facts(timeline)),
            ("drawing", drawing::drawing(timeline)),
            ("waves", waves(timeline)),
            ("problems", problems(timeline)),
        ];
        parts.extend(OUTCOMES.map(|(name, ..)| {
            let count = timeline.summary.of_outcome(name);
            (counter(name), count.to_string())
        }));
        Self {
            title,
            parts,
            rows: rows(timeline),
        }
    }
}

/// Returns the part below the title of a page; `is_live`: its numbers may change.
pub(crate) fn body<'a>(
    is_live: bool,
    parts: &[(&'static str, String)],
    rows: impl IntoIterator<Item = &'a str>,
) -> String {
    let counters = OUTCOMES.map(|(name, ..)| counter(name));
    let mut html = String::new();
    let apart = parts.iter().filter(|(id, _)| !counters.contains(id));
    for (id, part) in apart {
        html.push_str(&format!("<div id=\"{id}\">{part}</div>\n"));
    }
    html.push_str(
        "<h2>Servers</h2>\n<p class=\"only\"><label><input type=\"radio\" name=\"only\" checked> all</label>",
    );
    for ((name, text, _), id) in OUTCOMES.iter().zip(counters) {
        let count = parts.iter().find(|(part, _)| *part == id);
        let count = count.map_or("0", |(_, count)| count);
        if count == "0" && !is_live {
            continue;
        }
        html.push_str(&format!(
            "<label><input type=\"radio\" name=\"only\" id=\"only-{name}\"> <span id=\"{id}\">{count}</span> {text}</label>"
        ));
    }
    html.push_str(
        "</p>\n<div class=\"wide\"><table class=\"servers\"><thead><tr><th scope=\"col\">Server<th scope=\"col\">Name<th scope=\"col\">Outcome\
         <th scope=\"col\">Wave<th scope=\"col\">Request<th scope=\"col\">Job<th scope=\"col\">Reason</tr></thead>\n<tbody id=\"rows\">\n",
    );
    html.extend(rows);
    html + "</tbody></table></div>\n"
}

/// The id of the element with the number of servers of an outcome.
fn counter(name: &str) -> &'static str {
    match name {
        "succeeded" => "count-succeeded",
        "failed" => "count-failed",
        "running" => "count-running",
        "not_attempted" => "count-not_attempted",
        _ => "count-unknown",
    }
}

/// The rules that leave only the servers of one outcome.
pub(crate) fn only() -> String {
    let rule = |(name, ..): &(&str, &str, &str)| {
        format!("body:has(#only-{name}:checked) tr.s:not(.{name}){{display:none}}")
    };
    OUTCOMES.iter().map(rule).collect()
}

/// The whole page; `path` is the journal's.
pub(crate) fn page(timeline: &Timeline, path: &(impl AsRef<Path> + ?Sized)) -> String {
    let content = Content::of(timeline, path);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{}</title><style>{STYLE}{}</style></head><body>\n<h1>{}</h1>\n{}</body></html>\n",
        content.title,
        only(),
        content.title,
        body(
            false,
            &content.parts,
            content.rows.iter().map(|(_, row)| row.as_str())
        )
    )
}

/// A strip of all servers, by outcome.
pub(crate) fn strip(summary: &Summary) -> String {
    let mut strip = format!(
        "<svg class=\"all\" viewBox=\"0 0 {} 1\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
        summary.requested.max(1),
        summary.counts()
    );
    let mut left = 0;
    // From what is done to what is left.
    let [unknown, failed, running, not_attempted, succeeded] = OUTCOMES;
    for (name, text, color) in [succeeded, failed, unknown, running, not_attempted] {
        let count = summary.of_outcome(name);
        if count > 0 {
            strip.push_str(&format!(
                "<rect x=\"{left}\" width=\"{count}\" height=\"1\" fill=\"var(--{color})\"><title>{count} {text}</title></rect>"
            ));
        }
        left += count;
    }
    strip + "</svg>\n"
}

fn facts(timeline: &Timeline) -> String {
    // Addresses have no scheme, so that mail and chat programs do not turn them into links.
    let endpoint = timeline.endpoint.split_once("://");
    let endpoint = endpoint.map_or(timeline.endpoint.as_str(), |(_, host)| host);
    let mut facts = vec![
        ("run".to_owned(), timeline.run_id.clone()),
        ("type".to_owned(), timeline.kind.unwrap_or("-").to_owned()),
        ("service".to_owned(), endpoint.to_owned()),
        ("project".to_owned(), timeline.project_id.clone()),
        (
            "began".to_owned(),
            format!("{:.0}, by {}", timeline.began, timeline.program),
        ),
    ];
    for (letter, mark) in drawing::lettered(timeline) {
        let kind = format!("{letter}: {}", mark.kind.replace('_', " "));
        facts.push((
            kind,
            format!(
                "{:.0} ({}) {}",
                mark.at,
                since(timeline, mark.at),
                mark.text
            ),
        ));
    }
    let (kind, at) = match timeline.ended {
        Some(at) => ("ended", at),
        None => ("last record", timeline.last),
    };
    facts.push((
        kind.to_owned(),
        format!("{at:.0} ({})", since(timeline, at)),
    ));
    let row = |(name, value): (String, String)| {
        format!(
            "<tr><td>{}</td><td>{}</td></tr>\n",
            escape(&name),
            escape(&value)
        )
    };
    let rows: String = facts.into_iter().map(row).collect();
    format!("<table class=\"facts\">\n{rows}</table>\n")
}

fn waves(timeline: &Timeline) -> String {
    if timeline.waves.is_empty() {
        return String::new();
    }
    let mut table = String::from(
        "<h2>Waves</h2>\n<table><tr><th>Wave<th>Servers<th>Began<th>Took<th>Outcomes<th>Restarted hard<th>Health</tr>\n",
    );
    for wave in &timeline.waves {
        table.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td class=\"at\">{}</td><td class=\"at\">{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            wave.wave,
            wave.summary.requested,
            wave.began
                .map_or_else(|| "-".to_owned(), |at| since(timeline, at)),
            wave.took().map_or_else(|| "-".to_owned(), to_tenths),
            wave.summary.counts(),
            wave.restarted_hard,
            escape(&wave.health()),
        ));
    }
    table + "</table>\n"
}

fn problems(timeline: &Timeline) -> String {
    if timeline.problems.is_empty() {
        return String::new();
    }
    let mut table = String::from(
        "<h2>Problems</h2>\n<table><tr><th>What<th>Times<th>First<th>Last<th>Reason</tr>\n",
    );
    for problem in &timeline.problems {
        table.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td class=\"at\">{}</td><td class=\"at\">{}</td><td>{}</td></tr>\n",
            problem.kind.replace('_', " "),
            problem.times,
            since(timeline, problem.first),
            since(timeline, problem.last),
            escape(&table::reason(&(&problem.error).into()))
        ));
    }
    table + "</table>\n"
}

/// Returns the rows, with those first that need attention. The key of a row is the place of its server in the run.
fn rows(timeline: &Timeline) -> Vec<(String, String)> {
    let mut rows = Vec::with_capacity(timeline.servers.len());
    for (name, ..) in OUTCOMES {
        let servers = timeline.servers.iter().enumerate();
        let these = servers.filter(|(_, server)| server.report.outcome.name() == name);
        rows.extend(these.map(|(index, server)| {
            let key = format!("s{index}");
            let row = row(&key, server);
            (key, row)
        }));
    }
    rows
}

fn row(key: &str, server: &Server) -> String {
    let outcome = &server.report.outcome;
    format!(
        "<tr id=\"{key}\" class=\"s {}\"><td>{}</td><td>{}</td><td class=\"o\">{}</td><td>{}</td><td>{}</td><td class=\"id\">{}</td><td>{}</td></tr>\n",
        outcome.name(),
        server.report.id,
        escape(server.report.name.as_deref().unwrap_or("-")),
        table::describe(outcome),
        number(server.wave),
        number(server.request),
        escape(outcome.job_id().map_or("-", |id| id.as_str())),
        escape(&table::reason_with_note(&server.report))
    )
}

/// Escapes text for HTML, also within attributes, and characters that reorder text.
pub(crate) fn escape(text: &str) -> String {
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
mod tests;
