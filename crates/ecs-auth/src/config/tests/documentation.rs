//! The table of settings in `docs/credentials.md` is generated from the names that are read.
//! `ECS_AUTH_BLESS=1` writes it.

use std::fmt::Write as _;
use std::path::Path;

use crate::Operator;
use crate::config::fields::{Field as F, HUAWEI, KOOCLI, Names, OPENSTACK, PROFILE, TERRAFORM};

const BEGIN: &str = "<!-- made from the code by the tests of ecs-auth: begin -->\n";
const END: &str = "<!-- end -->\n";

/// Returns the use of a setting.
fn use_of(field: F) -> &'static str {
    match field {
        F::AuthType => {
            "the kind of login: `password`, `v3password`, `token`, `v3token`, `v3totp`, `v3multifactor`, `agency`; any other is refused"
        }
        F::AuthMethods => "for `v3multifactor`: `v3password`, `v3totp`; any other is refused",
        F::IdentityVersion => "`3`; `2` is refused",
        F::Token => "used; refused beside another login",
        F::AccessKey => {
            "used, where there is no login with a password or token beside it; then a warning"
        }
        F::SecretKey | F::SecurityToken => "used with the access key",
        F::UserName => "used; beside an id it is compared with IAM's",
        F::UserId => "used, before the name",
        F::Password => "used",
        F::Passcode => "used once, as the second factor, or alone (`v3totp`)",
        F::UserDomainName | F::UserDomainId => "used, the id before the name",
        F::DomainName | F::DomainId | F::DefaultDomainName | F::DefaultDomainId => {
            "used for the user and the project, where they have no domain of their own"
        }
        F::Unsupported => "refused: a login of a kind that is not supported",
        F::PodIdentity => "refused, where no other source has credentials",
        F::ProjectName | F::ProjectId => "used, the id before the name",
        F::ProjectDomainName | F::ProjectDomainId => "used for a project by name",
        F::OtherScope => "refused: a scope that is not a project",
        F::EnterpriseProject => "not used, with a warning",
        F::AgencyName | F::AgencyDomainName | F::AgencyDomainId => "used: acts as this agency",
        F::AgencyProject | F::AgencyProjectId => "used: the project of the agency's owner",
        F::Region => "used",
        F::Iam => "used; `{region_name}` is filled in in `clouds.yaml`",
        F::Ecs => "used",
        F::OtherEndpoint => "not used, with a warning",
        F::Interface => "`public` is used; others are not, with a warning",
        F::CloudDomain => "used: services are at `SERVICE.REGION.DOMAIN`",
        F::Vendor => "used: `otc`, `otc-swiss`, and what `clouds-public.yaml` describes",
        F::CaFile => "used: the only authorities that are trusted; `--ca-file` adds to them",
        F::ClientCertificate | F::ClientKey => "used: shown to servers",
        F::Verify | F::Insecure => "refused, where it turns verification off",
    }
}

fn rows(text: &mut String, names: Names, spelled: impl Fn(&str) -> String) {
    for (field, names) in names {
        let names: Vec<String> = names.iter().map(|name| spelled(name)).collect();
        let _ = writeln!(text, "| {} | {} |", names.join(", "), use_of(*field));
    }
}

fn table() -> String {
    let mut text = String::new();
    let plain = |name: &str| format!("`{name}`");
    for (title, names) in [
        (
            "Environment of the Huawei Cloud SDKs (huaweicloudsdkcore 3.1.219; `HUAWEICLOUD_SDK_REGION_ID` is ours)",
            HUAWEI,
        ),
        (
            "`~/.huaweicloud/credentials` (huaweicloudsdkcore 3.1.219; `region`, `region_id` are ours)",
            PROFILE,
        ),
        (
            "`clouds.yaml` and, with `OS_` before them in upper case, the environment (openstacksdk 4.22.0, keystoneauth1 5.18.1, \
             otcextensions 0.34.8; `userid`, `region`, `vendor`, `agency_…` and `delegated_project` are ours)",
            OPENSTACK,
        ),
        (
            "Environment of terraform-provider-huaweicloud (a0345b8, 2026-08)",
            TERRAFORM,
        ),
        ("`~/.hcloud/config.json` (KooCLI 7)", KOOCLI),
    ] {
        let _ = write!(
            text,
            "\n### {title}\n\n| setting | what is done with it |\n|---|---|\n"
        );
        rows(&mut text, names, plain);
    }
    text.push_str("\n### Operators\n\n| operator | `--operator` | regions | hosts | source |\n|---|---|---|---|---|\n");
    for operator in Operator::all() {
        let regions = operator.regions().join(", ");
        let host = operator.address("ecs", "REGION");
        let _ = writeln!(
            text,
            "| {} | `{}` | {regions} | `{host}` | {} |",
            operator.name(),
            operator.id(),
            operator.reference()
        );
    }
    text.push('\n');
    text
}

#[test]
fn the_page_has_each_setting_and_operator() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/credentials.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (own, after) = rest.split_once(END).unwrap();
    let table = table();
    if std::env::var_os("ECS_AUTH_BLESS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert!(
            own == table,
            "docs/credentials.md is stale: ECS_AUTH_BLESS=1 cargo test -p ecs-auth documentation"
        );
    }
}
