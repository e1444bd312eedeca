//! A run as a self-contained page for browsers, without network access and scripts.

mod axis;
mod drawing;

use std::path::Path;

use super::duration::to_tenths;
use super::show::{next, number, since};
use super::table;
use super::timeline::{Server, Timeline};

pub(super) const STYLE: &str = "\
:root{color-scheme:light dark;--ok:#2e7d32;--bad:#c62828;--wait:#1565c0;--pause:#ef9f00;--odd:#8e24aa;--none:#9e9e9e;\
--line:#8883;--band:#8881}\
@media(prefers-color-scheme:dark){:root{--ok:#66bb6a;--bad:#ef5350;--wait:#64b5f6;--pause:#ffca28;--odd:#ce93d8;--none:#757575}}\
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem}h1{margin-bottom:.3rem}\
table{border-collapse:collapse;width:100%;font-size:13px}td,th{text-align:left;padding:.2rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}\
td:first-child,.id,.at,.o{white-space:nowrap}td:first-child,.id{font-family:ui-monospace,monospace}.facts td:first-child{font-family:inherit;width:9rem}\
svg{width:100%;height:auto}text{fill:currentColor;font:12px system-ui,sans-serif}.in{fill:#fff;font-size:10.5px}.end{text-anchor:end}.mid{text-anchor:middle}.sign{paint-order:stroke;stroke:Canvas;stroke-width:3px}\
.next{white-space:pre-wrap}.sum{font-size:1.2rem;margin:.2rem 0}.all{display:flex;height:.9rem;border-radius:4px;overflow:hidden}\
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

/// Returns the page; `path` is the journal's.
pub(crate) fn page(timeline: &Timeline, path: &(impl AsRef<Path> + ?Sized)) -> String {
    let title = format!(
        "{} of {} servers",
        timeline.operation,
        timeline.servers.len()
    );
    let only: String = OUTCOMES
        .iter()
        .map(|(name, ..)| {
            format!("body:has(#only-{name}:checked) tr.s:not(.{name}){{display:none}}")
        })
        .collect();
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><style>{STYLE}{only}</style></head><body>\n<h1>{title}</h1>\n\
         <p class=\"sum\">{}</p>\n{}",
        escape(&super::show::headline(timeline)),
        all(timeline)
    );
    for line in next(timeline, path) {
        page.push_str(&format!("<p class=\"next\">{}</p>\n", escape(&line)));
    }
    page.push_str(&facts(timeline));
    page.push_str(&drawing::drawing(timeline));
    page.push_str(&waves(timeline));
    page.push_str(&problems(timeline));
    page.push_str(&servers(timeline));
    page.push_str("</body></html>\n");
    page
}

/// Draws a strip of all servers by outcome.
fn all(timeline: &Timeline) -> String {
    let mut strip = String::from("<div class=\"all\">");
    for (name, text, color) in OUTCOMES.iter().rev() {
        let count = timeline.summary.of_outcome(name);
        if count > 0 {
            strip.push_str(&format!(
                "<div style=\"flex:{count};background:var(--{color})\" title=\"{count} {text}\"></div>"
            ));
        }
    }
    strip + "</div>\n"
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
        let what = format!("{letter}: {}", mark.what.replace('_', " "));
        facts.push((
            what,
            format!(
                "{:.0} ({}) {}",
                mark.at,
                since(timeline, mark.at),
                mark.text
            ),
        ));
    }
    let (what, at) = match timeline.ended {
        Some(at) => ("ended", at),
        None => ("last record", timeline.last),
    };
    facts.push((
        what.to_owned(),
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
            problem.what.replace('_', " "),
            problem.times,
            since(timeline, problem.first),
            since(timeline, problem.last),
            escape(&table::reason(&(&problem.error).into()))
        ));
    }
    table + "</table>\n"
}

/// Formats a table of the servers, the most urgent ones first.
fn servers(timeline: &Timeline) -> String {
    let mut table = String::from(
        "<h2>Servers</h2>\n<p class=\"only\"><label><input type=\"radio\" name=\"only\" checked> all</label>",
    );
    for (name, text, _) in OUTCOMES {
        let count = timeline.summary.of_outcome(name);
        if count > 0 {
            table.push_str(&format!(
                "<label><input type=\"radio\" name=\"only\" id=\"only-{name}\"> {count} {text}</label>"
            ));
        }
    }
    table.push_str(
        "</p>\n<table><tr><th>Server<th>Name<th>Outcome<th>Wave<th>Request<th>Job<th>Reason</tr>\n",
    );
    for (name, ..) in OUTCOMES {
        let these = timeline
            .servers
            .iter()
            .filter(|server| server.report.outcome.name() == name);
        these.for_each(|server| table.push_str(&row(server)));
    }
    table + "</table>\n"
}

fn row(server: &Server) -> String {
    let outcome = &server.report.outcome;
    format!(
        "<tr class=\"s {}\"><td>{}</td><td>{}</td><td class=\"o\">{}</td><td>{}</td><td>{}</td><td class=\"id\">{}</td><td>{}</td></tr>\n",
        outcome.name(),
        server.report.id,
        escape(server.report.name.as_deref().unwrap_or("-")),
        table::describe(outcome),
        number(server.wave),
        number(server.request),
        escape(outcome.job_id().map_or("-", |id| id.as_str())),
        escape(&table::why(&server.report))
    )
}

/// Escapes text for HTML, also within attributes, and characters that reorder text.
pub(super) fn escape(text: &str) -> String {
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
