use super::{ResolvedAccount, ResolvedProject, ResolvedTarget, Sourced};

fn target() -> ResolvedTarget {
    ResolvedTarget {
        operator: Some(Sourced::new("Open Telekom Cloud", "the region")),
        account: ResolvedAccount {
            kind: "password".to_owned(),
            origin: "cloud prod in ./clouds.yaml".to_owned(),
            user: Some("ops".to_owned()),
            domain: Some("OTC1".to_owned()),
            ..ResolvedAccount::default()
        },
        project: ResolvedProject {
            id: "p1".to_owned(),
            name: Some("eu-de_prod".to_owned()),
            origin: "project_name of cloud prod".to_owned(),
        },
        region: Some(Sourced::new("eu-de", "region_name of cloud prod")),
        endpoint: None,
    }
}

#[test]
fn a_target_is_read_back_as_it_was_written() {
    let text = serde_json::to_string(&target()).unwrap();
    let read: ResolvedTarget = serde_json::from_str(&text).unwrap();
    assert_eq!(read, target());
}

#[test]
fn an_account_names_user_domain_and_agency() {
    let mut account = target().account;
    assert_eq!(account.to_string(), "user ops of domain OTC1");
    account.agency = Some("restarter".to_owned());
    account.agency_domain = Some("owner".to_owned());
    assert_eq!(
        account.to_string(),
        "user ops of domain OTC1 as agency restarter of domain owner"
    );
    let key = ResolvedAccount {
        kind: "access key".to_owned(),
        access_key: Some("AK1".to_owned()),
        ..ResolvedAccount::default()
    };
    assert_eq!(key.to_string(), "access key AK1");
    assert_eq!(target().project.to_string(), "eu-de_prod (p1)");
}
