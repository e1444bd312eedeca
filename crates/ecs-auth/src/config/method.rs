//! The login that a source describes.

use super::fields::{Field as F, HUAWEI, KOOCLI, Names, OPENSTACK, PROFILE, TERRAFORM};
use super::layer::{CredentialSource, Layer};
use super::{CredentialOptions, conflict, malformed};
use crate::{AccessKey, AuthError, AuthReason, Credentials, Login, Reference, User};

/// The authentication of an account, from one source.
#[derive(Debug)]
pub(super) enum AuthMethod {
    Token(Credentials),
    Key(AccessKey),
    /// A login, to be completed with a project.
    Login(Login),
    /// A login with a given token, which is exchanged for one of the project.
    Exchange(Login),
}

/// A login as an agency, on top of another method.
#[derive(Debug)]
pub(super) struct Agency {
    pub(super) owner: Reference,
    pub(super) name: String,
    pub(super) project: Option<Reference>,
    pub(super) project_origin: String,
}

/// Returns the method that a source describes; `None` if it describes none. An incomplete or
/// unsupported one is an error: the next source could be another account's.
pub(super) fn of_layer(layer: &Layer) -> Result<Option<AuthMethod>, AuthError> {
    let file = layer.source.is_file();
    let method = match &layer.source {
        CredentialSource::OpenStackEnvironment | CredentialSource::Cloud { .. } => openstack(layer),
        _ => plain(layer),
    };
    method.map_err(|error| {
        if file {
            error.within(&layer.source)
        } else {
            error
        }
    })
}

/// Returns a token, keys or a password, whichever is set.
fn plain(layer: &Layer) -> Result<Option<AuthMethod>, AuthError> {
    if let Some(setting) = layer.setting(F::Unsupported) {
        return Err(unsupported("login by an identity provider", &setting.name));
    }
    let logs_in = layer.has(F::UserName) || layer.has(F::UserId) || layer.has(F::Password);
    if layer.has(F::Token) {
        let keys = [F::AccessKey, F::SecretKey, F::SecurityToken];
        if logs_in || keys.into_iter().any(|field| layer.has(field)) {
            return Err(two_logins(layer));
        }
        return token(layer).map(Some);
    }
    let key = keys(layer)?;
    match key {
        Some(_) if logs_in => Err(two_logins(layer)),
        Some(key) => Ok(Some(key)),
        None if logs_in => password(layer).map(Some),
        None => Ok(None),
    }
}

/// Returns the login as keystoneauth1 5.18.1 chooses it, or keys if there is none.
fn openstack(layer: &Layer) -> Result<Option<AuthMethod>, AuthError> {
    let kind = layer.take(F::AuthType);
    let known = kind.is_none_or(|kind| KINDS.contains(&kind));
    if let Some(kind) = kind.filter(|_| !known) {
        let setting = layer.setting(F::AuthType);
        let name = setting.map_or("auth_type", |setting| &setting.name);
        return Err(unsupported(kind, name));
    }
    if let Some(setting) = layer.setting(F::Unsupported) {
        let kind = if setting
            .name
            .to_lowercase()
            .contains("application_credential")
        {
            "application credential"
        } else {
            "login by an identity provider"
        };
        return Err(unsupported(kind, &setting.name));
    }
    let version = layer.setting(F::IdentityVersion);
    let version = version.filter(|setting| setting.value.trim().starts_with('2'));
    let address = layer.setting(F::Iam);
    let address = address.filter(|address| {
        address
            .value
            .trim()
            .trim_end_matches('/')
            .ends_with("/v2.0")
    });
    if let Some(setting) = version.or(address) {
        return Err(unsupported("version 2 of the identity API", &setting.name));
    }
    if let Some(setting) = layer.setting(F::OtherScope) {
        return Err(unsupported("scope that is not a project", &setting.name));
    }
    let user = layer.has(F::UserName) || layer.has(F::UserId);
    let logs_in = user || layer.has(F::Password);
    if layer.has(F::Token) && (logs_in || layer.has(F::Passcode)) {
        // keystoneauth1 fails here as well (TypeError).
        return Err(two_logins(layer));
    }
    match kind.unwrap_or_default() {
        "token" | "v3token" => match layer.take(F::Token) {
            Some(token) => Ok(Some(AuthMethod::Exchange(Login::token(token)))),
            None => Err(incomplete(layer, F::AuthType, F::Token)),
        },
        "v3totp" => totp(layer).map(Some),
        "v3multifactor" => multifactor(layer).map(Some),
        kind => {
            if layer.has(F::Token) {
                return token(layer).map(Some);
            }
            if logs_in || layer.has(F::Passcode) {
                return password(layer).map(Some);
            }
            match keys(layer)? {
                Some(_) if matches!(kind, "password" | "v3password") => {
                    Err(incomplete(layer, F::AuthType, F::UserName))
                }
                keys => Ok(keys),
            }
        }
    }
}

/// The supported values of `auth_type`. `agency` is from otcextensions.
const KINDS: [&str; 7] = [
    "password",
    "v3password",
    "token",
    "v3token",
    "v3totp",
    "v3multifactor",
    "agency",
];

fn token(layer: &Layer) -> Result<AuthMethod, AuthError> {
    let token = layer.take(F::Token).unwrap_or_default();
    Credentials::token(token).map(AuthMethod::Token)
}

fn keys(layer: &Layer) -> Result<Option<AuthMethod>, AuthError> {
    let (id, secret) = match (layer.take(F::AccessKey), layer.peek(F::SecretKey)) {
        (Some(id), Some(secret)) => (id, secret),
        (None, None) if layer.has(F::SecurityToken) => {
            return Err(incomplete(layer, F::SecurityToken, F::AccessKey));
        }
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(incomplete(layer, F::AccessKey, F::SecretKey)),
        (None, Some(_)) => return Err(incomplete(layer, F::SecretKey, F::AccessKey)),
    };
    let key = AccessKey::new(id, secret)?;
    let key = match layer.peek(F::SecurityToken) {
        Some(token) => key.with_security_token(token)?,
        None => key,
    };
    Ok(Some(AuthMethod::Key(key)))
}

fn password(layer: &Layer) -> Result<AuthMethod, AuthError> {
    let Some(password) = layer.peek(F::Password) else {
        let given = first_of(layer, &[F::UserName, F::UserId, F::Passcode]);
        return Err(incomplete(layer, given, F::Password));
    };
    let login = Login::password(user(layer, F::Password)?, password);
    Ok(AuthMethod::Login(match layer.peek(F::Passcode) {
        Some(code) => login.with_passcode(code),
        None => login,
    }))
}

fn totp(layer: &Layer) -> Result<AuthMethod, AuthError> {
    let Some(code) = layer.peek(F::Passcode) else {
        return Err(incomplete(layer, F::AuthType, F::Passcode));
    };
    let user = user(layer, F::Passcode)?;
    Ok(AuthMethod::Login(Login::totp(user, code)))
}

fn multifactor(layer: &Layer) -> Result<AuthMethod, AuthError> {
    let methods = layer.peek(F::AuthMethods).unwrap_or_default();
    let methods: Vec<&str> = methods.split(',').map(str::trim).collect();
    let name = || {
        layer
            .setting(F::AuthMethods)
            .map_or("auth_methods", |setting| &setting.name)
    };
    for method in &methods {
        if !matches!(*method, "" | "v3password" | "password" | "v3totp" | "totp") {
            return Err(unsupported(method, name()));
        }
    }
    let has = |name: &str| methods.iter().any(|method| method.ends_with(name));
    match (has("password"), has("totp")) {
        (false, true) => totp(layer),
        (_, true) if !layer.has(F::Passcode) => Err(incomplete(layer, F::AuthMethods, F::Passcode)),
        _ => password(layer),
    }
}

fn user(layer: &Layer, secret: F) -> Result<User, AuthError> {
    // By id if there is one; the name beside it is compared with IAM's.
    let name = layer.take(F::UserName);
    if let Some(id) = layer.take(F::UserId) {
        return Ok(User::id(id));
    }
    let name = name.ok_or_else(|| incomplete(layer, secret, F::UserName))?;
    let domain = user_domain(layer);
    let domain = domain.ok_or_else(|| incomplete(layer, F::UserName, F::UserDomainName))?;
    Ok(User::name(name, domain))
}

/// Returns a reference by id if there is one, else by name.
pub(super) fn reference(layer: &Layer, id: F, name: F) -> Option<Reference> {
    let id = layer.take(id).map(Reference::id);
    id.or_else(|| layer.take(name).map(Reference::name))
}

/// Returns the domain of the user: its own, however it is named, takes precedence over a common
/// one, and that over the project's.
pub(super) fn user_domain(layer: &Layer) -> Option<Reference> {
    reference(layer, F::UserDomainId, F::UserDomainName)
        .or_else(|| reference(layer, F::DomainId, F::DomainName))
        .or_else(|| reference(layer, F::DefaultDomainId, F::DefaultDomainName))
        .or_else(|| reference(layer, F::ProjectDomainId, F::ProjectDomainName))
}

/// Returns the domain of a named project.
pub(super) fn project_domain(layer: &Layer) -> Option<Reference> {
    reference(layer, F::ProjectDomainId, F::ProjectDomainName)
        .or_else(|| reference(layer, F::DomainId, F::DomainName))
        .or_else(|| reference(layer, F::DefaultDomainId, F::DefaultDomainName))
}

/// Returns the agency to log in as, if one is named. An option for its project takes precedence.
pub(super) fn agency(
    layer: &Layer,
    options: &CredentialOptions,
) -> Result<Option<Agency>, AuthError> {
    let Some(name) = layer.take(F::AgencyName) else {
        if layer.peek(F::AuthType) == Some("agency") {
            return Err(incomplete(layer, F::AuthType, F::AgencyName));
        }
        return Ok(None);
    };
    let owner = reference(layer, F::AgencyDomainId, F::AgencyDomainName);
    let owner = owner.ok_or_else(|| incomplete(layer, F::AgencyName, F::AgencyDomainName))?;
    let by_id = layer.has(F::AgencyProjectId);
    let field = if by_id {
        F::AgencyProjectId
    } else {
        F::AgencyProject
    };
    let project = options.project_id.is_none();
    let named = || reference(layer, F::AgencyProjectId, F::AgencyProject);
    Ok(Some(Agency {
        owner,
        name: name.to_owned(),
        project: project.then(named).flatten(),
        project_origin: layer.origin(field),
    }))
}

fn first_of(layer: &Layer, fields: &[F]) -> F {
    let found = fields.iter().find(|field| layer.has(**field));
    found.copied().unwrap_or(F::UserName)
}

fn unsupported(kind: &str, setting: &str) -> AuthError {
    AuthError::malformed(
        format!(
            "{setting} asks for a login of a kind that is not supported ({kind}), and no other account is used in its place: \
             supported are passwords, with or without a passcode, tokens, access keys and agencies"
        ),
        AuthReason::UnsupportedLogin {
            kind: kind.to_owned(),
            setting: setting.to_owned(),
        },
    )
}

fn two_logins(layer: &Layer) -> AuthError {
    let fields = [
        F::Token,
        F::AccessKey,
        F::SecretKey,
        F::UserName,
        F::UserId,
        F::Password,
        F::Passcode,
    ];
    let settings = fields.iter().filter_map(|field| layer.setting(*field));
    let names: Vec<&str> = settings.map(|setting| setting.name.as_str()).collect();
    let message = format!(
        "{} are set: they are different logins, set one of them",
        names.join(", ")
    );
    conflict(message, names)
}

/// Creates the error of a setting that requires another one, which is missing.
pub(super) fn incomplete(layer: &Layer, given: F, missing: F) -> AuthError {
    let given = layer
        .setting(given)
        .map_or_else(|| spelling(layer, given), |setting| setting.name.clone());
    let mut missing = spelling(layer, missing);
    if given.ends_with("ak") && missing == "secret_key" {
        missing = "sk".to_owned();
    } else if given.ends_with("sk") && missing == "access_key" {
        missing = "ak".to_owned();
    } else if given.to_lowercase().ends_with("agency_name")
        && !given.to_lowercase().contains("target")
    {
        missing = missing
            .replace("TARGET_", "AGENCY_")
            .replace("target_", "agency_");
    }
    let message = format!("{given} is set, but {missing} is not: set both or neither");
    AuthError::malformed(
        message,
        AuthReason::IncompleteCredentials { given, missing },
    )
}

/// Returns the spelling of a field in the source.
fn spelling(layer: &Layer, field: F) -> String {
    let names: Names = match &layer.source {
        CredentialSource::HuaweiEnvironment => HUAWEI,
        CredentialSource::TerraformEnvironment => TERRAFORM,
        CredentialSource::Profile { .. } => PROFILE,
        CredentialSource::KooCli { .. } => KOOCLI,
        CredentialSource::OpenStackEnvironment | CredentialSource::Cloud { .. } => OPENSTACK,
        CredentialSource::Options => super::OPTIONS,
        CredentialSource::Metadata => &[],
    };
    let found = names.iter().find(|(other, _)| *other == field);
    let name = found
        .and_then(|(_, names)| names.first())
        .copied()
        .unwrap_or_default();
    if layer.source == CredentialSource::OpenStackEnvironment {
        super::variable_of(name)
    } else {
        name.to_owned()
    }
}

/// Returns the error of a requested source without a login.
pub(super) fn none_in(layer: &Layer) -> AuthError {
    let message = match &layer.source {
        CredentialSource::Cloud { .. } => {
            "it needs username and password, a token, or access_key and secret_key"
        }
        _ => "it needs an access key and its secret key",
    };
    malformed(format!("{} has no credentials: {message}", layer.source))
}
