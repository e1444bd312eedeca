//! SDK-HMAC-SHA256: request signing with an access key.

use std::fmt;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::header::{AUTHORIZATION, AsHeaderName, CONTENT_TYPE, HOST};
use http::uri::Scheme;
use http::{HeaderName, HeaderValue, Request, Uri};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::canonical::{
    CONTENT_SHA256, CONTENT_SHA256_HEADER, HexDigits, SECURITY_TOKEN, SignedHeader,
    is_body_unsigned, present_headers,
};
use crate::{AccessKey, CanonicalRequest, date};

pub(crate) const ALGORITHM: &str = "SDK-HMAC-SHA256";
pub(crate) const DATE: &str = "x-sdk-date";

static DATE_HEADER: HeaderName = HeaderName::from_static(DATE);
static SECURITY_TOKEN_HEADER: HeaderName = HeaderName::from_static(SECURITY_TOKEN);
pub(crate) static AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// The headers that are signed if they are present, in the order of the canonical request. Headers
/// that a proxy may add or change (`User-Agent`, `Accept`, …) are not among them.
static SIGNED_HEADERS: [HeaderName; 7] = [
    CONTENT_TYPE,
    HOST,
    HeaderName::from_static("x-domain-id"),
    HeaderName::from_static("x-project-id"),
    HeaderName::from_static(CONTENT_SHA256),
    HeaderName::from_static(DATE),
    HeaderName::from_static(SECURITY_TOKEN),
];

/// Signs a request as of `now` and adds the signature, replacing any earlier proof. This must be
/// the last change: the sent bytes must be the signed bytes.
///
/// Adds `Host` (from the URI), `X-Sdk-Date`, `Authorization`, and for a temporary key
/// `X-Security-Token`. Signs these, the body, and `Content-Type`, `X-Project-Id` and `X-Domain-Id`
/// if they are present.
///
/// ```
/// use bytes::Bytes;
/// use ecs_auth::{AccessKey, sign};
///
/// let key = AccessKey::new("QTWAOYTTINDUT2QVKYUC", "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc")?;
/// let mut request = http::Request::get("https://ecs.example/v1/5dd3c0b2/jobs/ff80?b=2&a=1")
///     .header("x-project-id", "5dd3c0b2")
///     .body(Bytes::new())?;
/// let signed = sign(&mut request, &key, "2026-11-23T12:59:00Z".parse()?);
/// assert_eq!(
///     signed.canonical_request().to_string(),
///     "GET\n/v1/5dd3c0b2/jobs/ff80/\na=1&b=2\n\
///      host:ecs.example\nx-project-id:5dd3c0b2\nx-sdk-date:20261123T125900Z\n\n\
///      host;x-project-id;x-sdk-date\n\
///      e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
/// );
/// let sent = request.headers()["authorization"].to_str()?;
/// assert!(sent.ends_with(&format!("Signature={}", signed.signature())));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub fn sign(request: &mut Request<Bytes>, key: &AccessKey, now: Timestamp) -> Signed {
    let date = date::format(now);
    remove_proof(request);
    if !request.headers().contains_key(HOST)
        && let Some(host) = host_of(request.uri())
    {
        request.headers_mut().insert(HOST, host);
    }
    if !is_body_unsigned(request.headers()) {
        // A hash of other bytes would be refused; the right one is in the canonical request anyway.
        request.headers_mut().remove(&CONTENT_SHA256_HEADER);
    }
    insert(request, &DATE_HEADER, &date, false);
    if let Some(token) = key.security_token() {
        insert(request, &SECURITY_TOKEN_HEADER, token, true);
    }
    let signed = compute(request, key, &date, &SIGNED_HEADERS.each_ref());
    let authorization = authorization(key, &signed);
    insert(request, &AUTHORIZATION, &authorization, true);
    signed
}

fn authorization(key: &AccessKey, signed: &Signed) -> String {
    [
        ALGORITHM,
        " Access=",
        key.id(),
        ", SignedHeaders=",
        &signed.signed_headers,
        ", Signature=",
        &signed.signature,
    ]
    .concat()
}

/// Removes the proof of an earlier attempt.
pub(crate) fn remove_proof(request: &mut Request<Bytes>) {
    let proof = [
        &AUTHORIZATION,
        &AUTH_TOKEN,
        &DATE_HEADER,
        &SECURITY_TOKEN_HEADER,
    ];
    for name in proof {
        request.headers_mut().remove(name);
    }
}

/// Inserts a header whose value was checked at its origin, so that a header can hold it.
pub(crate) fn insert(
    request: &mut Request<Bytes>,
    name: &HeaderName,
    value: &str,
    sensitive: bool,
) {
    if let Ok(mut value) = HeaderValue::from_str(value) {
        value.set_sensitive(sensitive);
        request.headers_mut().insert(name, value);
    }
}

/// Returns the `Host` of this URI: without the port if it is the scheme's default.
fn host_of(uri: &Uri) -> Option<HeaderValue> {
    let host = uri.host().filter(|host| !host.is_empty())?;
    let own = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTP => Some(80),
        Some(scheme) if *scheme == Scheme::HTTPS => Some(443),
        _ => None,
    };
    match uri.port() {
        Some(port) if Some(port.as_u16()) != own => {
            HeaderValue::try_from([host, ":", &port.as_u16().to_string()].concat()).ok()
        }
        _ => HeaderValue::from_str(host).ok(),
    }
}

/// Signs the present headers of these names. Names with `_` are omitted, as proxies drop such
/// headers.
fn compute<N>(request: &Request<Bytes>, key: &AccessKey, date: &str, names: &[N]) -> Signed
where
    N: AsHeaderName + AsRef<str> + Copy,
{
    let mut signed = present_headers(request, names);
    signed.retain(|(name, _)| !name.contains('_'));
    let canonical_request = CanonicalRequest::new(request, &signed);
    let string_to_sign = string_to_sign(date, None, &canonical_request);
    let signature = hmac(key.secret(), string_to_sign.as_bytes()).finalize();
    Signed {
        signed_headers: joined(&signed),
        signature: HexDigits::of(&signature.into_bytes().into())
            .as_str()
            .to_owned(),
        canonical_request,
        string_to_sign,
    }
}

/// Joins the names with `;`.
fn joined(signed: &[SignedHeader<'_>]) -> String {
    let mut text = String::with_capacity(96);
    for (at, (name, _)) in signed.iter().enumerate() {
        if at > 0 {
            text.push(';');
        }
        text.push_str(name);
    }
    text
}

pub(crate) fn string_to_sign(
    date: &str,
    scope: Option<&str>,
    canonical_request: &CanonicalRequest,
) -> String {
    let hash = canonical_request.sha256_hex();
    let hash = hash.as_str();
    match scope {
        None => [ALGORITHM, date, hash].join("\n"),
        Some(scope) => [ALGORITHM, date, scope, hash].join("\n"),
    }
}

pub(crate) type HmacSha256 = Hmac<Sha256>;

/// Returns the HMAC-SHA256 over the message, not finalized: to become a signature or to be compared
/// with one.
pub(crate) fn hmac(key: &[u8], message: &[u8]) -> HmacSha256 {
    // Does what `new_from_slice` does, without its error, which cannot occur.
    let mut block = Zeroizing::new([0_u8; 64]);
    match block.get_mut(..key.len()) {
        Some(start) => start.copy_from_slice(key),
        None => block[..32].copy_from_slice(&Sha256::digest(key)),
    }
    let mut mac = HmacSha256::new((&*block).into());
    mac.update(message);
    mac
}

/// The result of [`sign`]. `Debug` masks the signature and the security token: for 15 minutes their
/// holder can send this request.
#[derive(Clone)]
pub struct Signed {
    canonical_request: CanonicalRequest,
    string_to_sign: String,
    signed_headers: String,
    signature: String,
}

impl Signed {
    /// Returns the canonical request that was signed.
    pub fn canonical_request(&self) -> &CanonicalRequest {
        &self.canonical_request
    }

    /// Returns the algorithm, the time and the hash of the canonical request, each on a line.
    pub fn string_to_sign(&self) -> &str {
        &self.string_to_sign
    }

    /// The names of the signed headers, joined by `;`.
    pub fn signed_headers(&self) -> &str {
        &self.signed_headers
    }

    /// Returns the signature, in lower-case hex.
    pub fn signature(&self) -> &str {
        &self.signature
    }
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed")
            .field("canonical_request", &self.canonical_request)
            .field("string_to_sign", &self.string_to_sign)
            .field("signature", &format_args!("<masked>"))
            .finish()
    }
}

#[cfg(test)]
mod tests;
