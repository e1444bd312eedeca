use serde_json::json;

use super::*;

fn servers() -> Vec<Server> {
    let server = |id: u8, name: &str, status: &str| {
        serde_json::from_value(json!({
            "id": format!("000000{id:02}-46ca-475e-917e-2563e5a8cd19"), "name": name, "status": status,
            "OS-EXT-AZ:availability_zone": "az-1", "tags": ["role=web", "env=prod"], "flavor": {"id": "s3.large.2"},
            "addresses": {"vpc": [{"addr": "10.0.0.4"}, {"addr": "80.1.2.3"}]}, "updated": "2026-01-01T00:00:00Z",
        }))
        .unwrap()
    };
    vec![
        server(1, "web-1", "ACTIVE"),
        server(2, "db, \"1\"", "SHUTOFF"),
        server(3, "a\u{1b}[2J", "ACTIVE"),
    ]
}

#[test]
fn every_form_can_be_read_again() {
    let servers = servers();
    let ids: Vec<_> = servers.iter().filter_map(|server| server.id).collect();
    for format in [
        ListFormat::Table,
        ListFormat::Wide,
        ListFormat::Csv,
        ListFormat::Json,
        ListFormat::Jsonl,
        ListFormat::Id,
    ] {
        let text = list(&servers, format, &[]);
        let read = crate::server_file::parse(text.as_bytes(), None)
            .unwrap_or_else(|refusal| panic!("{format:?}: {refusal:?}\n{text}"));
        let mut names = crate::server_input::ListedNames::default();
        let file = "list".into();
        read.entries
            .iter()
            .for_each(|entry| names.add(&file, entry));
        let read: Vec<_> = read
            .entries
            .iter()
            .filter_map(|entry| entry.server.id())
            .collect();
        assert_eq!(read, ids, "{format:?}:\n{text}");
        assert_eq!(names.differences(&servers), [""; 0], "{format:?}");
        assert!(!text.contains('\u{1b}'), "{format:?}");
    }
    let names = list(&servers[..1], ListFormat::Name, &[]);
    let read = crate::server_file::parse(names.as_bytes(), None).unwrap();
    assert_eq!(read.entries[0].server.to_string(), "web-1");
}

#[test]
fn columns_and_their_order_can_be_chosen() {
    let csv = list(
        &servers(),
        ListFormat::Csv,
        &[Column::Name, Column::Addresses, Column::Task],
    );
    assert_eq!(
        csv,
        "name,addresses,task\nweb-1,\"10.0.0.4,80.1.2.3\",\n\"db, \"\"1\"\"\",\"10.0.0.4,80.1.2.3\",\na\\u{1b}[2J,\"10.0.0.4,80.1.2.3\",\n"
    );
    let table = list(
        &servers()[..1],
        ListFormat::Wide,
        &[Column::Status, Column::Fault],
    );
    assert_eq!(table, "STATUS  FAULT\nACTIVE  -\n");
}

#[test]
fn servers_without_a_value_come_last() {
    let mut servers = servers();
    servers[1].name = None;
    let mut order = |column, descending| {
        sort(&mut servers, Sort { column, descending });
        servers
            .iter()
            .map(|server| cell(server, Column::Id)[..8].to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        order(Column::Name, false),
        ["00000003", "00000001", "00000002"]
    );
    assert_eq!(
        order(Column::Name, true),
        ["00000001", "00000003", "00000002"]
    );
    assert_eq!(
        order(Column::Status, true),
        ["00000002", "00000001", "00000003"]
    );
}
