//! The drawing of a run: a row for each request, under its waves.

use jiff::Timestamp;

use super::axis::Axis;
use super::escape;
use crate::render::duration::{distinguishable, to_tenths};
use crate::render::timeline::{Annotation, AttemptResult, JobRow, RequestRow, Span, Timeline};

/// The beginning and the length of the time axis, in units of the drawing.
const LEFT: f64 = 130.0;
const WIDTH: f64 = 820.0;
/// The top of the rows, below the times, the waves and the health checks.
const TOP: usize = 54;
/// An upper limit of the width of a character in the page's font.
const LETTER: f64 = 7.0;
/// The least distance between two texts.
const GAP: f64 = 4.0;
/// The width of the sign of a health check.
const SIGN: f64 = 14.0;
/// The number of requests above which rows are narrow.
const MANY: usize = 150;

const KEYS: [(&str, &str); 6] = [
    ("ok", "succeeded"),
    ("bad", "failed or unknown, as a share of the servers"),
    ("wait", "waited for, or end unknown"),
    ("pause", "throttled"),
    ("odd", "no answer"),
    ("none", "pause between waves"),
];

/// Returns the annotations of the whole run, each with its letters: a to z, then aa, ab and so on.
pub(super) fn lettered(timeline: &Timeline) -> impl Iterator<Item = (String, &Annotation)> {
    let marks = timeline
        .marks
        .iter()
        .filter(|mark| mark.is_listed_separately());
    marks
        .enumerate()
        .map(|(index, mark)| (letters(index), mark))
}

/// Returns `a` for 0, `z` for 25, `aa` for 26.
pub(super) fn letters(index: usize) -> String {
    let last = char::from(b'a' + u8::try_from(index % 26).unwrap_or_default());
    match (index / 26).checked_sub(1) {
        Some(before) => format!("{}{last}", letters(before)),
        None => last.to_string(),
    }
}

/// Returns an upper limit of the width of a text on the page.
fn width(text: &str) -> f64 {
    LETTER * text.chars().map(|_| 1.0).sum::<f64>()
}

pub(super) fn drawing(timeline: &Timeline) -> String {
    let pauses = timeline
        .requests
        .iter()
        .flat_map(|request| request.pauses(timeline.ended));
    let until = pauses
        .map(|pause| pause.until)
        .fold(timeline.last, Timestamp::max);
    let axis = Axis::new(
        Span {
            from: timeline.began,
            until,
        },
        &timeline.gaps,
    );
    let row = if timeline.requests.len() > MANY {
        6
    } else {
        20
    };
    let drawing = Drawing {
        timeline,
        until,
        bottom: TOP + row * timeline.requests.len() + 2,
        row,
        axis,
    };
    let dashed = if timeline.marks.iter().any(Annotation::is_listed_separately) {
        " Dashed lines: see the table above."
    } else {
        ""
    };
    let (bands, signs) = drawing.waves();
    let marks = drawing.marks();
    let keys = KEYS.map(|(color, text)| format!("<i class=\"c-{color}\"></i>{text}"));
    let checked = timeline.waves.iter().any(|wave| !wave.checks.is_empty());
    let waves = match (timeline.waves.is_empty(), checked) {
        (true, _) => "",
        (false, false) => ", under its wave",
        (false, true) => ", under its wave; ✓ and ✗ are health checks",
    };
    format!(
        "<h2>Timeline</h2>\n<p class=\"k\">{}</p>\n<p>A row for each request: its number, and how many servers it \
         has{waves}.{dashed}</p>\n<svg viewBox=\"0 0 1000 {}\" \
         role=\"img\">\n{}{}{}{}{}</svg>\n",
        keys.concat(),
        drawing.bottom + 20,
        bands,
        drawing.times(),
        marks,
        drawing.requests(),
        signs,
    )
}

struct Drawing<'a> {
    timeline: &'a Timeline,
    axis: Axis,
    /// The end of the times. Bars without an end reach until there.
    until: Timestamp,
    /// The height of a row.
    row: usize,
    /// The bottom of the rows.
    bottom: usize,
}

impl Drawing<'_> {
    fn x(&self, at: Timestamp) -> f64 {
        LEFT + self.axis.at(at) * WIDTH
    }

    /// Draws a band for each wave, its number and the pause after it. Also returns its health checks, which are drawn
    /// above all else.
    fn waves(&self) -> (String, String) {
        let mut svg = String::new();
        // The signs with their places, and whether the check failed.
        let mut signs: Vec<(f64, bool, String)> = Vec::new();
        let began = self
            .timeline
            .waves
            .iter()
            .filter_map(|wave| Some((wave.began?, wave)));
        let began: Vec<_> = began.collect();
        for (index, (from, wave)) in began.iter().enumerate() {
            let next = began.get(index + 1).map(|(at, _)| *at);
            let checked = wave.checks.last().map(|health| health.at);
            let end = wave.over.max(checked).unwrap_or(next.unwrap_or(self.until));
            let (left, right) = (self.x(*from), self.x(end.min(next.unwrap_or(end))));
            let number = wave.wave;
            let band = if index % 2 == 0 { "band" } else { "line" };
            let shown = format!("wave {number}: {}", wave.summary.counts());
            svg.push_str(&format!(
                "<rect x=\"{left:.1}\" y=\"18\" width=\"{:.1}\" height=\"{}\" fill=\"var(--{band})\"><title>{shown}</title></rect>\n",
                (right - left).max(1.0),
                self.bottom - 18
            ));
            let names = [format!("wave {number}"), number.to_string()];
            let name = names
                .into_iter()
                .find(|name| width(name) + 2.0 * GAP < right - left);
            if let Some(text) = name {
                svg.push_str(&format!(
                    "<text x=\"{:.1}\" y=\"31\">{text}</text>\n",
                    left + 3.0
                ));
            }
            for health in &wave.checks {
                let (sign, color) = if health.healthy {
                    ("✓", "ok")
                } else {
                    ("✗", "bad")
                };
                // Signs do not overlap: a failed check replaces a passed one.
                let x = self.x(health.at).max(LEFT + SIGN);
                match signs.last() {
                    Some((last, failed, _)) if x < last + SIGN => {
                        if health.healthy || *failed {
                            continue;
                        }
                        signs.pop();
                    }
                    _ => {}
                }
                let sign = format!(
                    "<text x=\"{x:.1}\" y=\"{}\" class=\"end sign t-{color}\">{sign}<title>health: {}</title></text>\n",
                    TOP - 10,
                    escape(&health.text())
                );
                signs.push((x, !health.healthy, sign));
            }
            let idle = |next: &Timestamp| {
                let mut gaps = self.timeline.gaps.iter();
                self.x(*next) - right > 2.0
                    && !gaps.any(|gap| gap.from >= end && gap.until <= *next)
            };
            if let Some(next) = next.filter(idle) {
                svg.push_str(&format!(
                    "<rect x=\"{right:.1}\" y=\"25\" width=\"{:.1}\" height=\"4\" fill=\"var(--none)\"><title>pause of {}</title></rect>\n",
                    self.x(next) - right,
                    to_tenths(next.duration_since(end))
                ));
            }
        }
        let signs = signs.into_iter().map(|(_, _, sign)| sign);
        (svg, signs.collect())
    }

    fn times(&self) -> String {
        let mut svg = String::new();
        let ticks = self.axis.ticks();
        // The right end of the last label, and its text.
        let (mut reached, mut shown) = (f64::NEG_INFINITY, String::new());
        for (index, tick) in ticks.iter().enumerate() {
            let x = LEFT + tick.place * WIDTH;
            svg.push_str(&format!(
                "<path d=\"M{x:.1} 18V{}\" stroke=\"var(--line)\"/>",
                self.bottom
            ));
            let time = distinguishable(self.timeline.since(tick.at), tick.apart);
            let wide = width(&time);
            // Labels at the edges stay within the drawing.
            let (left, class) = match index {
                0 => (x, ""),
                index if index + 1 == ticks.len() => (x - wide, " class=\"end\""),
                _ => (x - wide / 2.0, " class=\"mid\""),
            };
            if left > reached + LETTER && time != shown {
                svg.push_str(&format!(
                    "<text x=\"{x:.1}\" y=\"12\"{class}>{time}</text>\n"
                ));
                (reached, shown) = (left + wide, time);
            }
        }
        for cut in self.axis.cuts() {
            let left = LEFT + cut.from * WIDTH;
            svg.push_str(&format!(
                "<rect x=\"{left:.1}\" y=\"18\" width=\"{:.1}\" height=\"{}\" fill=\"var(--line)\"><title>nothing for {}</title></rect>\n",
                (cut.until - cut.from) * WIDTH,
                self.bottom - 18,
                to_tenths(cut.time.until.duration_since(cut.time.from))
            ));
        }
        svg
    }

    /// Draws a line for each annotation, and its letters below. Annotations without room for their letters share a
    /// label, such as `c–f`.
    fn marks(&self) -> String {
        let mut marks: Vec<_> = lettered(self.timeline)
            .map(|(letters, mark)| (self.x(mark.at), letters, mark))
            .collect();
        // Clocks may be set back in between.
        marks.sort_by(|(one, ..), (other, ..)| one.total_cmp(other));
        let mut svg = String::new();
        let mut labels: Vec<(f64, String, String)> = Vec::new();
        for (x, letters, mark) in marks {
            svg.push_str(&format!(
                "<path d=\"M{x:.1} 18V{}\" stroke=\"currentColor\" stroke-dasharray=\"3 3\"/>",
                self.bottom
            ));
            let title = format!("{letters}: {} {}", mark.kind.replace('_', " "), mark.text);
            match labels.last_mut() {
                Some((left, label, titles)) if x < *left + width(label) + GAP => {
                    let first = label.split('–').next().unwrap_or_default();
                    *label = format!("{first}–{letters}");
                    titles.push_str(&format!("; {title}"));
                }
                _ => labels.push((x, letters, title)),
            }
        }
        for (x, label, title) in labels {
            svg.push_str(&format!(
                "<text x=\"{x:.1}\" y=\"{}\">{label}<title>{}</title></text>\n",
                self.bottom + 13,
                escape(&title)
            ));
        }
        svg
    }

    fn requests(&self) -> String {
        let mut svg = String::new();
        for (index, request) in self.timeline.requests.iter().enumerate() {
            let y = TOP + self.row * index;
            if !self.is_narrow() || index % 10 == 0 {
                let again = match request.purpose {
                    "escalate" => ", hard",
                    "resubmit" => ", again",
                    _ => "",
                };
                svg.push_str(&format!(
                    "<text x=\"4\" y=\"{}\">{} ({}{again})</text>\n",
                    y + self.height().min(12),
                    request.request,
                    request.servers
                ));
            }
            svg.push_str(&self.request(request, y));
        }
        svg
    }

    fn is_narrow(&self) -> bool {
        self.row < 12
    }

    fn height(&self) -> usize {
        self.row * 7 / 10
    }

    fn bar(&self, y: usize, height: usize, time: Span, color: &str, shown: &str) -> String {
        let (from, until) = (self.x(time.from), self.x(time.until));
        format!(
            "<rect x=\"{from:.1}\" y=\"{y}\" width=\"{:.1}\" height=\"{height}\" rx=\"2\" fill=\"var(--{color})\"><title>{}</title></rect>\n",
            (until - from).max(2.0),
            escape(shown)
        )
    }

    fn request(&self, request: &RequestRow, y: usize) -> String {
        let (timeline, height) = (self.timeline, self.height());
        let mut svg = String::new();
        for pause in request.pauses(timeline.ended) {
            svg.push_str(&self.bar(y, height, pause, "pause", "throttled"));
        }
        for attempt in &request.attempts {
            let from = attempt.sent.unwrap_or(attempt.intended);
            let color = match attempt.result {
                AttemptResult::None | AttemptResult::Lost => "odd",
                AttemptResult::NotExecuted => "bad",
                // The bar of its job or its pause shows it.
                AttemptResult::Accepted | AttemptResult::Throttled => continue,
            };
            let shown = attempt
                .error
                .as_ref()
                .map_or("no answer is recorded", |timeline| &timeline.message);
            let until = attempt.answered.unwrap_or(from);
            svg.push_str(&self.bar(y, height, Span { from, until }, color, shown));
        }
        let jobs = timeline
            .jobs
            .iter()
            .filter(|job| job.request == request.request);
        jobs.for_each(|job| svg.push_str(&self.job(job, y)));
        svg
    }

    /// Draws the bar of a job, red from below for the part of failed and unknown servers.
    fn job(&self, job: &JobRow, y: usize) -> String {
        let height = self.height();
        let time = Span {
            from: job.accepted,
            until: job.over.unwrap_or(self.until),
        };
        let status = job.status.as_deref().unwrap_or("no end seen");
        let (bad, servers) = (job.bad, job.servers.max(1));
        let shown = format!(
            "job {}: {status}, {bad} of {} servers failed or unknown",
            job.job_id, job.servers
        );
        let color = match &job.status {
            None if bad < servers => "wait",
            _ => "ok",
        };
        let mut svg = self.bar(y, height, time, color, &shown);
        if bad > 0 {
            // Visible for few servers too, but at most this high in a narrow row.
            let least = if self.is_narrow() { 1 } else { 3 };
            let part = (height * bad).div_ceil(servers).max(least).min(height);
            svg.push_str(&self.bar(y + height - part, part, time, "bad", &shown));
            let label = format!("{bad} failed");
            let room = self.x(time.until) - self.x(time.from);
            if room > width(&label) + 10.0 && !self.is_narrow() {
                svg.push_str(&format!(
                    "<text x=\"{:.1}\" y=\"{}\" class=\"in\">{label}</text>\n",
                    self.x(time.from) + 5.0,
                    y + 11
                ));
            }
        }
        svg
    }
}
