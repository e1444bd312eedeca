//! Credentials, their sources, and the authentication of requests.
//!
//! | module | holds |
//! |---|---|
//! | `credentials` | [`Credentials`]: a token or keys that authenticate a request |
//! | `provider` | [`CredentialsProvider`]: where a client gets credentials, [`StaticCredentials`] |
//! | `access_key` | [`AccessKey`]: a pair of keys that signs requests |
//! | `signer` | [`sign`]: SDK-HMAC-SHA256, [`Signed`] |
//! | `canonical` | [`CanonicalRequest`]: the signed form of a request, and its [`Difference`] from the service's |
//! | `verifier` | `verify`: the service's side of signing, with the feature `verifier` |
//! | `date` | times in the format of `X-Sdk-Date` |
//! | `iam` | [`IamClient`]: [`IamTokens`] by a [`Login`], a [`Project`] by its name |
//! | `metadata` | [`MetadataKeys`]: temporary keys on a server of the cloud, and the [`InstanceLocation`] |
//! | `chain` | [`CredentialChain`]: credentials as `ecsctl` finds them, in one call |
//! | `config` | [`CredentialConfig`]: the choice of credentials from [`CredentialOptions`] and [`Environment`] |
//! | `environment` | [`Environment`]: the variables and files from which credentials are chosen |
//! | `operators` | [`Operator`]: operators with their regions and hosts |
//! | `target` | [`ResolvedTarget`]: operator, account, project, region and endpoint, each with its origin |
//! | `renewal` | timely renewal of credentials that expire |
//! | `exchange` | one request to a service that gives credentials |
//! | `error` | [`AuthError`], [`AuthReason`], [`Refusal`] |
//!
//! A custom provider, for example on top of a vault, is one function:
//!
//! ```
//! use bytes::Bytes;
//! use ecs_auth::{AuthError, BoxFuture, Credentials, CredentialsProvider};
//!
//! #[derive(Debug)]
//! struct Vault;
//!
//! impl CredentialsProvider for Vault {
//!     fn credentials(&self) -> BoxFuture<'_, Result<Credentials, AuthError>> {
//!         Box::pin(async { Credentials::token("a token from the vault") })
//!     }
//! }
//!
//! # futures_util::FutureExt::now_or_never(async {
//! let mut request = http::Request::new(Bytes::new());
//! Vault.credentials().await?.authenticate(&mut request, jiff::Timestamp::now());
//! assert_eq!(request.headers()["x-auth-token"], "a token from the vault");
//! assert!(!format!("{request:?}").contains("vault"), "the header is marked sensitive");
//! # Ok::<_, AuthError>(()) }).unwrap().unwrap();
//! ```

mod access_key;
mod canonical;
mod chain;
mod config;
mod credentials;
mod date;
mod environment;
mod error;
mod exchange;
mod iam;
mod metadata;
mod operators;
mod provider;
mod renewal;
mod signer;
mod target;
#[cfg(any(test, feature = "verifier"))]
mod verifier;

pub use access_key::AccessKey;
pub use canonical::{CanonicalRequest, Difference, Echo};
pub use chain::CredentialChain;
pub use config::{
    CredentialConfig, CredentialKind, CredentialOptions, CredentialSource, ReadyCredentials,
    Skipped, TlsSettings, Transports, Warning, WarningKind, cloud_names, profile_names,
};
pub use credentials::Credentials;
pub use date::MAX_CLOCK_SKEW;
pub use ecs_transport::BoxFuture;
pub use environment::Environment;
pub use error::{AddressGap, AuthError, AuthErrorKind, AuthReason, Refusal};
pub use iam::{IamClient, IamTokens, Login, Project, Reference, TokenInfo, User};
pub use metadata::{InstanceLocation, MetadataKeys};
pub use operators::Operator;
pub use provider::{CredentialsProvider, StaticCredentials};
pub use secrecy::SecretString;
pub use signer::{Signed, sign};
pub use target::{ResolvedAccount, ResolvedProject, ResolvedTarget, Sourced};
#[cfg(any(test, feature = "verifier"))]
pub use verifier::{Verified, VerifyError, VerifyErrorKind, verify};
