//! The `Authorization` header of a signed request.

use super::VerifyError;
use crate::signer::ALGORITHM;

/// The parts of `SDK-HMAC-SHA256 Access=AK, SignedHeaders=a;b, Signature=hex`, or with
/// `Credential=AK/scope` in place of `Access`.
pub(super) struct Authorization<'h> {
    pub(super) access_key: &'h str,
    pub(super) scope: Option<Scope<'h>>,
    pub(super) signed_headers: Vec<&'h str>,
    pub(super) signature: Vec<u8>,
}

/// The parts of `DATE/REGION/SERVICE/sdk_request`.
pub(super) struct Scope<'h> {
    pub(super) text: &'h str,
    pub(super) date: &'h str,
    pub(super) region: &'h str,
}

impl<'h> Authorization<'h> {
    pub(super) fn parse(value: &'h str) -> Result<Self, VerifyError> {
        let parameters = value
            .strip_prefix(ALGORITHM)
            .and_then(|rest| rest.strip_prefix(' '))
            .ok_or_else(|| malformed("names another algorithm"))?;
        let (mut access, mut credential, mut names, mut signature) = (None, None, None, None);
        for parameter in parameters.split(',') {
            let (name, value) = parameter
                .trim_ascii()
                .split_once('=')
                .ok_or_else(|| malformed("has a part without '='"))?;
            let place = match name {
                "Access" => &mut access,
                "Credential" => &mut credential,
                "SignedHeaders" => &mut names,
                "Signature" => &mut signature,
                _ => return Err(malformed("has a part that is not known")),
            };
            if place.replace(value).is_some() {
                return Err(malformed("has a part twice"));
            }
        }
        let (access_key, scope) = match (access, credential) {
            (Some(access_key), None) => (access_key, None),
            (None, Some(credential)) => {
                let (access_key, scope) = credential
                    .split_once('/')
                    .ok_or_else(|| malformed("has a Credential without a scope"))?;
                (access_key, Some(Scope::parse(scope)?))
            }
            _ => return Err(malformed("needs one of Access and Credential")),
        };
        if access_key.is_empty() {
            return Err(malformed("has an empty access key"));
        }
        let signature = signature.ok_or_else(|| malformed("has no Signature"))?;
        Ok(Self {
            access_key,
            scope,
            signed_headers: names_in(names.ok_or_else(|| malformed("has no SignedHeaders"))?)?,
            signature: hex::decode(signature)
                .map_err(|_| malformed("has a Signature that is not hex"))?,
        })
    }
}

impl<'h> Scope<'h> {
    fn parse(text: &'h str) -> Result<Self, VerifyError> {
        let parts: Vec<&str> = text.split('/').collect();
        match parts[..] {
            [date, region, _service, "sdk_request"] if date.len() == 8 => {
                Ok(Self { text, date, region })
            }
            _ => Err(malformed(
                "has a Credential that does not end in DATE/REGION/SERVICE/sdk_request",
            )),
        }
    }
}

fn names_in(list: &str) -> Result<Vec<&str>, VerifyError> {
    let names: Vec<&str> = list.split(';').collect();
    if names
        .iter()
        .any(|name| name.is_empty() || name.bytes().any(|byte| byte.is_ascii_uppercase()))
    {
        return Err(malformed("has SignedHeaders that are not lower-case names"));
    }
    // A name that is listed a thousand times would make a thousand lines.
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() != names.len() {
        return Err(malformed("has a name twice in SignedHeaders"));
    }
    Ok(names)
}

fn malformed(problem: &str) -> VerifyError {
    VerifyError::malformed(&format!("its Authorization {problem}"))
}
