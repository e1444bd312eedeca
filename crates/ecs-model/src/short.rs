//! Texts that are usually short, held without an allocation.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// A text of which up to `N` bytes are held in place.
#[derive(Clone)]
pub(crate) enum Short<const N: usize> {
    InPlace { length: u8, bytes: [u8; N] },
    Elsewhere(Box<str>),
}

impl<const N: usize> Short<N> {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::InPlace { length, bytes } => {
                let text = bytes.get(..usize::from(*length));
                // The bytes were copied from a text.
                text.and_then(|text| std::str::from_utf8(text).ok())
                    .unwrap_or_default()
            }
            Self::Elsewhere(text) => text,
        }
    }
}

impl<const N: usize> From<&str> for Short<N> {
    fn from(text: &str) -> Self {
        let mut bytes = [0; N];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(text.as_bytes());
                Self::InPlace { length, bytes }
            }
            _ => Self::Elsewhere(text.into()),
        }
    }
}

// Compared, ordered and hashed as text.
impl<const N: usize> PartialEq for Short<N> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            // Unused bytes are zero.
            (Self::InPlace { bytes: ours, .. }, Self::InPlace { bytes: theirs, .. })
                if ours != theirs =>
            {
                false
            }
            _ => self.as_str() == other.as_str(),
        }
    }
}

impl<const N: usize> Eq for Short<N> {}

impl<const N: usize> PartialOrd for Short<N> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<const N: usize> Ord for Short<N> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl<const N: usize> Hash for Short<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

/// A text that is usually short: up to 30 bytes, such as a time, are held without an allocation. It
/// dereferences to `str`.
///
/// ```
/// use ecs_model::ShortText;
///
/// let time = ShortText::from("2026-11-23T12:59:00.102Z");
/// assert!(time.starts_with("2026-11-23"));
/// assert_eq!(time, "2026-11-23T12:59:00.102Z");
/// assert_eq!(size_of::<Option<ShortText>>(), 32);
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortText(Short<30>);

impl ShortText {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl From<&str> for ShortText {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<ShortText> for String {
    fn from(text: ShortText) -> Self {
        text.as_str().to_owned()
    }
}

impl Deref for ShortText {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for ShortText {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for ShortText {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for ShortText {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for ShortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Debug for ShortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Serialize for ShortText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for ShortText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Ok(Self::from(&*text))
    }
}

#[cfg(test)]
mod tests;
