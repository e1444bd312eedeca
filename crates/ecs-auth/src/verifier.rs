//! The service's side of signing: verification of a request's signature.

use std::borrow::Borrow;

use bytes::Bytes;
use hmac::Mac;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request};
use jiff::Timestamp;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::canonical::{
    CONTENT_SHA256, SECURITY_TOKEN, is_body_unsigned, present_headers, sha256_hex,
};
use crate::signer::{ALGORITHM, DATE, hmac, string_to_sign};
use crate::{AccessKey, CanonicalRequest, MAX_CLOCK_SKEW, date};

mod error;
mod header;

pub use error::{VerifyError, VerifyErrorKind};
use header::Authorization;

/// Verifies the signature of a request as the service does: any list of signed headers, in the
/// unscoped form (`Access=…`) and in the scoped one
/// (`Credential=…/DATE/REGION/SERVICE/sdk_request`).
///
/// `key` returns the pair of an access key: a reference, an `Arc`, or the pair itself. Signatures
/// and tokens are compared in constant time.
///
/// ```
/// use bytes::Bytes;
/// use ecs_auth::{AccessKey, VerifyErrorKind, sign, verify};
///
/// let key = AccessKey::new("QTWAOYTTINDUT2QVKYUC", "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc")?;
/// let now = "2026-11-23T12:59:00Z".parse()?;
/// let mut request = http::Request::post("https://ecs.example/v1/p/cloudservers/action")
///     .body(Bytes::from_static(br#"{"reboot":{"type":"SOFT","servers":[{"id":"1"}]}}"#))?;
/// sign(&mut request, &key, now);
///
/// let verified = verify(&request, now, |id| (id == key.id()).then_some(&key))?;
/// assert_eq!(verified.access_key(), key.id());
///
/// *request.body_mut() = Bytes::from_static(br#"{"reboot":{"type":"HARD","servers":[{"id":"1"}]}}"#);
/// let error = verify(&request, now, |id| (id == key.id()).then_some(&key)).unwrap_err();
/// assert_eq!(error.kind(), VerifyErrorKind::Mismatch);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`VerifyError`]: why it is refused, with both clocks or the canonical request if they explain
/// it.
pub fn verify<K: Borrow<AccessKey>>(
    request: &Request<Bytes>,
    now: Timestamp,
    key: impl FnOnce(&str) -> Option<K>,
) -> Result<Verified, VerifyError> {
    let claim = Claim::read(request)?;
    let key = key(claim.authorization.access_key)
        .ok_or_else(|| VerifyError::unknown_key(claim.authorization.access_key))?;
    let key = key.borrow();
    if now.duration_since(claim.signed_at).unsigned_abs() > MAX_CLOCK_SKEW {
        return Err(VerifyError::clock_skew(claim.signed_at, now));
    }
    check_security_token(request.headers(), key)?;
    check_content_hash(request)?;
    let canonical_request = claim.canonical_request(request)?;
    let string_to_sign = string_to_sign(
        claim.date,
        claim.authorization.scope.as_ref().map(|scope| scope.text),
        &canonical_request,
    );
    let signing_key = claim.authorization.signing_key(key);
    let expected = hmac(&signing_key, string_to_sign.as_bytes());
    if expected
        .verify_slice(&claim.authorization.signature)
        .is_err()
    {
        return Err(VerifyError::mismatch(canonical_request));
    }
    let scope = claim.authorization.scope.as_ref();
    Ok(Verified {
        access_key: claim.authorization.access_key.to_owned(),
        region: scope.map(|scope| scope.region.to_owned()),
        signed_at: claim.signed_at,
        canonical_request,
    })
}

/// A request with a valid signature.
#[derive(Clone, Debug)]
pub struct Verified {
    access_key: String,
    region: Option<String>,
    signed_at: Timestamp,
    canonical_request: CanonicalRequest,
}

impl Verified {
    /// Returns the access key that signed the request.
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// Returns the region that the signature is for; only the scoped form names one.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Returns the time of signing, by the signer's clock.
    pub fn signed_at(&self) -> Timestamp {
        self.signed_at
    }

    /// Returns the canonical request that was signed.
    pub fn canonical_request(&self) -> &CanonicalRequest {
        &self.canonical_request
    }
}

impl CanonicalRequest {
    /// Returns the canonical form of a signed request, by the list of headers that its signature
    /// names. Needs no key and does not check the signature.
    ///
    /// # Errors
    /// The request has no readable signature.
    pub fn of_signed(request: &Request<Bytes>) -> Result<Self, VerifyError> {
        Claim::read(request)?.canonical_request(request)
    }
}

/// The parts of a request's signature, as claimed.
struct Claim<'r> {
    authorization: Authorization<'r>,
    date: &'r str,
    signed_at: Timestamp,
}

impl<'r> Claim<'r> {
    fn read(request: &'r Request<Bytes>) -> Result<Self, VerifyError> {
        let headers = request.headers();
        let authorization = single(headers, AUTHORIZATION.as_str())?
            .filter(|value| value.starts_with(ALGORITHM))
            .ok_or_else(VerifyError::not_signed)?;
        let authorization = Authorization::parse(authorization)?;
        let date =
            single(headers, DATE)?.ok_or_else(|| VerifyError::malformed("it has no X-Sdk-Date"))?;
        let signed_at = date::parse(date).ok_or_else(|| {
            VerifyError::malformed("its X-Sdk-Date is no time like 20261123T125900Z")
        })?;
        if let Some(scope) = &authorization.scope
            && !date.starts_with(scope.date)
        {
            return Err(VerifyError::malformed(
                "its X-Sdk-Date is of another day than its Credential",
            ));
        }
        Ok(Self {
            authorization,
            date,
            signed_at,
        })
    }

    fn canonical_request(&self, request: &Request<Bytes>) -> Result<CanonicalRequest, VerifyError> {
        let names = &self.authorization.signed_headers;
        if let Some(missing) = names
            .iter()
            .find(|name| !request.headers().contains_key(**name))
        {
            return Err(VerifyError::missing_header(missing));
        }
        Ok(CanonicalRequest::new(
            request,
            &present_headers(request, names),
        ))
    }
}

/// Returns the value of a header that must not occur twice.
fn single<'r>(headers: &'r HeaderMap, name: &str) -> Result<Option<&'r str>, VerifyError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(VerifyError::malformed(&format!("it has {name} twice")));
    }
    match value.to_str() {
        Ok(value) => Ok(Some(value.trim_ascii())),
        Err(_) => Err(VerifyError::malformed(&format!("its {name} is not ASCII"))),
    }
}

fn check_security_token(headers: &HeaderMap, key: &AccessKey) -> Result<(), VerifyError> {
    let sent = single(headers, SECURITY_TOKEN)?;
    match (sent, key.security_token()) {
        (None, None) => Ok(()),
        (Some(sent), Some(token)) if bool::from(sent.as_bytes().ct_eq(token.as_bytes())) => Ok(()),
        (Some(_), Some(_)) => Err(VerifyError::security_token("is not the one of this key")),
        (None, Some(_)) => Err(VerifyError::security_token(
            "is missing, and this key is temporary",
        )),
        (Some(_), None) => Err(VerifyError::security_token(
            "is there, but this key is permanent",
        )),
    }
}

/// Checks the hash of the body, if the request states it.
fn check_content_hash(request: &Request<Bytes>) -> Result<(), VerifyError> {
    match single(request.headers(), CONTENT_SHA256)? {
        Some(reported) if !is_body_unsigned(request.headers()) => {
            let actual = sha256_hex(request.body());
            if reported.eq_ignore_ascii_case(actual.as_str()) {
                Ok(())
            } else {
                Err(VerifyError::body_hash(actual.as_str()))
            }
        }
        _ => Ok(()),
    }
}

impl Authorization<'_> {
    fn signing_key(&self, key: &AccessKey) -> Zeroizing<Vec<u8>> {
        let Some(scope) = &self.scope else {
            return Zeroizing::new(key.secret().to_vec());
        };
        let secret = Zeroizing::new([b"SDK", key.secret()].concat());
        scope.text.split('/').fold(secret, |key, part| {
            let derived = hmac(&key, part.as_bytes()).finalize().into_bytes();
            Zeroizing::new(derived.to_vec())
        })
    }
}

#[cfg(test)]
mod tests;
