//! SDK-HMAC-SHA256, as one writes it by hand for one service.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::Arguments;

/// The headers that prove a request.
#[derive(Debug)]
pub struct Signature {
    /// The value of `X-Sdk-Date`.
    pub date: String,
    /// The value of `Authorization`.
    pub authorization: String,
}

/// Signs a request to `host` without a query.
pub fn sign(
    arguments: &Arguments,
    method: &str,
    host: &str,
    path: &str,
    body: &[u8],
) -> Result<Signature, String> {
    const SIGNED: &str = "content-type;host;x-project-id;x-sdk-date";
    let date = jiff::Timestamp::now()
        .strftime("%Y%m%dT%H%M%SZ")
        .to_string();
    let project = &arguments.project_id;
    let mut canonical = String::with_capacity(512);
    // Writing to a String cannot fail.
    let _ = write!(
        canonical,
        "{method}\n{path}/\n\ncontent-type:application/json\nhost:{host}\nx-project-id:{project}\nx-sdk-date:{date}\n\n{SIGNED}\n{}",
        hex::encode(Sha256::digest(body)),
    );
    let hash = hex::encode(Sha256::digest(canonical.as_bytes()));
    let to_sign = format!("SDK-HMAC-SHA256\n{date}\n{hash}");
    let mac = Hmac::<Sha256>::new_from_slice(arguments.secret_key.as_bytes());
    let mut mac = mac.map_err(|error| error.to_string())?;
    mac.update(to_sign.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    let authorization = format!(
        "SDK-HMAC-SHA256 Access={}, SignedHeaders={SIGNED}, Signature={signature}",
        arguments.access_key
    );
    Ok(Signature {
        date,
        authorization,
    })
}
