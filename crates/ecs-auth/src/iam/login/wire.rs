//! The forms of `POST /v3/auth/tokens`.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::{Identity, Login, Reference, Scope, User};

#[derive(Serialize)]
pub(super) struct Body<'a> {
    auth: Auth<'a>,
}

#[derive(Serialize)]
struct Auth<'a> {
    identity: Methods<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<ScopePart<'a>>,
}

#[derive(Default, Serialize)]
struct Methods<'a> {
    methods: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<OfUser<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    totp: Option<OfUser<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<Token<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assume_role: Option<AssumeRole<'a>>,
}

#[derive(Serialize)]
struct OfUser<'a> {
    user: UserPart<'a>,
}

#[derive(Default, Serialize)]
struct UserPart<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    passcode: Option<&'a str>,
}

#[derive(Serialize)]
struct Token<'a> {
    id: &'a str,
}

/// `xrole_name` is the name of an agency, as the service and its other clients call it here.
#[derive(Serialize)]
struct AssumeRole<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    domain_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain_name: Option<&'a str>,
    xrole_name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum ScopePart<'a> {
    Project(Named<'a>),
    Domain(Named<'a>),
}

#[derive(Default, Serialize)]
struct Named<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<Box<Named<'a>>>,
}

impl<'a> Named<'a> {
    fn new(reference: &'a Reference) -> Self {
        let (id, name) = split(reference);
        Self {
            id,
            name,
            domain: None,
        }
    }
}

fn split(reference: &Reference) -> (Option<&str>, Option<&str>) {
    match reference {
        Reference::Id(id) => (Some(id), None),
        Reference::Name(name) => (None, Some(name)),
    }
}

impl<'a> UserPart<'a> {
    fn new(user: &'a User) -> Self {
        match user {
            User::Id(id) => Self {
                id: Some(id),
                ..Self::default()
            },
            User::Name { name, domain } => Self {
                name: Some(name),
                domain: Some(Named::new(domain)),
                ..Self::default()
            },
        }
    }
}

impl<'a> Body<'a> {
    pub(super) fn new(login: &'a Login, passcode: Option<&'a SecretString>) -> Self {
        let mut identity = Methods::default();
        let mut own_domain = None;
        match &login.identity {
            Identity::Password { user, password, .. } => {
                if let User::Name { domain, .. } = user {
                    own_domain = Some(domain);
                }
                identity.methods.push("password");
                let mut part = UserPart::new(user);
                part.password = Some(password.expose_secret());
                identity.password = Some(OfUser { user: part });
                if let Some(passcode) = passcode {
                    identity.methods.push("totp");
                    let mut part = UserPart::new(user);
                    part.passcode = Some(passcode.expose_secret());
                    identity.totp = Some(OfUser { user: part });
                }
            }
            Identity::Totp { user, .. } => {
                if let User::Name { domain, .. } = user {
                    own_domain = Some(domain);
                }
                identity.methods.push("totp");
                let mut part = UserPart::new(user);
                part.passcode = passcode.map(ExposeSecret::expose_secret);
                identity.totp = Some(OfUser { user: part });
            }
            Identity::Token(token) => {
                identity.methods.push("token");
                let id = token.expose_secret();
                identity.token = Some(Token { id });
            }
            Identity::Agency { owner, agency, .. } => {
                own_domain = Some(owner);
                identity.methods.push("assume_role");
                let (domain_id, domain_name) = split(owner);
                identity.assume_role = Some(AssumeRole {
                    domain_id,
                    domain_name,
                    xrole_name: agency,
                });
            }
        }
        let scope = login.scope.as_ref().map(|scope| match scope {
            Scope::Domain(domain) => ScopePart::Domain(Named::new(domain)),
            Scope::Project(project, domain) => {
                let mut part = Named::new(project);
                if let Reference::Name(_) = project {
                    let domain = domain.as_ref().or(own_domain);
                    part.domain = domain.map(|domain| Box::new(Named::new(domain)));
                }
                ScopePart::Project(part)
            }
        });
        Self {
            auth: Auth { identity, scope },
        }
    }
}
