//! Lenient deserialization: a field that is absent, null, blank or of the wrong type loses its own
//! value, never the rest.
//!
//! Used by the generated response types through `#[serde(deserialize_with = …)]`.

mod plain;
mod repair;
mod rest;

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
    value::MapAccessDeserializer,
};

use repair::repair;

pub(crate) use plain::{Member, Plain, Reader, Unusual, members};
pub(crate) use rest::{Rest, keeping_rest};

/// A value that can be converted from any JSON type. Each method returns `None` unless the type
/// overrides it.
pub(crate) trait Lenient: Sized {
    fn from_text(_: &str) -> Option<Self> {
        None
    }
    fn from_unsigned(_: u64) -> Option<Self> {
        None
    }
    fn from_signed(number: i64) -> Option<Self> {
        u64::try_from(number).ok().and_then(Self::from_unsigned)
    }
    fn from_flag(_: bool) -> Option<Self> {
        None
    }
}

impl Lenient for String {
    fn from_text(text: &str) -> Option<Self> {
        // The service writes "" for "nothing".
        (!is_blank(text)).then(|| text.to_owned())
    }
    fn from_unsigned(number: u64) -> Option<Self> {
        Some(number.to_string())
    }
    fn from_signed(number: i64) -> Option<Self> {
        Some(number.to_string())
    }
    fn from_flag(flag: bool) -> Option<Self> {
        Some(flag.to_string())
    }
}

impl Lenient for crate::ShortText {
    fn from_text(text: &str) -> Option<Self> {
        (!is_blank(text)).then(|| text.into())
    }
    fn from_unsigned(number: u64) -> Option<Self> {
        Some(number.to_string().as_str().into())
    }
    fn from_signed(number: i64) -> Option<Self> {
        Some(number.to_string().as_str().into())
    }
    fn from_flag(flag: bool) -> Option<Self> {
        Some(flag.to_string().as_str().into())
    }
}

impl Lenient for u64 {
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn from_unsigned(number: u64) -> Option<Self> {
        Some(number)
    }
}

impl Lenient for i64 {
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn from_unsigned(number: u64) -> Option<Self> {
        number.try_into().ok()
    }
    fn from_signed(number: i64) -> Option<Self> {
        Some(number)
    }
}

impl Lenient for bool {
    fn from_text(text: &str) -> Option<Self> {
        match text {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        }
    }
    fn from_flag(flag: bool) -> Option<Self> {
        Some(flag)
    }
}

macro_rules! lenient_by_parse {
    ($($id:ty),+) => {$(
        impl Lenient for $id {
            fn from_text(text: &str) -> Option<Self> {
                text.parse().ok()
            }
            fn from_unsigned(number: u64) -> Option<Self> {
                number.to_string().parse().ok()
            }
        }
    )+};
}

lenient_by_parse!(crate::ServerId, crate::JobId, crate::ScalingGroupId);

/// Implements [`Lenient`] for an open enum: any text that is not blank.
macro_rules! lenient_open_enum {
    ($($name:ty),+) => {$(
        impl $crate::lenient::Lenient for $name {
            fn from_text(text: &str) -> Option<Self> {
                (!$crate::lenient::is_blank(text)).then(|| Self::from(text))
            }
        }
    )+};
}

pub(crate) use lenient_open_enum;

pub(crate) fn is_blank(text: &str) -> bool {
    if text
        .bytes()
        .next()
        .is_some_and(|first| first.is_ascii_graphic())
    {
        return false;
    }
    text.trim().is_empty()
}

/// Defines the visitor methods that consume compound values and continue.
macro_rules! swallow {
    ($result:expr; map) => {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok($result)
        }
    };
    ($result:expr; seq) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok($result)
        }
    };
    ($result:expr; scalars) => {
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($result)
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($result)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($result)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($result)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($result)
        }
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok($result)
        }
    };
}

struct ScalarVisitor<T>(PhantomData<T>);

impl<'de, T: Lenient> Visitor<'de> for ScalarVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        // A number beyond 64 bits has lost digits before it arrived here.
        Ok(None)
    }
    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(T::from_flag(flag))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(T::from_unsigned(number))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(T::from_signed(number))
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(T::from_text(text))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == NUMBER {
                found = map
                    .next_value_seed(Scalar::<String>(PhantomData))?
                    .and_then(|digits| from_digits(&digits));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
    swallow!(None; seq);
}

/// The key under which serde_json passes a number if any crate of the program enables its feature
/// `arbitrary_precision`.
const NUMBER: &str = "$serde_json::private::Number";

fn from_digits<T: Lenient>(digits: &str) -> Option<T> {
    match (digits.parse::<u64>(), digits.parse::<i64>()) {
        (Ok(number), _) => T::from_unsigned(number),
        (_, Ok(number)) => T::from_signed(number),
        _ => None,
    }
}

/// Deserializes a text, number, flag, id or open enum, if it is present and readable.
pub(crate) fn scalar<'de, T: Lenient, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(ScalarVisitor(PhantomData))
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
    swallow!(None; seq);
    swallow!(None; scalars);
}

/// Deserializes an object, if it is present and an object.
pub(crate) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(ObjectVisitor(PhantomData))
}

struct Object<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Object<T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        object(deserializer)
    }
}

struct Scalar<T>(PhantomData<T>);

impl<'de, T: Lenient> DeserializeSeed<'de> for Scalar<T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        scalar(deserializer)
    }
}

/// Collects the elements of an array that the seed can read.
struct ListVisitor<T, F>(PhantomData<T>, F);

impl<'de, T, S, F> Visitor<'de> for ListVisitor<T, F>
where
    F: Fn() -> S,
    S: DeserializeSeed<'de, Value = Option<T>>,
{
    type Value = Option<Vec<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = seq.next_element_seed((self.1)())? {
            list.extend(element);
        }
        // A fleet has as many of them as servers, each of one or two elements.
        list.shrink_to_fit();
        Ok(Some(list))
    }
    swallow!(None; map);
    swallow!(None; scalars);
}

/// Deserializes the objects of an array; `None` if there is no array.
pub(crate) fn objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    deserializer.deserialize_any(ListVisitor(PhantomData, || Object(PhantomData)))
}

/// Deserializes the readable scalars of an array; `None` if there is no array.
pub(crate) fn scalars<'de, T: Lenient, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    deserializer.deserialize_any(ListVisitor(PhantomData, || Scalar(PhantomData)))
}

/// Parses an object from a body as [`from_body`] does, but plain JSON in a fraction of the time.
pub(crate) fn from_body_fast<T: Plain + DeserializeOwned>(body: &[u8]) -> Option<T> {
    // The whole body is checked at once: a check of each text would take ten times as long.
    let text = std::str::from_utf8(body);
    let plain = text.ok().and_then(|text| plain::from_plain(text).ok());
    plain.or_else(|| from_body(body))
}

/// Parses an object from a body: with or without a byte-order mark, with duplicate keys (the last
/// one counts), with bytes that are not UTF-8 (replaced), with texts that JSON does not allow (see
/// [`repair`]). `None` if the body is not a JSON object. Bodies of more than a mebibyte must be valid
/// JSON: a repair takes many times their memory.
pub(crate) fn from_body<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut straight = serde_json::Deserializer::from_slice(body);
    if let Ok(value) = object(&mut straight)
        && straight.end().is_ok()
    {
        return value;
    }
    if body.len() > repair::LARGEST_TO_REPAIR {
        return None;
    }
    let value: serde_json::Value =
        serde_json::from_str(&repair(&String::from_utf8_lossy(body))).ok()?;
    object(value).ok().flatten()
}

#[cfg(test)]
mod tests;
