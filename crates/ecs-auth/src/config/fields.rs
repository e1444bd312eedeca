//! The fields of settings, and their names in each source.

/// The meaning of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Field {
    AuthType,
    AuthMethods,
    /// The version of the identity API: `3` or `2`.
    IdentityVersion,
    Token,
    AccessKey,
    SecretKey,
    SecurityToken,
    UserName,
    UserId,
    Password,
    Passcode,
    UserDomainName,
    UserDomainId,
    /// The domain of user and project, if they have none of their own.
    DomainName,
    DomainId,
    DefaultDomainName,
    DefaultDomainId,
    /// An unsupported kind of login.
    Unsupported,
    /// A login that only the official SDK supports, as its last choice.
    PodIdentity,
    ProjectName,
    ProjectId,
    ProjectDomainName,
    ProjectDomainId,
    /// A scope other than a project.
    OtherScope,
    EnterpriseProject,
    AgencyName,
    AgencyDomainName,
    AgencyDomainId,
    AgencyProject,
    AgencyProjectId,
    Region,
    Iam,
    Ecs,
    /// The address of another service.
    OtherEndpoint,
    /// The kind of a service's address: `public`, `internal`, `admin`.
    Interface,
    /// The domain that contains the services: `myhuaweicloud.com`.
    CloudDomain,
    /// The profile whose addresses are used if none are given.
    Vendor,
    CaFile,
    ClientCertificate,
    ClientKey,
    Verify,
    Insecure,
}

/// The kind of thing that a setting names, for the rule that none is ignored silently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Aspect {
    Account,
    Project,
    Region,
    Address,
    Tls,
    /// A secret or a detail of another setting, which names nothing by itself.
    Detail,
}

impl Field {
    pub(super) fn aspect(self) -> Aspect {
        use Field as F;
        match self {
            F::Token
            | F::AccessKey
            | F::UserName
            | F::UserId
            | F::UserDomainName
            | F::UserDomainId
            | F::DomainName
            | F::DomainId
            | F::DefaultDomainName
            | F::DefaultDomainId
            | F::Unsupported
            | F::PodIdentity
            | F::AgencyName
            | F::AgencyDomainName
            | F::AgencyDomainId => Aspect::Account,
            F::ProjectName
            | F::ProjectId
            | F::ProjectDomainName
            | F::ProjectDomainId
            | F::OtherScope
            | F::EnterpriseProject
            | F::AgencyProject
            | F::AgencyProjectId => Aspect::Project,
            F::Region => Aspect::Region,
            F::Iam | F::Ecs | F::OtherEndpoint | F::Interface | F::CloudDomain | F::Vendor => {
                Aspect::Address
            }
            F::CaFile | F::ClientCertificate | F::ClientKey | F::Verify | F::Insecure => {
                Aspect::Tls
            }
            F::AuthType
            | F::AuthMethods
            | F::IdentityVersion
            | F::SecretKey
            | F::SecurityToken
            | F::Password
            | F::Passcode => Aspect::Detail,
        }
    }

    /// Returns whether the value must not be shown.
    pub(super) fn is_secret(self) -> bool {
        matches!(
            self,
            Self::Token
                | Self::SecretKey
                | Self::SecurityToken
                | Self::Password
                | Self::Passcode
                | Self::Unsupported
                | Self::PodIdentity
        )
    }
}

/// The names of a field in a source. If several are set, the first takes precedence.
pub(super) type Names = &'static [(Field, &'static [&'static str])];

use Field as F;

/// The environment of the official SDKs (huaweicloudsdkcore 3.1.219, `auth/provider.py`), and
/// `HUAWEICLOUD_SDK_REGION_ID`, which is ours.
pub(super) const HUAWEI: Names = &[
    (F::AccessKey, &["HUAWEICLOUD_SDK_AK"]),
    (F::SecretKey, &["HUAWEICLOUD_SDK_SK"]),
    (F::SecurityToken, &["HUAWEICLOUD_SDK_SECURITY_TOKEN"]),
    (F::ProjectId, &["HUAWEICLOUD_SDK_PROJECT_ID"]),
    (F::UserDomainId, &["HUAWEICLOUD_SDK_DOMAIN_ID"]),
    (
        F::Region,
        &["HUAWEICLOUD_SDK_REGION_ID", "HUAWEICLOUD_SDK_REGION"],
    ),
    (F::Iam, &["HUAWEICLOUD_SDK_IAM_ENDPOINT"]),
    (
        F::Unsupported,
        &[
            "HUAWEICLOUD_SDK_IDP_ID",
            "HUAWEICLOUD_SDK_ID_TOKEN_FILE",
            "HUAWEICLOUD_OIDC_PROVIDER_URN",
            "HUAWEICLOUD_OIDC_AGENCY_URN",
            "HUAWEICLOUD_OIDC_ID_TOKEN",
            "HUAWEICLOUD_OIDC_TOKEN_FILE",
        ],
    ),
    (F::PodIdentity, &["HC_CONTAINER_CREDENTIALS_FULL_URI"]),
];

/// The environment of terraform-provider-huaweicloud (a0345b8, `docs/index.md`).
pub(super) const TERRAFORM: Names = &[
    (F::Token, &["HW_AUTH_TOKEN"]),
    (F::AccessKey, &["HW_ACCESS_KEY"]),
    (F::SecretKey, &["HW_SECRET_KEY"]),
    (F::SecurityToken, &["HW_SECURITY_TOKEN"]),
    (F::UserName, &["HW_USER_NAME"]),
    (F::UserId, &["HW_USER_ID"]),
    (F::Password, &["HW_USER_PASSWORD"]),
    (F::UserDomainName, &["HW_DOMAIN_NAME"]),
    (F::UserDomainId, &["HW_DOMAIN_ID"]),
    (F::ProjectName, &["HW_PROJECT_NAME"]),
    (F::ProjectId, &["HW_PROJECT_ID"]),
    (F::EnterpriseProject, &["HW_ENTERPRISE_PROJECT_ID"]),
    (F::AgencyName, &["HW_ASSUME_ROLE_AGENCY_NAME"]),
    (F::AgencyDomainName, &["HW_ASSUME_ROLE_DOMAIN_NAME"]),
    (F::AgencyDomainId, &["HW_ASSUME_ROLE_DOMAIN_ID"]),
    (F::Region, &["HW_REGION_NAME"]),
    (F::Iam, &["HW_AUTH_URL"]),
    (F::CloudDomain, &["HW_CLOUD"]),
    (F::Insecure, &["HW_INSECURE"]),
];

/// A section of `~/.huaweicloud/credentials`; `region` and `region_id` are ours.
pub(super) const PROFILE: Names = &[
    (F::AccessKey, &["ak"]),
    (F::SecretKey, &["sk"]),
    (F::SecurityToken, &["security_token"]),
    (F::ProjectId, &["project_id"]),
    (F::UserDomainId, &["domain_id"]),
    (F::Region, &["region", "region_id"]),
    (F::Iam, &["iam_endpoint"]),
    (F::Unsupported, &["idp_id", "id_token_file"]),
];

/// A profile of KooCLI's `~/.hcloud/config.json`.
pub(super) const KOOCLI: Names = &[
    (F::AccessKey, &["accessKeyId"]),
    (F::SecretKey, &["secretAccessKey"]),
    (F::SecurityToken, &["securityToken"]),
    (F::ProjectId, &["projectId"]),
    (F::UserDomainId, &["domainId"]),
    (F::AgencyName, &["agencyName"]),
    (F::AgencyDomainName, &["agencyDomainName"]),
    (F::AgencyDomainId, &["agencyDomainId"]),
    (F::Region, &["region"]),
    (F::Insecure, &["skipSecureVerify"]),
];

/// The keys of a cloud of `clouds.yaml` (openstacksdk 4.22.0, `config/loader.py`; keystoneauth1 5.18.1), of otcextensions, and our
/// own (`delegated_project`, `agency_domain_name`). With `OS_` before them, in upper case, they are
/// the variables of the environment. A dash may stand for each `_`.
pub(super) const OPENSTACK: Names = &[
    (F::AuthType, &["auth_type", "auth_plugin"]),
    (F::AuthMethods, &["auth_methods"]),
    (F::IdentityVersion, &["identity_api_version"]),
    (F::Token, &["token", "auth_token"]),
    (F::AccessKey, &["access_key", "ak"]),
    (F::SecretKey, &["secret_key", "sk"]),
    (F::SecurityToken, &["security_token"]),
    (F::UserName, &["username", "user_name"]),
    (F::UserId, &["user_id", "userid"]),
    (F::Password, &["password"]),
    (F::Passcode, &["passcode"]),
    (F::UserDomainName, &["user_domain_name"]),
    (F::UserDomainId, &["user_domain_id"]),
    (F::DomainName, &["domain_name"]),
    (F::DomainId, &["domain_id"]),
    (F::DefaultDomainName, &["default_domain_name"]),
    (F::DefaultDomainId, &["default_domain_id", "default_domain"]),
    (
        F::Unsupported,
        &[
            "application_credential_id",
            "application_credential_name",
            "application_credential_secret",
            "identity_provider",
            "identity_provider_url",
            "protocol",
            "access_token",
            "access_token_endpoint",
            "access_token_type",
            "client_id",
            "client_secret",
            "openid_scope",
            "discovery_endpoint",
            "device_authorization_endpoint",
            "authorization_code",
            "service_provider_endpoint",
            "service_provider_entity_id",
            "consumer_key",
            "oauth2_endpoint",
            "oauth2_client_id",
            "oauth2_client_secret",
        ],
    ),
    (F::ProjectName, &["project_name", "tenant_name"]),
    (F::ProjectId, &["project_id", "tenant_id"]),
    (F::ProjectDomainName, &["project_domain_name"]),
    (F::ProjectDomainId, &["project_domain_id"]),
    (F::OtherScope, &["trust_id", "system_scope"]),
    (F::AgencyName, &["target_agency_name", "agency_name"]),
    (
        F::AgencyDomainName,
        &["target_domain_name", "agency_domain_name"],
    ),
    (F::AgencyDomainId, &["target_domain_id"]),
    (
        F::AgencyProject,
        &["target_project_name", "delegated_project"],
    ),
    (F::AgencyProjectId, &["target_project_id"]),
    (F::Region, &["region_name", "region"]),
    (F::Iam, &["auth_url"]),
    (F::Ecs, &["ecs_endpoint_override"]),
    (
        F::OtherEndpoint,
        &[
            "compute_endpoint_override",
            "identity_endpoint_override",
            "endpoint_override",
            "endpoint",
        ],
    ),
    (F::Interface, &["interface", "endpoint_type"]),
    (F::Vendor, &["profile", "cloud", "vendor"]),
    (F::CaFile, &["cacert"]),
    (F::ClientCertificate, &["cert"]),
    (F::ClientKey, &["key"]),
    (F::Verify, &["verify"]),
    (F::Insecure, &["insecure"]),
];

/// Returns whether a source has a setting of this name.
pub(super) fn is_known(names: Names, name: &str) -> bool {
    names.iter().any(|(_, names)| names.contains(&name))
}

/// Keys within `auth` that name nothing and that keystoneauth1 5.18.1 also accepts.
pub(super) const OTHER_AUTH: [&str; 5] = [
    "allow_expired_passcode",
    "default_domain",
    "include_catalog",
    "reauthenticate",
    "unscoped",
];

/// Returns whether openstacksdk prefers the value beside `auth` to the one within it
/// (`_fix_backwards_auth`). For other fields it prefers the one within `auth`, and
/// python-openstackclient the other one.
pub(super) fn is_first_beside_auth(field: Field) -> bool {
    matches!(
        field,
        F::Token
            | F::Passcode
            | F::UserDomainName
            | F::UserDomainId
            | F::DomainName
            | F::DomainId
            | F::ProjectName
            | F::ProjectId
            | F::ProjectDomainName
            | F::ProjectDomainId
    )
}
