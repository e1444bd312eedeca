//! What the error codes of the service mean: the shape of an entry. The entries are generated, and `lookup` finds them.

/// Whether the request that was answered with a code can have been executed, in part or in whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Executed {
    /// The code proves that nothing was executed: the request was refused before any work began.
    No,
    /// Nothing is proven.
    Maybe,
}

/// What a code says about the request it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Disposition {
    /// Whether the request can have been executed.
    pub executed: Executed,
    /// Whether the service asks for less speed: the same request is welcome later.
    pub throttling: bool,
    /// Whether the same request can succeed later without anybody changing anything.
    pub retryable: bool,
    /// Whether the credentials, or what they permit, are the reason.
    pub credentials: bool,
    /// Whether a single server of a batch can be the reason, so that the same request without it can succeed.
    pub one_server: bool,
}

/// One error code: where it comes from, what it means, what to do.
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
    /// What happened, in a few words.
    pub meaning: &'static str,
    /// What to do about it.
    pub advice: &'static str,
    /// What it says about the request.
    pub disposition: Disposition,
    /// Which page says so.
    pub source: &'static str,
}
