use super::*;

#[test]
fn held_servers_leave_the_run_and_the_others_keep_their_order() {
    let id = |n: u8| ServerId::from_bytes([n; 16]);
    let mut servers = Servers {
        ids: vec![id(1), id(2), id(3)],
        listed: Vec::new(),
        last: Some(id(3)),
        skipped: Vec::new(),
        unready: Vec::new(),
        are_read: true,
    };
    servers.skip(&HashSet::from([id(2)]));
    assert_eq!(servers.ids, [id(1), id(3)]);
    assert_eq!((servers.skipped[0].id, servers.last), (id(2), Some(id(3))));
    // The server that this process runs on has no last place any more.
    servers.skip(&HashSet::from([id(3)]));
    assert_eq!((servers.ids.len(), servers.last), (1, None));
    let json = serde_json::to_value(&servers.skipped[0]).unwrap();
    assert_eq!(json["reason"], "held_by_other_run");
}
