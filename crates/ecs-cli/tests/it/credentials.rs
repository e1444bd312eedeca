//! `ecsctl reboot` with each kind of credentials from each source, in an empty environment and a home of its own.

mod metadata;

use crate::common::account::Account;
use crate::common::way::{LINE, OS, SDK, Way};

const CLOUDS: &str = ".config/openstack/clouds.yaml";
const SECURE: &str = ".config/openstack/secure.yaml";
const PROFILES: &str = ".huaweicloud/credentials";

#[test]
fn options_give_credentials() {
    let account = Account::new(&[]);
    let url = account.url();
    let [access, secret, token] = &account.temporary();
    let project = ["--endpoint", url, "--project-id", account.get("project_id")];
    let region = [
        "--endpoint",
        url,
        "--region",
        "sim-1",
        "--iam-endpoint",
        url,
    ];
    let (key, secret_key) = (account.get("access_key"), account.get("secret_key"));
    let file = account.write("secret-key", &format!("{secret_key}\n"));
    let file = file.to_str().unwrap();
    for way in [
        Way::new("token", LINE)
            .options(&project)
            .options(&["--token", account.get("token")]),
        Way::new("token from stdin", LINE)
            .options(&project)
            .options(&["--token", "-"])
            .stdin(account.get("token")),
        Way::new("token, project by region", LINE)
            .options(&region)
            .options(&["--token", account.get("token")]),
        Way::new("keys", LINE).options(&project).options(&[
            "--access-key",
            key,
            "--secret-key",
            secret_key,
        ]),
        Way::new("keys, project by region", LINE)
            .options(&region)
            .options(&["--access-key", key, "--secret-key", secret_key]),
        Way::new("keys, secret from a file", LINE)
            .options(&project)
            .options(&["--access-key", key, "--secret-key-file", file]),
        Way::new("keys, secret from stdin", LINE)
            .options(&project)
            .options(&["--access-key", key, "--secret-key", "-"])
            .stdin(secret_key),
        Way::new("keys, secret from stdin as a file", LINE)
            .options(&project)
            .options(&["--access-key", key, "--secret-key-file", "-"])
            .stdin(secret_key),
        Way::new("temporary keys", LINE)
            .options(&project)
            .options(&[
                "--access-key",
                access,
                "--secret-key",
                secret,
                "--security-token",
                token,
            ]),
        Way::new("temporary keys, token from stdin", LINE)
            .options(&region)
            .options(&[
                "--access-key",
                access,
                "--secret-key",
                secret,
                "--security-token",
                "-",
            ])
            .stdin(token),
    ] {
        way.works(&account);
    }
}

/// Returns the endpoint of the region by its name only.
fn by_region(account: &Account) -> [(&str, &str); 2] {
    let url = account.url();
    [
        ("HUAWEICLOUD_SDK_REGION_ECS_SIM_1", url),
        ("HUAWEICLOUD_SDK_IAM_ENDPOINT", url),
    ]
}

#[test]
fn the_environment_of_the_sdks_gives_credentials() {
    let account = Account::new(&[]);
    let [access, secret, token] = &account.temporary();
    let keys = [
        ("HUAWEICLOUD_SDK_AK", account.get("access_key")),
        ("HUAWEICLOUD_SDK_SK", account.get("secret_key")),
    ];
    let temporary = [
        ("HUAWEICLOUD_SDK_AK", access.as_str()),
        ("HUAWEICLOUD_SDK_SK", secret),
        ("HUAWEICLOUD_SDK_SECURITY_TOKEN", token),
    ];
    let region = ("HUAWEICLOUD_SDK_REGION_ID", "sim-1");
    let project = ("HUAWEICLOUD_SDK_PROJECT_ID", account.get("project_id"));
    for way in [
        Way::new("keys", SDK).with(&keys).with(&[region]),
        Way::new("keys and a project", SDK)
            .with(&keys)
            .with(&[region, project]),
        Way::new("keys, region by flag", SDK)
            .with(&keys)
            .options(&["--region", "sim-1"]),
        Way::new("keys, all else by flag", SDK)
            .with(&keys)
            .options(&[
                "--endpoint",
                account.url(),
                "--project-id",
                account.get("project_id"),
            ]),
        Way::new("temporary keys", SDK)
            .with(&temporary)
            .with(&[region]),
    ] {
        way.with(&by_region(&account)).works(&account);
    }
}

#[test]
fn the_environment_of_openstack_gives_credentials() {
    let account = Account::new(&[]);
    let [access, secret, token] = &account.temporary();
    let url = account.url();
    let auth = format!("{url}/v3");
    let common = [
        ("OS_AUTH_URL", auth.as_str()),
        ("OS_REGION_NAME", "sim-1"),
        ("HUAWEICLOUD_SDK_REGION_ECS_SIM_1", url),
    ];
    let password = [
        ("OS_USERNAME", account.get("user")),
        ("OS_PASSWORD", account.get("password")),
        ("OS_USER_DOMAIN_NAME", account.get("domain")),
    ];
    let by_id = [
        ("OS_USER_ID", account.get("user_id")),
        ("OS_PASSWORD", account.get("password")),
    ];
    let keys = [
        ("OS_ACCESS_KEY", account.get("access_key")),
        ("OS_SECRET_KEY", account.get("secret_key")),
    ];
    let temporary = [
        ("OS_ACCESS_KEY", access.as_str()),
        ("OS_SECRET_KEY", secret),
        ("OS_SECURITY_TOKEN", token),
    ];
    let agency = [
        ("OS_AGENCY_NAME", account.get("agency")),
        ("OS_AGENCY_DOMAIN_NAME", account.get("domain")),
    ];
    let project = ("OS_PROJECT_ID", account.get("project_id"));
    for way in [
        Way::new("token", OS).with(&[("OS_TOKEN", account.get("token")), project]),
        Way::new("token, project by region", OS).with(&[("OS_AUTH_TOKEN", account.get("token"))]),
        Way::new("password", OS).with(&password),
        Way::new("password, project by name", OS)
            .with(&password)
            .with(&[("OS_PROJECT_NAME", "sim-1")]),
        Way::new("password, project by id", OS)
            .with(&password)
            .with(&[project]),
        Way::new("password of an id", OS)
            .with(&by_id)
            .with(&[project]),
        Way::new("keys", OS).with(&keys),
        Way::new("temporary keys", OS)
            .with(&temporary)
            .with(&[project]),
        Way::new("agency by password", OS)
            .with(&password)
            .with(&agency),
        Way::new("agency by keys", OS)
            .with(&keys)
            .with(&agency)
            .with(&[("OS_USER_DOMAIN_ID", account.get("domain_id"))]),
        Way::new("agency by token", OS)
            .with(&[("OS_TOKEN", account.get("token"))])
            .with(&agency),
    ] {
        way.with(&common).works(&account);
    }
}

#[test]
fn a_cloud_of_clouds_yaml_gives_credentials() {
    let account = Account::new(&[]);
    let [access, secret, token] = &account.temporary();
    let url = account.url();
    let cloud = |auth: &str, beside: &str| {
        format!(
            "clouds:\n  other: {{auth: {{token: nonsense}}}}\n  sim:\n    auth: {{auth_url: {url}/v3, {auth}}}\n    \
             region_name: sim-1\n    ecs_endpoint_override: {url}\n{beside}"
        )
    };
    let password = format!(
        "username: {}, user_domain_name: {}",
        account.get("user"),
        account.get("domain")
    );
    let secure = format!(
        "clouds: {{sim: {{auth: {{password: {}}}}}}}",
        account.get("password")
    );
    let (key, secret_key) = (account.get("access_key"), account.get("secret_key"));
    let project = account.get("project_id");
    let agency = format!(
        "    agency_name: {}\n    agency_domain_name: {}\n",
        account.get("agency"),
        account.get("domain")
    );
    let named = [("OS_CLOUD", "sim")];
    for way in [
        Way::new("password in secure.yaml", "cloud sim")
            .with(&named)
            .file(CLOUDS, cloud(&password, ""))
            .file(SECURE, &*secure),
        Way::new("password, by flag", "cloud sim")
            .options(&["--cloud", "sim"])
            .file(CLOUDS, cloud(&password, ""))
            .file(SECURE, &*secure),
        Way::new("agency by password", "cloud sim")
            .with(&named)
            .file(CLOUDS, cloud(&password, &agency))
            .file(SECURE, &*secure),
        Way::new("keys within auth", "cloud sim")
            .with(&named)
            .file(CLOUDS, cloud(&format!("ak: {key}, sk: {secret_key}"), "")),
        Way::new("keys beside auth", "cloud sim").with(&named).file(
            CLOUDS,
            cloud(
                &format!("project_id: {project}"),
                &format!("    ak: {key}\n    sk: {secret_key}\n"),
            ),
        ),
        Way::new("temporary keys", "cloud sim").with(&named).file(
            CLOUDS,
            cloud(
                &format!("ak: {access}, sk: {secret}, security_token: {token}"),
                "",
            ),
        ),
        Way::new("token, in this folder", "cloud sim")
            .with(&named)
            .file(
                "clouds.yaml",
                cloud(
                    &format!("token: {}, project_id: {project}", account.get("token")),
                    "",
                ),
            ),
    ] {
        way.works(&account);
    }
    let only = cloud(&format!("ak: {key}, sk: {secret_key}"), "")
        .replace("  other: {auth: {token: nonsense}}\n", "");
    Way::new("the only one", "cloud sim")
        .file(CLOUDS, only)
        .works(&account);
}

#[test]
fn a_profile_gives_credentials() {
    let account = Account::new(&[]);
    let [access, secret, token] = &account.temporary();
    let url = account.url();
    let profiles = format!(
        "[basic]\nak = {}\nsk = {}\nregion = sim-1\niam_endpoint = {url}\n\n\
         [short]\nak = {access}\nsk = {secret}\nsecurity_token = {token}\nproject_id = {}\nregion_id = sim-1\n",
        account.get("access_key"),
        account.get("secret_key"),
        account.get("project_id"),
    );
    let address = [("HUAWEICLOUD_SDK_REGION_ECS_SIM_1", url)];
    for way in [
        Way::new("keys", "profile basic").file(PROFILES, &*profiles),
        Way::new("keys, by flag", "profile basic")
            .options(&["--profile", "basic"])
            .file(PROFILES, &*profiles),
        Way::new("temporary keys", "profile short")
            .options(&["--profile", "short"])
            .file(PROFILES, &*profiles),
        Way::new("keys, in a file elsewhere", "profile basic")
            .with(&[("HUAWEICLOUD_SDK_CREDENTIALS_FILE", "elsewhere")])
            .file("elsewhere", &*profiles),
    ] {
        way.with(&address).works(&account);
    }
}

#[test]
fn a_passcode_completes_the_password() {
    let account = Account::new(&["--passcode", "123456"]);
    let auth = format!("{}/v3", account.url());
    let variables = [
        ("OS_AUTH_URL", auth.as_str()),
        ("OS_REGION_NAME", "sim-1"),
        ("HUAWEICLOUD_SDK_REGION_ECS_SIM_1", account.url()),
        ("OS_USERNAME", account.get("user")),
        ("OS_PASSWORD", account.get("password")),
        ("OS_USER_DOMAIN_NAME", account.get("domain")),
    ];
    Way::new("passcode", OS)
        .with(&variables)
        .with(&[("OS_PASSCODE", "123456")])
        .works(&account);
    let id = account.info["servers"][0].as_str().unwrap();
    let without = account.run(&["reboot", id, "--yes"], &variables, "");
    without.refuses(4, &["passcode", "auth check"]);
}

/// Each kind once, over HTTPS with a CA of its own.
#[test]
fn credentials_work_over_https() {
    let account = Account::over_tls(&[]);
    let ca = account.ca();
    let url = account.url();
    let auth = format!("{url}/v3");
    let project = ["--endpoint", url, "--project-id", account.get("project_id")];
    let password = [
        ("OS_AUTH_URL", auth.as_str()),
        ("OS_REGION_NAME", "sim-1"),
        ("HUAWEICLOUD_SDK_REGION_ECS_SIM_1", url),
        ("OS_USERNAME", account.get("user")),
        ("OS_PASSWORD", account.get("password")),
        ("OS_USER_DOMAIN_NAME", account.get("domain")),
    ];
    let agency = [
        ("OS_AGENCY_NAME", account.get("agency")),
        ("OS_AGENCY_DOMAIN_NAME", account.get("domain")),
    ];
    let keys = [
        ("HUAWEICLOUD_SDK_AK", account.get("access_key")),
        ("HUAWEICLOUD_SDK_SK", account.get("secret_key")),
        ("HUAWEICLOUD_SDK_REGION_ID", "sim-1"),
    ];
    for way in [
        Way::new("token", LINE)
            .options(&project)
            .options(&["--token", account.get("token")]),
        Way::new("password", OS).with(&password),
        Way::new("agency", OS).with(&password).with(&agency),
        Way::new("keys", SDK)
            .waits()
            .with(&keys)
            .with(&by_region(&account)),
    ] {
        way.options(&["--ca-file", &ca]).works(&account);
    }
}
