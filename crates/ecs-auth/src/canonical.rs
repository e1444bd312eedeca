//! The canonical form of a request, which is signed.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::header::{AsHeaderName, GetAll};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};
use sha2::{Digest, Sha256};

mod echo;

pub use echo::{Difference, Echo};

pub(crate) const CONTENT_SHA256: &str = "x-sdk-content-sha256";
pub(crate) const SECURITY_TOKEN: &str = "x-security-token";

/// The header of this name, parsed once.
pub(crate) static CONTENT_SHA256_HEADER: HeaderName = HeaderName::from_static(CONTENT_SHA256);

/// The value of [`CONTENT_SHA256`] if the body is not signed.
pub(crate) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// All but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// The form of a request whose hash is signed: method, path, query, signed headers, their names and
/// the hash of the body, on separate lines. Both sides compute it; a signature is wrong if the
/// forms differ.
///
/// `Display` and `Debug` mask the security token; [`as_bytes`](Self::as_bytes) does not.
#[derive(Clone, PartialEq, Eq)]
pub struct CanonicalRequest(Vec<u8>);

impl CanonicalRequest {
    /// Creates the canonical request with these headers, in this order. Each name must be in lower
    /// case.
    pub(crate) fn new(request: &Request<Bytes>, signed: &[SignedHeader<'_>]) -> Self {
        let mut text = Vec::with_capacity(512);
        text.extend_from_slice(request.method().as_str().as_bytes());
        text.push(b'\n');
        push_path(&mut text, request.uri().path());
        text.push(b'\n');
        push_query(&mut text, request.uri().query().unwrap_or_default());
        text.push(b'\n');
        for (name, values) in signed {
            for value in values {
                text.extend_from_slice(name.as_bytes());
                text.push(b':');
                text.extend_from_slice(value.as_bytes().trim_ascii());
                text.push(b'\n');
            }
        }
        text.push(b'\n');
        for (at, (name, _)) in signed.iter().enumerate() {
            if at > 0 {
                text.push(b';');
            }
            text.extend_from_slice(name.as_bytes());
        }
        text.push(b'\n');
        if is_body_unsigned(request.headers()) {
            text.extend_from_slice(UNSIGNED.as_bytes());
        } else {
            text.extend_from_slice(sha256_hex(request.body()).as_str().as_bytes());
        }
        Self(text)
    }

    /// Returns the bytes whose hash is signed. They include the security token, if there is one.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn sha256_hex(&self) -> HexDigits {
        sha256_hex(&self.0)
    }
}

pub(crate) fn is_body_unsigned(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(&CONTENT_SHA256_HEADER).iter();
    values.next().is_some_and(|value| value == UNSIGNED) && values.next().is_none()
}

/// A header that is signed: its name and its values.
pub(crate) type SignedHeader<'a> = (&'a str, GetAll<'a, HeaderValue>);

/// Returns the headers of these names that a request has, in this order.
pub(crate) fn present_headers<'a, N>(
    request: &'a Request<Bytes>,
    names: &'a [N],
) -> Vec<SignedHeader<'a>>
where
    N: AsHeaderName + AsRef<str> + Copy,
{
    let mut present = Vec::with_capacity(names.len());
    for name in names {
        let values = request.headers().get_all(*name);
        if values.iter().next().is_some() {
            present.push((name.as_ref(), values));
        }
    }
    present
}

/// The hash of no bytes, which is what most requests have as their body.
const NOTHING_HASHED: &[u8; 64] =
    b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

pub(crate) fn sha256_hex(bytes: &[u8]) -> HexDigits {
    if bytes.is_empty() {
        HexDigits(*NOTHING_HASHED)
    } else {
        HexDigits::of(&Sha256::digest(bytes).into())
    }
}

/// A hash in lower-case hexadecimal digits.
pub(crate) struct HexDigits([u8; 64]);

impl HexDigits {
    pub(crate) fn of(hash: &[u8; 32]) -> Self {
        let mut digits = [0; 64];
        // The length is always right.
        let _ = hex::encode_to_slice(hash, &mut digits);
        Self(digits)
    }

    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Appends a path with its escapes decoded and encoded again, so that their spelling does not
/// matter. The last `/` is for signing only.
fn push_path(text: &mut Vec<u8>, path: &str) {
    push_encoded(text, &decoded(path), RESERVED_IN_PATH);
    if text.last() != Some(&b'/') {
        text.push(b'/');
    }
}

/// Decodes the escapes of a text; most texts have none.
fn decoded(text: &str) -> Cow<'_, [u8]> {
    percent_decode(text.as_bytes()).into()
}

fn push_query(text: &mut Vec<u8>, query: &str) {
    if query.is_empty() {
        return;
    }
    let mut pairs: Vec<_> = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode_query(name), decode_query(value)))
        .collect();
    // Sorted before encoding: `Z` comes before `{`, but after `%7B`.
    pairs.sort_unstable();
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at > 0 {
            text.push(b'&');
        }
        push_encoded(text, name, RESERVED);
        text.push(b'=');
        push_encoded(text, value, RESERVED);
    }
}

fn decode_query(text: &str) -> Vec<u8> {
    decoded(&text.replace('+', " ")).into_owned()
}

fn push_encoded(text: &mut Vec<u8>, bytes: &[u8], set: &'static AsciiSet) {
    for part in percent_encode(bytes, set) {
        text.extend_from_slice(part.as_bytes());
    }
}

impl fmt::Display for CanonicalRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(&self.0);
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            match line.strip_prefix(SECURITY_TOKEN) {
                Some(value) if value.starts_with(':') => write!(f, "{SECURITY_TOKEN}:***")?,
                _ => f.write_str(line)?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for CanonicalRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CanonicalRequest({:?})", self.to_string())
    }
}

#[cfg(test)]
mod tests;
