//! The entries of the catalogue of error codes. The entries are generated, and `lookup` finds them.

/// The possible execution of a request that a code answers, in part or in whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Executed {
    /// The code proves that nothing was executed: the request was refused before any work began.
    No,
    /// Nothing is proven.
    Maybe,
}

/// The proof that a code gives about the request that it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Disposition {
    /// The possible execution of the request.
    pub executed: Executed,
    /// `true` if the request was refused because of its rate: it can be sent again later.
    pub throttling: bool,
    /// `true` if the same request can succeed later without any change.
    pub retryable: bool,
    /// `true` if the credentials or their permissions are the reason.
    pub credentials: bool,
    /// `true` if a single server of the request can be the reason, so that the request can succeed
    /// without it.
    pub one_server: bool,
}

/// An error code with its source, its meaning and advice.
///
/// ```
/// use ecs_model::{ErrorInfo, Executed};
///
/// let info = ErrorInfo::of("Ecs.0114").expect("documented");
/// assert_eq!(info.status, Some(404));
/// assert_eq!(info.disposition.executed, Executed::No);
/// assert!(ErrorInfo::of("Ecs.9999").is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorInfo {
    /// The code, as the service writes it.
    pub code: &'static str,
    /// The HTTP status that it is documented with. The service warns that it may send another.
    pub status: Option<u16>,
    /// The meaning, in short.
    pub meaning: &'static str,
    /// The advice on what to do.
    pub advice: &'static str,
    /// The proof that the code gives about the request.
    pub disposition: Disposition,
    /// The page that documents the code.
    pub source: &'static str,
}
