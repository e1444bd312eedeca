mod names;
mod other_tools;
mod properties;

use super::*;

const A: &str = "616fb98f-46ca-475e-917e-2563e5a8cd19";
const B: &str = "726fb98f-46ca-475e-917e-2563e5a8cd20";

fn servers(list: &ParsedList) -> Vec<String> {
    list.entries
        .iter()
        .map(|entry| entry.server.to_string())
        .collect()
}

#[track_caller]
fn read(text: &str) -> ParsedList {
    parse(text.as_bytes(), None).unwrap_or_else(|refusal| panic!("{text:?}: {refusal:?}"))
}

#[track_caller]
fn refused(text: &str) -> Refusal {
    match parse(text.as_bytes(), None) {
        Ok(list) => panic!("{text:?} was read: {list:?}"),
        Err(refusal) => refusal,
    }
}

/// Returns the servers and the recognized format.
#[track_caller]
fn expect(text: &str, found: &[&str], description: &str) {
    let list = read(text);
    assert_eq!(
        (servers(&list), list.description.as_str()),
        (owned(found), description),
        "{text:?}"
    );
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[test]
fn lines() {
    let plain = "ids or names, one a line";
    expect(
        &format!(
            "{A}\r\n\r\n# all web servers\n  {}  # web-2\n",
            B.to_uppercase()
        ),
        &[A, B],
        plain,
    );
    expect(&format!("\u{feff}{A}\n{B}"), &[A, B], plain);
    expect("web-1\nweb_2.example\n", &["web-1", "web_2.example"], plain);
    expect(&format!("{A}, {B},\n"), &[A, B], plain);
    expect(&format!("{A} {B}\n"), &[A, B], plain);
    expect("web-1,web-2", &["web-1", "web-2"], plain);
    expect("", &[], plain);
    expect("# nothing\n\n", &[], plain);
    let columns = "lines that begin with an id";
    expect(&format!("{A} web, \"two\" ACTIVE\n{B}\n"), &[A, B], columns);
    expect(
        &format!("ID   NAME   STATUS\n{A}  web-1  ACTIVE\n"),
        &[A],
        columns,
    );
}

#[test]
fn positions_count_from_one() {
    let list = read(&format!("\n  {A}\n"));
    let positions: Vec<String> = list
        .entries
        .iter()
        .map(|entry| entry.position.to_string())
        .collect();
    assert_eq!(positions, ["2:3"]);
    let list = read("web-1, web-2");
    assert_eq!(list.entries[1].position, Position { line: 1, column: 8 });
    let list = read(&format!("[\n  {{\"name\": \"é\", \"id\": \"{A}\"}}\n]"));
    assert_eq!(
        list.entries[0].position,
        Position {
            line: 2,
            column: 23
        }
    );
    let list = read(&format!("- Name: x\n  ID: {A}\n"));
    assert_eq!(list.entries[0].position, Position { line: 2, column: 7 });
}

#[test]
fn csv() {
    let by_id = "CSV, column \"ID\"";
    expect(
        &format!("\"ID\",\"Name\"\n\"{A}\",\"web, 1\"\n\"{B}\",\"x\"\n"),
        &[A, B],
        by_id,
    );
    expect(
        &format!("Name;ID;Note\nweb-1;{A};\n;;\n# none\nweb-2;{B};y\n"),
        &[A, B],
        by_id,
    );
    expect(
        &format!("name\tserver_id\nweb-1\t{A}\n"),
        &[A],
        "CSV, column \"server_id\"",
    );
    expect(
        "Name,Status\nweb-1,ACTIVE\n\"web, 2\",ACTIVE\n",
        &["web-1", "web, 2"],
        "CSV, column \"Name\"",
    );
    expect(&format!("id\n{A}\n"), &[A], "CSV, column \"id\"");
}

#[test]
fn json() {
    expect(
        &format!("[\"{A}\", \"web-1\"]"),
        &[A, "web-1"],
        "JSON, a list of ids or names",
    );
    expect(&format!("\"{A}\"\n"), &[A], "JSON, one id or name");
    expect(
        &format!("[{{\"ID\": \"{A}\", \"Name\": \"x\"}}]"),
        &[A],
        "JSON, a list of servers",
    );
    expect(
        &format!("{{\"id\": \"{A}\", \"image\": {{\"id\": \"{B}\"}}}}"),
        &[A],
        "JSON, one server",
    );
    let koocli = format!(
        "{{\"count\": 1, \"servers\": [{{\"name\": \"x\", \"id\": \"{A}\", \"tags\": []}}]}}"
    );
    expect(&koocli, &[A], "JSON, an object with a list of servers");
    expect(
        &format!("{{\"server\": {{\"id\": \"{A}\"}}}}"),
        &[A],
        "JSON, one server",
    );
    let found = format!("{{\"resources\": [{{\"resource_id\": \"{A}\"}}], \"total_count\": 1}}");
    expect(&found, &[A], "JSON, servers found by their tags");
    let report = format!(
        "{{\"version\": 1, \"run_id\": \"r\", \"servers\": [{{\"id\": \"{A}\", \"outcome\": \"failed\"}}]}}"
    );
    expect(&report, &[A], "JSON, the report of a run");
    expect("[]", &[], "JSON, a list of ids or names");
}

#[test]
fn json_lines() {
    let journal = include_str!("../../../ecs-ops/src/journal/line/fixtures/v1.jsonl");
    let list = read(journal);
    assert_eq!(list.description, "the journal of a run");
    assert_eq!(list.entries.len(), 6);
    // The last record of a killed run may be incomplete.
    let cut = &journal[..journal.len() - 30];
    assert_eq!(servers(&read(cut)), servers(&list));
    let events = format!(
        "{{\"event\":\"planned\",\"servers\":1}}\n{{\"event\":\"report\",\"run_id\":\"r\",\"servers\":[{{\"id\":\"{A}\"}}]}}\n"
    );
    expect(&events, &[A], "JSON lines, the report of a run");
    assert!(
        refused("{\"event\":\"planned\"}\n{\"event\":\"x\"}\n").problems[0]
            .message
            .contains("no report")
    );
    let each = format!("{{\"id\":\"{A}\"}}\n{{\"id\":\"{B}\"}}\n");
    expect(&each, &[A, B], "JSON lines, a server each");
    assert_eq!(read(&each).entries[1].position.line, 2);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn other_files_are_refused_with_position_and_command() {
    for (text, place, message, hint) in [
        (
            "+----+\n| ID |\n",
            "1:1",
            "table with borders",
            "openstack server list -f json",
        ),
        ("\n<html>", "2:1", "HTML or XML", "openstack server list"),
        (
            "id=\"616fb98f\"\n",
            "1:1",
            "shell variables",
            "openstack server show NAME -f json",
        ),
        (
            "{\"a\": 1}",
            "1:1",
            "its members are: a",
            "openstack server list",
        ),
        ("{\"a\": 1,}", "1:9", "not JSON", "openstack server list"),
        (
            "[{\"id\": \"web\"}]",
            "1:9",
            "not the id of a server",
            "openstack server list",
        ),
        (
            "[{\"status\": \"x\"}]",
            "1:2",
            "neither an id nor a name",
            "openstack server list",
        ),
        (
            "[[1]]",
            "1:2",
            "expected a server, found a list",
            "openstack server list",
        ),
        ("- a: [", "2:1", "not YAML", "openstack server list"),
        (
            "ID,Name\n,web-1\n",
            "2:1",
            "is empty in this row",
            "openstack server list",
        ),
        (
            "the web servers\n",
            "1:1",
            "several words",
            "openstack server list",
        ),
        (
            "616fb98f-46ca-475e-917e-2563e5a8cd1\n",
            "1:1",
            "looks like an id",
            "openstack server list",
        ),
        (
            "\u{1b}[2J\n",
            "1:1",
            "neither an id nor a name",
            "openstack server list",
        ),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA\n",
            "1:1",
            "a key or a certificate",
            "openstack server list",
        ),
        ("a\0b", "1:2", "binary", "openstack server list"),
        (
            "{\"version\": 4, \"terraform_version\": \"1.9\", \"resources\": []}",
            "1:1",
            "state file",
            "terraform show -json",
        ),
        (
            "{\"format_version\": \"1.0\", \"values\": {}}",
            "1:1",
            "no server",
            "terraform show -json",
        ),
        (
            "{\"seq\": 3, \"record\": {\"kind\": \"sending\"}}",
            "1:1",
            "not its first one",
            "whole journal",
        ),
    ] {
        let refusal = refused(text);
        let problem = &refusal.problems[0];
        assert_eq!(
            problem.position.to_string(),
            place,
            "{text:?}: {}",
            problem.message
        );
        assert!(
            problem.message.contains(message),
            "{text:?}: {}",
            problem.message
        );
        assert!(refusal.hint.contains(hint), "{text:?}: {}", refusal.hint);
    }
    let mixed = refused(&format!("{A},web-1\n"));
    assert!(
        mixed.hint.contains("first line must name the columns"),
        "{mixed:?}"
    );
    let last = refused(&format!("web-1 {A}\n"));
    assert!(last.hint.contains("-f value -c ID"), "{last:?}");
    for bytes in [&b"\xff\xfea\0"[..], b"PK\x03\x04", b"ok\n\x80"] {
        assert_eq!(parse(bytes, None).unwrap_err().problems.len(), 1);
    }
    let utf8 = parse(b"ok\na\x80", None).unwrap_err();
    assert_eq!(utf8.problems[0].position, Position { line: 2, column: 2 });
}

#[test]
fn all_errors_are_reported_at_once() {
    let refusal = refused(&format!(
        "{A}\nno name\n{B}\n616fb98f-46ca-475e-917e-2563e5a8cdxx\n{{}}\n"
    ));
    let lines: Vec<usize> = refusal
        .problems
        .iter()
        .map(|problem| problem.position.line)
        .collect();
    assert_eq!(lines, [2, 5], "{refusal:?}");
}

#[test]
fn a_format_can_be_forced() {
    // Read as lines, the first line is a name.
    let text = format!("id\n{A}\n");
    let lines = parse(text.as_bytes(), Some(FileFormat::Lines)).unwrap();
    assert_eq!(servers(&lines), [A]);
    assert_eq!(lines.description, "ids or names, one a line");
    assert!(parse(text.as_bytes(), Some(FileFormat::Json)).is_err());
    let yaml = parse(format!("[{A}]").as_bytes(), Some(FileFormat::Yaml)).unwrap();
    assert_eq!(servers(&yaml), [A]);
}

#[test]
fn traps_of_yaml_and_json_are_refused() {
    let mut laughs = "a0: &a0 {x: 1, y: 2}\n".to_owned();
    for level in 1..60 {
        let before = level - 1;
        laughs.push_str(&format!(
            "a{level}: &a{level} {{x: *a{before}, y: *a{before}}}\n"
        ));
    }
    assert!(refused(&laughs).problems[0].message.contains("more than"));
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    assert!(refused(&deep).problems[0].message.contains("deeper"));
    let deeper = "[".repeat(200_000);
    refused(&deeper);
    parse(deeper.as_bytes(), Some(FileFormat::Yaml)).unwrap_err();
    assert!(
        refused("a: 1\n---\nb: 2\n").problems[0]
            .message
            .contains("second YAML document")
    );
}

/// No part of a list is lost silently.
#[test]
fn a_table_that_loses_rows_is_refused() {
    for (text, line, message) in [
        (
            format!("ID,Note\n{A},\"of the\n{B},x\n"),
            2,
            "the quote that begins here is not closed",
        ),
        (
            format!("ID,Name\n{A},web-1\nweb-2,web-2\n"),
            3,
            "\"ID\" is \"web-2\", which is not the id of a server",
        ),
    ] {
        let refusal = refused(&text);
        assert_eq!(refusal.problems[0].position.line, line, "{text}");
        assert!(
            refusal.problems[0].message.contains(message),
            "{:?}",
            refusal.problems
        );
    }
    expect(
        &format!("ID,Note\n{A},\"two\nlines\"\n{B},x\n"),
        &[A, B],
        "CSV, column \"ID\"",
    );
}
