//! The credentials of a region.

use ecs_auth::{AuthError, Credentials};
use ecs_model::ProjectId;
use secrecy::{ExposeSecret, SecretString};

use crate::SimError;
use crate::seed::{self, Purpose};

/// Everything that a client needs to authenticate: invented, and treated as secret.
///
/// ```
/// let region = ecs_sim::Region::builder().seed(7).build()?;
/// let shown = format!("{:?}", region.identity());
/// assert!(shown.contains(&region.identity().access_key) && shown.contains("REDACTED"));
/// # Ok::<_, ecs_sim::SimError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Identity {
    /// The project that the servers are in.
    pub project_id: ProjectId,
    /// The name of the region.
    pub region: String,
    /// The public half of the key pair.
    pub access_key: String,
    /// The secret half of the key pair.
    pub secret_key: SecretString,
    /// A token for `X-Auth-Token` that never ends; IAM issues others.
    pub token: SecretString,
    /// The user's name.
    pub user: String,
    /// The user's password.
    pub password: SecretString,
    /// The name of the domain (account).
    pub domain: String,
    /// The id of the user.
    pub user_id: String,
    /// The id of the domain.
    pub domain_id: String,
    /// The name of the domain's agency, for every caller.
    pub agency: String,
}

impl Identity {
    /// Draws an identity from the seed.
    pub(crate) fn generate(seed: u64) -> Result<Self, SimError> {
        let mut rng = seed::rng(seed, Purpose::Identity);
        let mut letters = |count: usize| seed::letters(&mut rng, count);
        let access_key = letters(20);
        let secret_key = letters(40);
        let token = format!("SIM{}", letters(61));
        let password = letters(16);
        Ok(Self {
            project_id: parse_project(&seed::hex_id(&mut rng))?,
            region: "sim-1".to_owned(),
            access_key,
            secret_key: secret_key.into(),
            token: token.into(),
            user: "sim-user".to_owned(),
            password: password.into(),
            domain: "sim-domain".to_owned(),
            user_id: seed::hex_id(&mut rng),
            domain_id: seed::hex_id(&mut rng),
            agency: "sim-agency".to_owned(),
        })
    }

    /// Returns the token as credentials of a client.
    ///
    /// # Errors
    /// Never, unless the token was changed: a header cannot hold it.
    pub fn credentials(&self) -> Result<Credentials, AuthError> {
        Credentials::token(self.token.expose_secret())
    }

    /// Returns whether this is the token.
    pub(crate) fn accepts_token(&self, token: &[u8]) -> bool {
        self.token.expose_secret().as_bytes() == token
    }
}

fn parse_project(text: &str) -> Result<ProjectId, SimError> {
    text.parse()
        .map_err(|error| SimError::config("the project id is not valid").with_source(error))
}
