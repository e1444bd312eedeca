//! Identifiers, parsed once.

mod duplicates;

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use uuid::Uuid;

use crate::short::Short;

/// The error for a text that is not a valid identifier.
///
/// ```
/// use ecs_model::ServerId;
///
/// let error = "web-1".parse::<ServerId>().unwrap_err();
/// assert_eq!(error.to_string(), "\"web-1\" is not a server id: a UUID like 616fb98f-46ca-475e-917e-2563e5a8cd19 is needed");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseIdError {
    kind: &'static str,
    needed: &'static str,
    given: String,
}

impl ParseIdError {
    fn new(kind: &'static str, needed: &'static str, given: &str) -> Self {
        const SHOWN: usize = 80;
        let mut given: String = given.to_owned();
        if let Some((end, _)) = given.char_indices().nth(SHOWN) {
            given.truncate(end);
            given.push('…');
        }
        Self {
            kind,
            needed,
            given,
        }
    }
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not a {}: {} is needed",
            self.given, self.kind, self.needed
        )
    }
}

impl std::error::Error for ParseIdError {}

/// The id of a server: a hyphenated UUID, accepted in any case, held as 16 bytes and written in
/// lower case.
///
/// ```
/// use ecs_model::ServerId;
///
/// let id: ServerId = "616FB98F-46CA-475E-917E-2563E5A8CD19".parse()?;
/// assert_eq!(id.to_string(), "616fb98f-46ca-475e-917e-2563e5a8cd19");
/// assert_eq!(size_of::<ServerId>(), 16);
/// # Ok::<_, ecs_model::ParseIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(Uuid);

impl ServerId {
    const NEEDED: &str = "a UUID like 616fb98f-46ca-475e-917e-2563e5a8cd19";

    /// The length of the id as text, in bytes.
    pub(crate) const LENGTH: usize = uuid::fmt::Hyphenated::LENGTH;

    /// Returns the id as ASCII text. A request has up to a thousand ids, so two digits are looked
    /// up at once.
    pub(crate) fn to_ascii(self) -> [u8; Self::LENGTH] {
        const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
        let mut text = [b'-'; Self::LENGTH];
        for (place, byte) in PLACES.iter().zip(self.as_bytes()) {
            let [high, low] = PAIRS[usize::from(*byte)];
            text[*place] = high;
            text[place + 1] = low;
        }
        text
    }

    /// Returns the positions of duplicates, each with the position of the first equal id.
    ///
    /// ```
    /// use ecs_model::ServerId;
    ///
    /// let [one, two] = [[1; 16], [2; 16]].map(ServerId::from_bytes);
    /// assert_eq!(ServerId::duplicates(&[one, two, one, one]), [(2, 0), (3, 0)]);
    /// ```
    pub fn duplicates(ids: &[Self]) -> Vec<(usize, usize)> {
        duplicates::duplicates(ids)
    }

    /// Creates the id from its 16 bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// Returns the 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl FromStr for ServerId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        // The uuid crate also accepts braces, URNs and 32 bare digits; the service does not.
        match Uuid::try_parse(text) {
            Ok(id) if text.len() == Self::LENGTH => Ok(Self(id)),
            _ => Err(ParseIdError::new("server id", Self::NEEDED, text)),
        }
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0.as_hyphenated(), f)
    }
}

impl fmt::Debug for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ServerId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(
            self.0
                .as_hyphenated()
                .encode_lower(&mut Uuid::encode_buffer()),
        )
    }
}

impl<'de> Deserialize<'de> for ServerId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// The two hexadecimal digits of each byte.
const PAIRS: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
};

/// Defines an id that is a text. Only the check of the text differs between them.
macro_rules! text_id {
    ($(#[$docs:meta])* $name:ident($held:ty), $kind:literal, $needed:literal, $valid:expr) => {
        $(#[$docs])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($held);

        impl $name {
            /// Returns the id as a text.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(ParseIdError::new($kind, $needed, text))
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    };
}

text_id! {
    /// The id of a project (tenant): 1 to 64 ASCII letters, digits, `-` and `_`, so that it is safe
    /// in a path.
    ///
    /// ```
    /// use ecs_model::ProjectId;
    ///
    /// assert!("5dd3c0b24cdc4d31952c49589182a89d".parse::<ProjectId>().is_ok());
    /// assert!("../admin".parse::<ProjectId>().is_err());
    /// ```
    ProjectId(Short<38>), "project id", "1 to 64 letters, digits, '-' or '_'",
    |text| (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

text_id! {
    /// The id of an asynchronous job. Opaque: 1 to 255 characters without blanks and control
    /// characters, percent-encoded in a path. Because proxies decode and resolve paths, no part of
    /// it between slashes (of either kind) may be `.` or `..`.
    ///
    /// ```
    /// use ecs_model::JobId;
    ///
    /// assert!("ff80808288d41e1b018990260955686a".parse::<JobId>().is_ok());
    /// assert!("".parse::<JobId>().is_err());
    /// assert!("../cloudservers".parse::<JobId>().is_err());
    /// ```
    JobId(Short<38>), "job id", "1 to 255 characters without blanks and without '.' or '..' as a part of a path",
    |text| is_plain(text) || (1..=255).contains(&text.chars().count())
        && !text.split(['/', '\\']).any(|part| part == "." || part == "..")
        && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

text_id! {
    /// The id of an auto-scaling group: 1 to 64 ASCII letters, digits, `-` and `_`, so that it is
    /// safe in a path.
    ///
    /// ```
    /// use ecs_model::ScalingGroupId;
    ///
    /// assert!("77a7a397-7d2f-4e79-9da9-6a35e2709150".parse::<ScalingGroupId>().is_ok());
    /// assert!("../scaling_policy".parse::<ScalingGroupId>().is_err());
    /// ```
    ScalingGroupId(Short<38>), "scaling group id", "1 to 64 letters, digits, '-' or '_'",
    |text| (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Returns whether the text has the usual form of ids, which needs no further checks.
fn is_plain(text: &str) -> bool {
    // Without an early exit the compiler checks several bytes at a time.
    let plain = |so_far: bool, byte: u8| so_far & byte.is_ascii_alphanumeric();
    (1..=255).contains(&text.len()) && text.bytes().fold(true, plain)
}

#[cfg(test)]
mod tests;
