//! Invalid tokens, permissions, logins and agencies.

use super::*;

/// The region's clock is so fast that its credentials have expired when they are used.
#[test]
fn expired_tokens_and_keys_are_diagnosed() {
    let fast = ["--speed", "10000", "--token-life", "5s", "--key-life", "5s"];
    let account = Account::new(&fast);
    let token = account.token();
    let [access, secret, security] = &account.temporary();
    let checked = account.check(
        &[&place(&account)[..], &["--token", &token]].concat(),
        &[],
        4,
    );
    found(&checked, "expired", &["the token has expired", "new token"]);
    let keys = [&keys(access, secret)[..], &["--security-token", security]].concat();
    let checked = account.check(&[&place(&account)[..], &keys].concat(), &[], 4);
    found(&checked, "expired", &["the temporary key has expired"]);
    assert!(!checked.to_string().contains(security.as_str()));
}

#[test]
fn invalid_tokens_are_diagnosed() {
    let account = Account::new(&[]);
    let checked = account.check(
        &[&place(&account)[..], &["--token", "STRANGETOKEN"]].concat(),
        &[],
        4,
    );
    found(&checked, "invalid_token", &["not accepted", "new token"]);
    assert!(!checked.to_string().contains("STRANGETOKEN"));
    let project = "0123456789abcdef0123456789abcdef";
    let other = [
        "--endpoint",
        account.url(),
        "--project-id",
        project,
        "--token",
        account.get("token"),
    ];
    found(
        &account.check(&other, &[], 4),
        "wrong_project",
        &[project, "--project-id"],
    );
    let region = [
        "--endpoint",
        account.url(),
        "--iam-endpoint",
        account.url(),
        "--region",
        "eu-nl",
    ];
    let region = [&region[..], &["--token", account.get("token")]].concat();
    let checked = account.check(&region, &[], 0);
    let warning = checked["warnings"][0].as_str().unwrap();
    for expected in ["the token is for the project sim-1", "eu-nl", "it is used"] {
        assert!(warning.contains(expected), "{warning}");
    }
}

#[test]
fn a_missing_permission_is_diagnosed() {
    let (_, checked) = with_keys(&["--deny", "ecs:cloudServers:list"], 4);
    found(
        &checked,
        "missing_permission",
        &["ecs:cloudServers:list", "Pdp.0001", "IAM"],
    );
    assert_eq!(checked["permission"], "ecs:cloudServers:list");
    // The check cannot test this permission; the error of the restart is as clear.
    let (account, checked) = with_keys(&["--read-only"], 0);
    found(&checked, "ok", &["cannot be tested without restarting one"]);
    let id = account.info["servers"][0].as_str().unwrap();
    let token = ["--token", account.get("token")];
    let reboot = [&["reboot", id, "--yes"], &place(&account)[..], &token].concat();
    account
        .run(&reboot, &[], "")
        .refuses(4, &["ecs:cloudServers:reboot", "Pdp.0001"]);
}

#[test]
fn a_refused_login_is_diagnosed() {
    let account = Account::new(&[]);
    let variables = [
        ("OS_AUTH_URL", account.url()),
        ("OS_REGION_NAME", "sim-1"),
        ("OS_USERNAME", account.get("user")),
        ("OS_PASSWORD", "wrong-password"),
        ("OS_USER_DOMAIN_NAME", account.get("domain")),
    ];
    let checked = account.check(&["--endpoint", account.url()], &variables, 4);
    found(
        &checked,
        "login_refused",
        &[
            "user name or password is wrong",
            "OS_PASSCODE",
            "lock the user",
        ],
    );
    assert!(!checked.to_string().contains("wrong-password"));
    // If the project is known, the login waits for the first request.
    let checked = account.check(&place(&account), &variables, 4);
    found(
        &checked,
        "login_refused",
        &["user name or password is wrong"],
    );
    let id = account.info["servers"][0].as_str().unwrap();
    let reboot = [&["reboot", id, "--yes"], &place(&account)[..]].concat();
    account
        .run(&reboot, &variables, "")
        .refuses(4, &["password is wrong"]);
}

#[test]
fn a_missing_agency_is_diagnosed() {
    let account = Account::new(&[]);
    let variables = [
        ("OS_AUTH_URL", account.url()),
        ("OS_REGION_NAME", "sim-1"),
        ("OS_TOKEN", account.get("token")),
        ("OS_AGENCY_NAME", "another"),
        ("OS_AGENCY_DOMAIN_NAME", account.get("domain")),
    ];
    let checked = account.check(&["--endpoint", account.url()], &variables, 4);
    found(
        &checked,
        "login_refused",
        &["no such agency", "the agency's name"],
    );
    assert_eq!(checked["agency"], "another");
}
