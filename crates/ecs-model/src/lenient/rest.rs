//! Types that keep their unknown and unreadable members.

use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::{Map, Value};

use super::{Lenient, NUMBER, is_blank, object, objects, scalar};

/// Implements reading and writing of a type that keeps unknown and unreadable members in its field
/// `rest`.
macro_rules! keeping_rest {
    ($name:ident { $($field:ident = $wire:literal as $kind:ident,)* }) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let mut rest = $crate::lenient::Rest::read(deserializer)?;
                Ok(Self {
                    $($field: rest.$kind($wire),)*
                    rest: rest.0,
                })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                let mut map = serializer.serialize_map(None)?;
                for (name, value) in &self.rest {
                    // A field that the caller filled takes precedence over the rest.
                    let is_filled = match name.as_str() {
                        $($wire => self.$field.is_some(),)*
                        _ => false,
                    };
                    if !is_filled {
                        map.serialize_entry(name, value)?;
                    }
                }
                $(if let Some(value) = &self.$field {
                    map.serialize_entry($wire, value)?;
                })*
                map.end()
            }
        }
    };
}

pub(crate) use keeping_rest;

/// An object whose readable members are taken out one by one.
pub(crate) struct Rest(pub(crate) Map<String, Value>);

impl Rest {
    pub(crate) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut members = Map::deserialize(deserializer)?;
        members.remove(NUMBER); // not an object at all
        Ok(Self(members))
    }

    pub(crate) fn scalar<T: Lenient>(&mut self, name: &str) -> Option<T> {
        let value = self.0.get(name)?;
        let read = scalar(value).ok().flatten();
        let says_nothing = value.is_null() || value.as_str().is_some_and(is_blank);
        if read.is_some() || says_nothing {
            self.0.remove(name);
        }
        read
    }

    pub(crate) fn objects<T: DeserializeOwned>(&mut self, name: &str) -> Option<Vec<T>> {
        self.compound(name, Value::is_array, objects)
    }

    pub(crate) fn object<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        self.compound(name, Value::is_object, object)
    }

    fn compound<T>(
        &mut self,
        name: &str,
        fits: impl FnOnce(&Value) -> bool,
        read: impl FnOnce(Value) -> Result<Option<T>, serde_json::Error>,
    ) -> Option<T> {
        match self.0.remove(name)? {
            value if fits(&value) => read(value).ok().flatten(),
            Value::Null => None,
            Value::String(text) if is_blank(&text) => None,
            value => {
                self.0.insert(name.to_owned(), value);
                None
            }
        }
    }
}
