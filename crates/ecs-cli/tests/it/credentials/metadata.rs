//! Keys of the metadata service.

use crate::common::account::Account;
use crate::common::way::Way;

/// Region and project, too, come from the server that `ecsctl` runs on.
#[test]
fn the_metadata_service_gives_credentials() {
    for kind in ["open", "protected", "plain"] {
        let account = Account::new(&["--metadata", kind]);
        let url = account.url();
        let service = [
            ("ECSCTL_METADATA_ENDPOINT", url),
            ("HUAWEICLOUD_SDK_REGION_ECS_SIM_1", url),
        ];
        let source = "the metadata service";
        Way::new("nothing else", source)
            .with(&service)
            .works(&account);
        Way::new("with a project", source)
            .with(&service)
            .options(&["--project-id", account.get("project_id")])
            .works(&account);
        // Neither of them may go through a proxy. There is none at this address.
        Way::new("past a proxy", source)
            .with(&service)
            .with(&[("HTTP_PROXY", "http://127.0.0.1:9"), ("NO_PROXY", "")])
            .with(&[("NO_PROXY", "127.0.0.1")])
            .works(&account);
    }
}

/// The service is behind the proxy; the metadata service must not be.
#[test]
fn a_proxy_never_sees_the_metadata_service() {
    let account = Account::new(&[]);
    let variables = [
        ("ECSCTL_METADATA_ENDPOINT", account.url()),
        ("HTTP_PROXY", "http://127.0.0.1:9"),
        ("http_proxy", "http://127.0.0.1:9"),
    ];
    let options = ["--endpoint", "http://ecs.example"];
    let checked = account.check(&options, &variables, 1);
    // Its keys were had; only the service was out of reach.
    assert_eq!(checked["source"], "the metadata service");
    assert_eq!(checked["project_id"], account.get("project_id"));
    let advice = checked["advice"].to_string();
    assert!(
        advice.contains("HTTP_PROXY") && advice.contains("NO_PROXY"),
        "{checked}"
    );
}
