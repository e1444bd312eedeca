//! What a source can hold, under whatever names, and what it amounts to.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::{AccessKey, AuthError, AuthErrorKind, Credentials, Login, Reference, User};

/// What a value is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
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
    /// Of the user, where its own is not named.
    DomainName,
    DomainId,
    ProjectName,
    ProjectId,
    ProjectDomainName,
    ProjectDomainId,
    AgencyName,
    AgencyDomainName,
    AgencyDomainId,
    AgencyProject,
    Region,
    Iam,
    Ecs,
    /// Whose addresses are meant, where none are given.
    Vendor,
}

/// Which names a source has for what, the more usual ones first.
pub(super) type Names = &'static [(Field, &'static [&'static str])];

use Field as F;

/// The command line.
pub(super) const FLAGS: Names = &[
    (F::Token, &["--token"]),
    (F::AccessKey, &["--access-key"]),
    (F::SecretKey, &["--secret-key"]),
    (F::SecurityToken, &["--security-token"]),
];

/// The official SDKs' environment.
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
];

/// The environment of OpenStack's and OTC's tools.
pub(super) const OPENSTACK: Names = &[
    (F::Token, &["OS_TOKEN", "OS_AUTH_TOKEN"]),
    (F::AccessKey, &["OS_ACCESS_KEY"]),
    (F::SecretKey, &["OS_SECRET_KEY"]),
    (F::SecurityToken, &["OS_SECURITY_TOKEN"]),
    (F::UserName, &["OS_USERNAME"]),
    (F::UserId, &["OS_USER_ID", "OS_USERID"]),
    (F::Password, &["OS_PASSWORD"]),
    (F::Passcode, &["OS_PASSCODE"]),
    (F::UserDomainName, &["OS_USER_DOMAIN_NAME"]),
    (F::UserDomainId, &["OS_USER_DOMAIN_ID"]),
    (F::DomainName, &["OS_DOMAIN_NAME"]),
    (F::DomainId, &["OS_DOMAIN_ID"]),
    (F::ProjectName, &["OS_PROJECT_NAME", "OS_TENANT_NAME"]),
    (F::ProjectId, &["OS_PROJECT_ID", "OS_TENANT_ID"]),
    (F::ProjectDomainName, &["OS_PROJECT_DOMAIN_NAME"]),
    (F::ProjectDomainId, &["OS_PROJECT_DOMAIN_ID"]),
    (F::AgencyName, &["OS_AGENCY_NAME"]),
    (F::AgencyDomainName, &["OS_AGENCY_DOMAIN_NAME"]),
    (F::AgencyProject, &["OS_DELEGATED_PROJECT"]),
    (F::Region, &["OS_REGION_NAME", "OS_REGION"]),
    (F::Iam, &["OS_AUTH_URL"]),
];

/// A cloud of `clouds.yaml`: within `auth` or beside it.
pub(super) const CLOUDS: Names = &[
    (F::Token, &["token"]),
    (F::AccessKey, &["ak", "access_key"]),
    (F::SecretKey, &["sk", "secret_key"]),
    (F::SecurityToken, &["security_token"]),
    (F::UserName, &["username"]),
    (F::UserId, &["user_id"]),
    (F::Password, &["password"]),
    (F::Passcode, &["passcode"]),
    (F::UserDomainName, &["user_domain_name"]),
    (F::UserDomainId, &["user_domain_id"]),
    (F::DomainName, &["domain_name"]),
    (F::DomainId, &["domain_id"]),
    (F::ProjectName, &["project_name", "tenant_name"]),
    (F::ProjectId, &["project_id", "tenant_id"]),
    (F::ProjectDomainName, &["project_domain_name"]),
    (F::ProjectDomainId, &["project_domain_id"]),
    (F::AgencyName, &["agency_name", "target_agency_name"]),
    (
        F::AgencyDomainName,
        &["agency_domain_name", "target_domain_name"],
    ),
    (F::AgencyDomainId, &["target_domain_id"]),
    (
        F::AgencyProject,
        &["delegated_project", "target_project_name"],
    ),
    (F::Region, &["region_name"]),
    (F::Iam, &["auth_url"]),
    (F::Ecs, &["ecs_endpoint_override"]),
    (F::Vendor, &["profile", "vendor", "cloud"]),
];

/// A section of `~/.huaweicloud/credentials`.
pub(super) const PROFILE: Names = &[
    (F::AccessKey, &["ak"]),
    (F::SecretKey, &["sk"]),
    (F::SecurityToken, &["security_token"]),
    (F::ProjectId, &["project_id"]),
    (F::UserDomainId, &["domain_id"]),
    (F::Region, &["region", "region_id"]),
    (F::Iam, &["iam_endpoint"]),
];

/// The values that a source holds.
#[derive(Default)]
pub(super) struct Fields {
    values: BTreeMap<Field, Zeroizing<String>>,
    names: Option<Names>,
}

/// What proves who we are, out of one source.
#[derive(Debug)]
pub(super) enum Proof {
    Token(Credentials),
    Key(AccessKey),
    /// To be completed with a project.
    Login(Login),
}

/// A login as an agency, on top of another proof.
#[derive(Debug)]
pub(super) struct Agency {
    pub(super) owner: Reference,
    pub(super) name: String,
    pub(super) project: Option<Reference>,
}

impl Fields {
    /// What the source has under these names; empty is as good as missing.
    pub(super) fn collect(names: Names, value: impl Fn(&str) -> Option<Zeroizing<String>>) -> Self {
        let values = names.iter().filter_map(|(field, names)| {
            let mut found = names.iter().filter_map(|name| value(name));
            let found = found.find(|value| !value.is_empty())?;
            Some((*field, found))
        });
        Self {
            values: values.collect(),
            names: Some(names),
        }
    }

    pub(super) fn get(&self, field: Field) -> Option<&str> {
        self.values.get(&field).map(|value| value.as_str())
    }

    pub(super) fn owned(&self, field: Field) -> Option<String> {
        self.get(field).map(str::to_owned)
    }

    /// Whether there is any value.
    pub(super) fn holds_anything(&self) -> bool {
        !self.values.is_empty()
    }

    /// Its first name in this source.
    fn name(&self, field: Field) -> &'static str {
        let names = self.names.unwrap_or_default();
        let found = names.iter().find(|(other, _)| *other == field);
        found.and_then(|(_, names)| names.first()).unwrap_or(&"")
    }

    /// By id if there is one, else by name.
    pub(super) fn reference(&self, id: Field, name: Field) -> Option<Reference> {
        let id = self.get(id).map(Reference::id);
        id.or_else(|| self.get(name).map(Reference::name))
    }

    /// The domain of the user: its own, however it is named, goes before one that is named for something else.
    pub(super) fn user_domain(&self) -> Option<Reference> {
        let own = self.reference(F::UserDomainId, F::UserDomainName);
        own.or_else(|| self.reference(F::DomainId, F::DomainName))
            .or_else(|| self.reference(F::ProjectDomainId, F::ProjectDomainName))
    }

    /// The proof that it holds, or `None` if it has none. Half of one is an error: to go on with the next source could mean to
    /// act as somebody else.
    pub(super) fn proof(&self) -> Result<Option<Proof>, AuthError> {
        if let Some(token) = self.get(F::Token) {
            return Credentials::token(token).map(Proof::Token).map(Some);
        }
        if let Some((id, secret)) = self.both(F::AccessKey, F::SecretKey)? {
            let key = AccessKey::new(id, secret)?;
            let key = match self.get(F::SecurityToken) {
                Some(token) => key.with_security_token(token)?,
                None => key,
            };
            return Ok(Some(Proof::Key(key)));
        }
        let user = match (self.get(F::UserId), self.get(F::UserName)) {
            (Some(id), _) => User::id(id),
            (None, Some(name)) => {
                if self.get(F::Password).is_none() {
                    return Err(self.half(F::UserName, F::Password));
                }
                let domain = self.user_domain();
                User::name(
                    name,
                    domain.ok_or_else(|| self.half(F::UserName, F::UserDomainName))?,
                )
            }
            (None, None) if self.get(F::Password).is_some() => {
                return Err(self.half(F::Password, F::UserName));
            }
            (None, None) => return Ok(None),
        };
        let Some(password) = self.get(F::Password) else {
            return Err(self.half(F::UserId, F::Password));
        };
        let login = Login::password(user, password);
        Ok(Some(Proof::Login(match self.get(F::Passcode) {
            Some(code) => login.with_passcode(code),
            None => login,
        })))
    }

    /// The agency to log in as, if one is named.
    pub(super) fn agency(&self) -> Result<Option<Agency>, AuthError> {
        let Some(name) = self.owned(F::AgencyName) else {
            return Ok(None);
        };
        let owner = self.reference(F::AgencyDomainId, F::AgencyDomainName);
        Ok(Some(Agency {
            owner: owner.ok_or_else(|| self.half(F::AgencyName, F::AgencyDomainName))?,
            name,
            project: self.get(F::AgencyProject).map(Reference::name),
        }))
    }

    fn both(&self, one: Field, other: Field) -> Result<Option<(&str, &str)>, AuthError> {
        match (self.get(one), self.get(other)) {
            (Some(one), Some(other)) => Ok(Some((one, other))),
            (None, None) => Ok(None),
            (Some(_), None) => Err(self.half(one, other)),
            (None, Some(_)) => Err(self.half(other, one)),
        }
    }

    fn half(&self, there: Field, missing: Field) -> AuthError {
        let (there, missing) = (self.name(there), self.name(missing));
        AuthError::new(
            AuthErrorKind::Malformed,
            format!("{there} is set, but {missing} is not: set both or neither"),
        )
    }
}
