//! Approvals of plans.

use jiff::Timestamp;

use super::Database;

const HASH: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// An approval has its user, time and signature; those of another plan are not listed.
pub async fn an_approval_is_kept_with_its_process_and_its_time(database: &impl Database) {
    let (a, b) = (database.store("a").await, database.store("b").await);
    assert!(a.plan_approvals(HASH).await.unwrap().is_empty());
    a.approve_plan(HASH, None).await.unwrap();
    let signature = "-----BEGIN SSH SIGNATURE-----\n".to_owned();
    b.approve_plan(HASH, Some(signature.clone())).await.unwrap();
    b.approve_plan("sha256:other", None).await.unwrap();
    let approvals = a.plan_approvals(HASH).await.unwrap();
    let hosts: Vec<_> = approvals.iter().map(|one| one.host.as_str()).collect();
    assert_eq!(hosts, ["a", "b"]);
    assert_eq!(approvals[0].signature, None);
    assert_eq!(approvals[1].signature, Some(signature));
    let age = Timestamp::now().duration_since(approvals[0].approved_at);
    assert!(age.as_secs().abs() < 60, "{age:?}");
    let identity = a.identity().await.unwrap();
    assert_eq!(approvals[1].role, identity.role);
    assert_eq!(approvals[1].user, identity.user);
    assert!(a.approve_plan("", None).await.is_err());
}
