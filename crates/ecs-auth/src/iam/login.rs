//! Logins: what IAM requires for a token.

use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use ecs_transport::TransportError;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::{AuthError, AuthErrorKind, CredentialsProvider};

mod wire;

/// A reference to an object of IAM by its id or name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// By id.
    Id(String),
    /// By name.
    Name(String),
}

impl Reference {
    /// Creates a reference by id.
    pub fn id(id: impl Into<String>) -> Self {
        Self::Id(id.into())
    }

    /// Creates a reference by name.
    pub fn name(name: impl Into<String>) -> Self {
        Self::Name(name.into())
    }
}

/// The user who logs in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum User {
    /// By id, which needs no domain.
    Id(String),
    /// By name in a domain (an account).
    Name {
        /// The user's name.
        name: String,
        /// The user's domain.
        domain: Reference,
    },
}

impl User {
    /// Creates a user by id.
    pub fn id(id: impl Into<String>) -> Self {
        Self::Id(id.into())
    }

    /// Creates a user by name in a domain.
    pub fn name(name: impl Into<String>, domain: Reference) -> Self {
        Self::Name {
            name: name.into(),
            domain,
        }
    }
}

/// A login at IAM, and the scope of its token. `Debug` masks secrets.
///
/// ```
/// use ecs_auth::{Login, Reference, User};
///
/// let user = User::name("ops", Reference::name("OTC00000000001000000123"));
/// let login = Login::password(user, "open sesame").for_project(Reference::name("eu-de"));
/// assert!(!format!("{login:?}").contains("sesame"));
/// ```
pub struct Login {
    identity: Identity,
    scope: Option<Scope>,
}

enum Identity {
    Password {
        user: User,
        password: SecretString,
        passcode: Option<Passcode>,
    },
    /// A passcode alone.
    Totp {
        user: User,
        passcode: Passcode,
    },
    Token(SecretString),
    Agency {
        by: Arc<dyn CredentialsProvider>,
        owner: Reference,
        agency: String,
        caller_domain_id: Option<String>,
    },
}

/// The code, or why there is none any more after it was used.
type Passcode = Mutex<Result<SecretString, String>>;

#[derive(Debug)]
enum Scope {
    Project(Reference, Option<Reference>),
    Domain(Reference),
}

impl Login {
    /// Creates a login of a user with a password.
    pub fn password(user: User, password: impl Into<String>) -> Self {
        Self::new(Identity::Password {
            user,
            password: SecretString::from(password.into()),
            passcode: None,
        })
    }

    /// Creates a login of a user with a passcode alone (`v3totp`), which is valid for one token.
    pub fn totp(user: User, passcode: impl Into<String>) -> Self {
        Self::new(Identity::Totp {
            user,
            passcode: Mutex::new(Ok(SecretString::from(passcode.into()))),
        })
    }

    /// Creates a login with an existing token, for example to get one for another project. The new
    /// token expires with the old one.
    pub fn token(token: impl Into<String>) -> Self {
        Self::new(Identity::Token(SecretString::from(token.into())))
    }

    /// Creates a login as an agency (`assume_role`): `owner` is the domain that lends its rights,
    /// `by` authenticates the borrower.
    pub fn agency(
        by: impl CredentialsProvider,
        owner: Reference,
        agency: impl Into<String>,
    ) -> Self {
        Self::new(Identity::Agency {
            by: Arc::new(by),
            owner,
            agency: agency.into(),
            caller_domain_id: None,
        })
    }

    fn new(identity: Identity) -> Self {
        Self {
            identity,
            scope: None,
        }
    }

    /// Adds the second factor of a password: the six digits of the user's device. It is valid for
    /// one token; the next one requires a new login.
    #[must_use]
    pub fn with_passcode(mut self, code: impl Into<String>) -> Self {
        if let Identity::Password { passcode, .. } = &mut self.identity {
            *passcode = Some(Mutex::new(Ok(SecretString::from(code.into()))));
        }
        self
    }

    /// Sets the id of the borrower's domain. Required if an access key authenticates the borrower
    /// of an agency.
    #[must_use]
    pub fn with_caller_domain_id(mut self, id: impl Into<String>) -> Self {
        if let Identity::Agency {
            caller_domain_id, ..
        } = &mut self.identity
        {
            *caller_domain_id = Some(id.into());
        }
        self
    }

    /// Scopes the token to a project. A name is looked up in the domain of the user or of the
    /// agency's owner.
    #[must_use]
    pub fn for_project(mut self, project: Reference) -> Self {
        self.scope = Some(Scope::Project(project, None));
        self
    }

    /// Scopes the token to a project of this domain.
    #[must_use]
    pub fn for_project_of(mut self, project: Reference, domain: Reference) -> Self {
        self.scope = Some(Scope::Project(project, Some(domain)));
        self
    }

    /// Scopes the token to a whole domain.
    #[must_use]
    pub fn for_domain(mut self, domain: Reference) -> Self {
        self.scope = Some(Scope::Domain(domain));
        self
    }

    /// Returns the name of the authentication method, for traces.
    pub(super) fn method(&self) -> &'static str {
        match &self.identity {
            Identity::Password { passcode: None, .. } => "password",
            Identity::Password { .. } => "password and passcode",
            Identity::Totp { .. } => "passcode",
            Identity::Token(_) => "token",
            Identity::Agency { .. } => "agency",
        }
    }

    /// Returns the provider that authenticates in the headers, and its domain.
    pub(super) fn caller(&self) -> Option<(&dyn CredentialsProvider, Option<&str>)> {
        match &self.identity {
            Identity::Agency {
                by,
                caller_domain_id,
                ..
            } => Some((&**by, caller_domain_id.as_deref())),
            _ => None,
        }
    }

    /// Returns the body of the request, which is overwritten on drop, and its secrets.
    pub(super) fn body(&self) -> Result<(Bytes, Vec<SecretString>), AuthError> {
        let passcode = self.take_passcode()?;
        let mut secrets: Vec<SecretString> = match &self.identity {
            Identity::Password { password, .. } => vec![password.clone()],
            Identity::Token(token) => vec![token.clone()],
            Identity::Agency { .. } | Identity::Totp { .. } => Vec::new(),
        };
        secrets.extend(passcode.clone());
        let body = wire::Body::new(self, passcode.as_ref());
        // Capacity so that it never moves and leaves a copy behind: the longest escape has six
        // bytes.
        let length: usize = secrets.iter().map(|part| part.expose_secret().len()).sum();
        let mut bytes = Zeroizing::new(Vec::with_capacity(length * 6 + 4096));
        serde_json::to_writer(&mut *bytes, &body).map_err(|error| {
            AuthError::new(
                AuthErrorKind::Malformed,
                "the login cannot be written as JSON",
            )
            .with_source(error)
        })?;
        Ok((Bytes::from_owner(bytes), secrets))
    }

    fn passcode(&self) -> Option<&Passcode> {
        match &self.identity {
            Identity::Password { passcode, .. } => passcode.as_ref(),
            Identity::Totp { passcode, .. } => Some(passcode),
            Identity::Token(_) | Identity::Agency { .. } => None,
        }
    }

    fn take_passcode(&self) -> Result<Option<SecretString>, AuthError> {
        let Some(passcode) = self.passcode() else {
            return Ok(None);
        };
        let mut passcode = passcode.lock().unwrap_or_else(PoisonError::into_inner);
        let used = "another token is needed".to_owned();
        std::mem::replace(&mut *passcode, Err(used))
            .inspect_err(|reason| *passcode = Err(reason.clone()))
            .map(Some)
            .map_err(|reason| {
                let message = format!(
                    "{reason}, and a passcode is good for one login only: log in again with a new one"
                );
                AuthError::new(AuthErrorKind::Refused, message)
            })
    }

    /// Handles a failed login, which was sent with `secrets`. A passcode that was not sent stays
    /// usable; otherwise the error is kept for later attempts.
    pub(super) fn failed(&self, secrets: &[SecretString], error: &AuthError) {
        let Some(passcode) = self.passcode() else {
            return;
        };
        let transport = StdError::source(error).and_then(|source| source.downcast_ref());
        let not_sent = transport.is_some_and(TransportError::is_not_sent);
        let mut passcode = passcode.lock().unwrap_or_else(PoisonError::into_inner);
        *passcode = match secrets {
            [.., code] if not_sent => Ok(code.clone()),
            _ => Err(error.to_string()),
        };
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Login");
        match &self.identity {
            Identity::Password { user, passcode, .. } => shown
                .field("user", user)
                .field("password", &format_args!("<masked>"))
                .field("with_passcode", &passcode.is_some()),
            Identity::Totp { user, .. } => shown
                .field("user", user)
                .field("passcode", &format_args!("<masked>")),
            Identity::Token(_) => shown.field("token", &format_args!("<masked>")),
            Identity::Agency {
                by, owner, agency, ..
            } => shown
                .field("by", by)
                .field("owner", owner)
                .field("agency", agency),
        };
        shown.field("scope", &self.scope).finish()
    }
}

#[cfg(test)]
mod tests;
