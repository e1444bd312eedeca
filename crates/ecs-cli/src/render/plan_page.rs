//! A plan as a self-contained page for browsers, without network access and scripts.

use std::collections::BTreeMap;

use super::page::{STYLE, escape};

/// The contents of the page.
pub(crate) struct PlanPage {
    pub(crate) title: String,
    /// Labels with their values.
    pub(crate) facts: Vec<(&'static str, String)>,
    pub(crate) servers: Vec<PlanRow>,
}

/// A server of a plan.
pub(crate) struct PlanRow {
    /// The wave, counted from 1; `None` in a plan without waves.
    pub(crate) wave: Option<usize>,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) zone: String,
}

impl PlanPage {
    /// Returns the page.
    pub(crate) fn html(&self) -> String {
        let title = escape(&self.title);
        let facts: String = self
            .facts
            .iter()
            .map(|(label, value)| format!("<tr><td>{label}</td><td>{}</td></tr>\n", escape(value)))
            .collect();
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n\
             <table class=\"facts\">\n{facts}</table>\n{}</body></html>\n",
            self.waves()
        )
    }

    /// Formats a table for each wave, under a strip that shows their sizes.
    fn waves(&self) -> String {
        let mut waves: BTreeMap<Option<usize>, Vec<&PlanRow>> = BTreeMap::new();
        for server in &self.servers {
            waves.entry(server.wave).or_default().push(server);
        }
        let mut text = String::new();
        if waves.len() > 1 {
            let strip: String = waves
                .iter()
                .map(|(wave, servers)| {
                    let (number, count) = (wave.unwrap_or_default(), servers.len());
                    format!(
                        "<div style=\"flex:{count};background:var(--wait);margin-right:2px\" title=\"wave {number}: {count} servers\"></div>"
                    )
                })
                .collect();
            text.push_str(&format!("<div class=\"all\">{strip}</div>\n"));
        }
        for (wave, servers) in waves {
            let count = match servers.len() {
                1 => "1 server".to_owned(),
                many => format!("{many} servers"),
            };
            let heading = wave.map_or(count.clone(), |wave| format!("Wave {wave}: {count}"));
            text.push_str(&format!(
                "<h2>{heading}</h2>\n<table>\n<tr><th>id</th><th>name</th><th>status</th><th>zone</th></tr>\n"
            ));
            for server in servers {
                let cells = [&server.id, &server.name, &server.status, &server.zone];
                let cells: String = cells
                    .iter()
                    .map(|cell| format!("<td>{}</td>", escape(cell)))
                    .collect();
                text.push_str(&format!("<tr>{cells}</tr>\n"));
            }
            text.push_str("</table>\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wave_has_its_servers_and_nothing_becomes_markup() {
        let row = |wave, id: &str, name: &str| PlanRow {
            wave: Some(wave),
            id: id.to_owned(),
            name: name.to_owned(),
            status: "ACTIVE".to_owned(),
            zone: "eu-de-01".to_owned(),
        };
        let page = PlanPage {
            title: "Restart 3 servers softly".to_owned(),
            facts: vec![("options", "--health-cmd 'a < b'".to_owned())],
            servers: vec![
                row(1, "a", "<script>alert(1)</script>"),
                row(2, "b", "web"),
                row(2, "c", "db"),
            ],
        };
        let html = page.html();
        assert!(html.contains("<h2>Wave 1: 1 server</h2>"), "{html}");
        assert!(html.contains("<h2>Wave 2: 2 servers</h2>"));
        assert!(html.contains("a &lt; b"));
        assert!(!html.contains("<script"));
        let second = html.split("Wave 2: 2").nth(2).or(html.split("<h2>").nth(2));
        assert!(second.is_some_and(|wave| wave.contains("<td>c</td>")));
    }
}
