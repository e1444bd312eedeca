//! JSON lines: a journal, the events of a run, or a list of servers.

use super::node::Node;
use super::{Found, Position, Refusal, document, json};

/// Parses the lines. The last line of a journal may be incomplete.
pub(super) fn read(text: &str) -> Result<Found, Refusal> {
    let lines = text.lines().enumerate();
    let mut lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let Some((index, first)) = lines.next() else {
        return Ok(("JSON lines".to_owned(), Vec::new()));
    };
    let first = node(index, first)?;
    if first.get("record").is_some() {
        return document::read(&first, "JSON lines");
    }
    let mut nodes = vec![first];
    for (index, line) in lines {
        nodes.push(node(index, line)?);
    }
    if !nodes.iter().any(|node| node.get("event").is_some()) {
        return document::rows(&nodes, "JSON lines, a server each");
    }
    let is_report = |node: &&Node| node.get("event").and_then(Node::text) == Some("report");
    match nodes.iter().rev().find(is_report) {
        Some(report) => document::read(report, "JSON lines"),
        None => Err(Refusal::one(
            Position {
                line: text.lines().count().max(1),
                column: 1,
            },
            "these events have no report at their end: the run did not finish",
        )
        .hint("give the journal of the run instead")),
    }
}

/// Parses the value of a line.
fn node(index: usize, line: &str) -> Result<Node, Refusal> {
    let down = |position: &mut Position| position.line = index + 1;
    let mut node = json::parse(line).map_err(|mut refusal| {
        refusal
            .problems
            .iter_mut()
            .for_each(|problem| down(&mut problem.position));
        refusal
    })?;
    node.move_to_line(index + 1);
    Ok(node)
}
