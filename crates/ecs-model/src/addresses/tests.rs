use crate::{Addresses, ListServersDetails, Operation as _, Server};

fn server(addresses: &str) -> Server {
    let json = format!(r#"{{"name": "web-1", "addresses": {addresses}, "locked": true}}"#);
    serde_json::from_str(&json).unwrap()
}

fn addresses(server: &Server) -> Vec<String> {
    let addresses = server.addresses.iter().flat_map(Addresses::iter);
    addresses
        .filter_map(|address| address.addr.clone())
        .collect()
}

#[test]
fn addresses_are_read_by_network() {
    let server = server(
        r#"{"vpc-2": [{"version": 4, "addr": "192.168.0.9", "OS-EXT-IPS:type": "fixed"},
                      {"version": "4", "addr": "80.1.2.3", "OS-EXT-IPS:type": "floating"}],
            "vpc-1": [{"version": "6", "addr": "fd00::1"}]}"#,
    );
    assert_eq!(addresses(&server), ["192.168.0.9", "80.1.2.3", "fd00::1"]);
    let read = server.addresses.clone().unwrap();
    let networks: Vec<_> = read
        .networks()
        .map(|(network, of)| (network, of.len()))
        .collect();
    assert_eq!(networks, [("vpc-2", 2), ("vpc-1", 1)]);
    assert_eq!(read.iter().next().unwrap().version.as_deref(), Some("4"));
    let again: Server = serde_json::from_str(&serde_json::to_string(&server).unwrap()).unwrap();
    assert_eq!(again, server);
}

#[test]
fn unreadable_addresses_leave_the_others() {
    for (json, expected) in [
        ("null", vec![]),
        ("\"none\"", vec![]),
        ("[1, {}]", vec![]),
        ("{}", vec![]),
        (
            r#"{"a": null, "b": [{"addr": "10.0.0.4"}, 7, {"addr": null}]}"#,
            vec!["10.0.0.4"],
        ),
        (r#"{"a": {"addr": "x"}, "b": [{"addr": ["y"]}]}"#, vec![]),
    ] {
        let server = server(json);
        assert_eq!(addresses(&server), expected, "{json}");
        assert_eq!(server.locked, Some(true), "{json}");
    }
}

#[test]
fn lists_have_no_room_for_more() {
    let text = r#"{"tags":["a"],"addresses":{"net":[{"addr":"10.0.0.1","version":4}]}}"#;
    let by_serde: Server = serde_json::from_str(text).unwrap();
    let page = format!(r#"{{"servers":[{text}]}}"#);
    let (status, headers) = (http::StatusCode::OK, http::HeaderMap::new());
    let page = ListServersDetails::decode(status, &headers, page.as_bytes()).unwrap();
    for server in [&by_serde, &page.servers.unwrap()[0]] {
        let addresses = &server.addresses.as_ref().unwrap().0;
        let tags = server.tags.as_ref().unwrap();
        let room = [
            addresses.capacity(),
            addresses[0].1.capacity(),
            tags.capacity(),
        ];
        assert_eq!(room, [1, 1, 1]);
    }
}
