//! Enums: closed in requests, open in answers.

/// Defines an enum of the values that the service documents plus `Unknown(String)`, which keeps any other.
macro_rules! open_enum {
    ($(#[$docs:meta])* $name:ident { $($(#[$variant_docs:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$docs])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_docs])* $variant,)+
            /// An undocumented value, as received.
            Unknown(String),
        }

        impl $name {
            /// Every documented value, in the description's order.
            pub const KNOWN: &[Self] = &[$(Self::$variant),+];

            /// Returns the value as the service writes it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Unknown(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    other => Self::Unknown(other.to_owned()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                Ok(Self::from(text.as_ref()))
            }
        }
    };
}

/// Defines an enum of exactly these values; any other is an error.
macro_rules! closed_enum {
    ($(#[$docs:meta])* $name:ident { $($(#[$variant_docs:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_docs])* $variant,)+
        }

        impl $name {
            /// Every value, in the description's order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the value as the service writes it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// Parses the exact text that the service writes.
            pub fn from_wire(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        /// Parses the text in any case, as people type it.
        impl std::str::FromStr for $name {
            type Err = crate::ParseValueError;

            fn from_str(text: &str) -> Result<Self, crate::ParseValueError> {
                let mut values = Self::ALL.iter().copied();
                values
                    .find(|value| value.as_str().eq_ignore_ascii_case(text))
                    .ok_or_else(|| crate::ParseValueError::new(text, &[$($text),+]))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        /// Parses the exact text that the service writes.
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                Self::from_wire(&text).ok_or_else(|| serde::de::Error::unknown_variant(&text, &[$($text),+]))
            }
        }
    };
}

/// The error for a text that is not a value of an enum.
///
/// ```
/// let error = "warm".parse::<ecs_model::RebootType>().unwrap_err();
/// assert_eq!(error.to_string(), "\"warm\" is not one of SOFT, HARD");
/// # assert_eq!("hard".parse(), Ok(ecs_model::RebootType::Hard));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseValueError {
    given: String,
    values: &'static [&'static str],
}

impl ParseValueError {
    /// Creates the error for a text that is none of these.
    pub fn new(given: &str, values: &'static [&'static str]) -> Self {
        Self {
            given: given.chars().take(40).collect(),
            values,
        }
    }
}

impl std::fmt::Display for ParseValueError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:?} is not one of {}",
            self.given,
            self.values.join(", ")
        )
    }
}

impl std::error::Error for ParseValueError {}

pub(crate) use closed_enum;
pub(crate) use open_enum;

#[cfg(test)]
mod tests;
