use super::*;

#[test]
fn paths_of_a_service_catalog_are_recognised() {
    for path in [
        "/v1",
        "/v1/",
        "/v2.1",
        "/v1/0123456789abcdef0123456789abcdef",
        "/gate/v1/0123456789abcdef0123456789abcdef/",
        "/v1/$(tenant_id)s",
        "/v1/%(project_id)s",
        "/v1/{project_id}",
    ] {
        assert_eq!(api_path(&format!("https://ecs.example{path}")), Some(path));
    }
    for address in [
        "https://ecs.example",
        "https://ecs.example/",
        "https://ecs.example:8443/ecs",
        "https://gate.example/v1/ecs",
        "https://gate.example/vpn",
        "https://v1",
        "ecs.example/v1",
    ] {
        assert_eq!(api_path(address), None, "{address}");
    }
}
