//! A fast parser of answers: JSON as the service usually writes it, directly into the fields.
//!
//! Members mostly come in the order of the description, so the next name is compared with the
//! expected one instead of being parsed and looked up. Texts are scanned eight bytes at a time.
//! Objects are filled in place. A value that is neither text, null, a whole number, nor an object or
//! list of a described type is parsed by serde_json. So is the whole body, from its beginning, as soon as any
//! part of it is not plain JSON ([`Unusual`]). Both ways give the same result.

mod object;

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

pub(crate) use self::object::{Member, Members};
use super::{Lenient, NUMBER, is_blank, scalar};

/// Lists the members of a type, in the order of their places from 0, and how each is read. With
/// `keeping rest`, unknown and unreadable members are kept.
macro_rules! members {
    ($name:ident { $($place:literal: $field:ident = $wire:literal as $kind:ident,)* }) => {
        impl $crate::lenient::Plain for $name {
            fn fill(
                &mut self,
                reader: &mut $crate::lenient::Reader<'_>,
            ) -> Result<(), $crate::lenient::Unusual> {
                use $crate::lenient::Member;
                let mut members = reader.members(&[$(concat!("\"", $wire, "\":")),*])?;
                loop {
                    match members.next(reader)? {
                        Member::End => return Ok(()),
                        $(Member::Known($place) => _ = reader.$kind(&mut self.$field)?,)*
                        _ => reader.skip()?,
                    }
                }
            }
        }
    };
    ($name:ident keeping rest { $($place:literal: $field:ident = $wire:literal as $kind:ident,)* }) => {
        impl $crate::lenient::Plain for $name {
            fn fill(
                &mut self,
                reader: &mut $crate::lenient::Reader<'_>,
            ) -> Result<(), $crate::lenient::Unusual> {
                use $crate::lenient::Member;
                let mut members = reader.members(&[$(concat!("\"", $wire, "\":")),*])?;
                loop {
                    match members.next(reader)? {
                        Member::End => return Ok(()),
                        $(Member::Known($place) => {
                            let start = reader.position();
                            let is_read = reader.$kind(&mut self.$field)?;
                            if !is_read || !self.rest.is_empty() {
                                reader.keep(is_read, $wire, start, &mut self.rest)?;
                            }
                        })*
                        Member::Known(_) => reader.skip()?,
                        Member::Unknown(name) => reader.unknown(name, &mut self.rest)?,
                    }
                }
            }
        }

        $crate::lenient::keeping_rest! { $name { $($field = $wire as $kind,)* } }
    };
}

pub(crate) use members;

/// The number of elements to reserve capacity for: as many servers as one request may name.
const MANY: usize = 1000;

/// A type that can be filled from plain JSON.
pub(crate) trait Plain: Default {
    /// Reads an object. Of a duplicate member the last value counts.
    fn fill(&mut self, reader: &mut Reader<'_>) -> Result<(), Unusual>;
}

/// The error for a body that serde_json has to parse.
#[derive(Debug)]
pub(crate) struct Unusual;

/// Parses a body that holds one object in plain JSON.
pub(super) fn from_plain<T: Plain>(body: &str) -> Result<T, Unusual> {
    let mut reader = Reader { text: body, at: 0 };
    let mut value = T::default();
    value.fill(&mut reader)?;
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(Unusual),
    }
}

/// A cursor in a text.
pub(crate) struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    /// Enters an object whose members are expected to have these names, written as in `"name":`.
    #[inline]
    pub(crate) fn members(&mut self, names: &'static [&'static str]) -> Result<Members, Unusual> {
        self.peek();
        self.take("{")?;
        Ok(Members {
            names,
            expected: 0,
            is_first: true,
        })
    }

    /// Returns the position of the next value.
    #[inline]
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Adds a member to the rest if it could not be read; its value began at `start`. If it could
    /// be read, an earlier value of the same name is dropped.
    #[cold]
    pub(crate) fn keep(
        &self,
        is_read: bool,
        name: &str,
        start: usize,
        rest: &mut Map<String, Value>,
    ) -> Result<(), Unusual> {
        if is_read {
            rest.remove(name);
        } else {
            let value = self.text.get(start..self.at).ok_or(Unusual)?;
            let value = serde_json::from_str(value).map_err(|_| Unusual)?;
            rest.insert(name.to_owned(), value);
        }
        Ok(())
    }

    // Each of the following returns whether the value was read, or was null or a blank text.

    /// Reads a scalar.
    #[inline]
    pub(crate) fn scalar<T: Lenient>(&mut self, field: &mut Option<T>) -> Result<bool, Unusual> {
        match self.peek() {
            Some(b'"') => {
                let text = self.string()?;
                *field = T::from_text(&text);
                Ok(field.is_some() || is_blank(&text))
            }
            Some(b'n') => {
                *field = None;
                self.take("null").map(|()| true)
            }
            _ => self.other_scalar(field),
        }
    }

    fn other_scalar<T: Lenient>(&mut self, field: &mut Option<T>) -> Result<bool, Unusual> {
        let value: Value = match self.integer() {
            Some(number) => number.into(),
            None => self.value()?,
        };
        *field = scalar(&value).ok().flatten();
        Ok(field.is_some())
    }

    /// Consumes a whole number; `None` if the value is another one, or is not written plainly.
    fn integer(&mut self) -> Option<u64> {
        let left = self.left();
        let length = left.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_plain = matches!(left.get(length), Some(b',' | b'}' | b']'))
            && (length == 1 || left.first() != Some(&b'0'));
        let digits = self.text.get(self.at..self.at + length);
        let number = digits.filter(|_| is_plain)?.parse().ok()?;
        self.at += length;
        Some(number)
    }

    /// Reads an object.
    #[inline]
    pub(crate) fn object<T: Plain>(&mut self, field: &mut Option<T>) -> Result<bool, Unusual> {
        *field = None;
        if self.peek() == Some(b'{') {
            field.insert(T::default()).fill(self).map(|()| true)
        } else {
            self.no_compound()
        }
    }

    /// Reads the objects of a list.
    #[inline]
    pub(crate) fn objects<T: Plain>(
        &mut self,
        field: &mut Option<Vec<T>>,
    ) -> Result<bool, Unusual> {
        *field = None;
        if self.peek() != Some(b'[') {
            return self.no_compound();
        }
        let list = field.insert(Vec::new());
        let mut is_first = true;
        while self.has_element(&mut is_first)? {
            if self.peek() == Some(b'{') {
                let start = self.at;
                list.push(T::default());
                if let Some(element) = list.last_mut() {
                    element.fill(self)?;
                }
                if list.len() == 1 {
                    // The other elements probably have about the same length.
                    let others = self.left().len() / (self.at - start).max(1);
                    list.reserve(others.min(MANY));
                }
            } else {
                self.skip()?;
            }
        }
        Ok(true)
    }

    /// Reads the scalars of a list.
    pub(crate) fn scalars<T: Lenient>(
        &mut self,
        field: &mut Option<Vec<T>>,
    ) -> Result<bool, Unusual> {
        *field = None;
        if self.peek() != Some(b'[') {
            return self.no_compound();
        }
        let list = field.insert(Vec::new());
        let mut is_first = true;
        while self.has_element(&mut is_first)? {
            let mut element = None;
            self.scalar(&mut element)?;
            list.extend(element);
        }
        list.shrink_to_fit();
        Ok(true)
    }

    /// Keeps the value of an unknown member.
    pub(crate) fn unknown(
        &mut self,
        name: Cow<'t, str>,
        rest: &mut Map<String, Value>,
    ) -> Result<(), Unusual> {
        let value = self.value()?;
        if name != NUMBER {
            rest.insert(name.into_owned(), value);
        } // else it is not an object at all
        Ok(())
    }

    /// Skips a value.
    pub(crate) fn skip(&mut self) -> Result<(), Unusual> {
        self.value::<IgnoredAny>().map(drop)
    }

    /// Reads a value in place of an object or a list: null and a blank text mean nothing.
    fn no_compound(&mut self) -> Result<bool, Unusual> {
        Ok(match self.value()? {
            Value::Null => true,
            Value::String(text) => is_blank(&text),
            _ => false,
        })
    }

    /// Reads a value by serde_json.
    pub(crate) fn value<T: Deserialize<'t>>(&mut self) -> Result<T, Unusual> {
        let left = self.text.get(self.at..).ok_or(Unusual)?;
        let mut values = serde_json::Deserializer::from_str(left).into_iter();
        let value = values.next().ok_or(Unusual)?.map_err(|_| Unusual)?;
        self.at += values.byte_offset();
        Ok(value)
    }

    /// Returns whether another element of an array follows, and consumes the bracket or comma
    /// before it, or the bracket after the last one.
    #[inline]
    fn has_element(&mut self, is_first: &mut bool) -> Result<bool, Unusual> {
        let is_first = std::mem::take(is_first);
        if is_first {
            self.take("[")?;
        }
        if self.peek() == Some(b']') {
            return self.take("]").map(|()| false);
        }
        if !is_first {
            self.take(",")?;
            self.peek();
        }
        Ok(true)
    }

    /// Returns the next byte that is not white space.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    #[inline]
    fn left(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Consumes this text, if it comes next.
    #[inline]
    fn take(&mut self, expected: &str) -> Result<(), Unusual> {
        if self.left().starts_with(expected.as_bytes()) {
            self.at += expected.len();
            Ok(())
        } else {
            Err(Unusual)
        }
    }

    /// Consumes a quoted text.
    #[inline]
    fn string(&mut self) -> Result<Cow<'t, str>, Unusual> {
        let start = self.at + 1;
        self.take("\"")?;
        let end = start + plain_length(self.left());
        match self.text.as_bytes().get(end) {
            Some(b'"') => {
                self.at = end + 1;
                self.text.get(start..end).map(Cow::Borrowed).ok_or(Unusual)
            }
            Some(b'\\') => self.escaped(start, end).map(Cow::Owned),
            _ => Err(Unusual),
        }
    }

    /// Consumes a text that begins at `start` and has its first escape at `end`.
    #[cold]
    fn escaped(&mut self, start: usize, mut end: usize) -> Result<String, Unusual> {
        let bytes = self.text.as_bytes();
        while bytes.get(end) == Some(&b'\\') {
            end += 2;
            end += plain_length(bytes.get(end..).unwrap_or_default());
        }
        let quoted = self.text.get(start - 1..=end).ok_or(Unusual)?;
        self.at = end + 1;
        serde_json::from_str(quoted).map_err(|_| Unusual)
    }
}

/// Returns the number of bytes before the first quote, backslash or control character, scanned
/// eight at a time.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST_BITS: u64 = EACH << 7;
    let (chunks, left) = bytes.as_chunks::<8>();
    for (at, word) in chunks.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // The highest bit of a byte is set where the byte is zero; above the first such byte it may
        // be set for others.
        let zeros = |word: u64| word.wrapping_sub(EACH) & !word;
        let quotes = zeros(word ^ (EACH * b'"' as u64));
        let escapes = zeros(word ^ (EACH * b'\\' as u64));
        let controls = word.wrapping_sub(EACH * 0x20) & !word;
        let found = (quotes | escapes | controls) & HIGHEST_BITS;
        if found != 0 {
            return at * 8 + (found.trailing_zeros() / 8) as usize;
        }
    }
    let plain = |byte: &&u8| !matches!(byte, b'"' | b'\\' | 0..0x20);
    chunks.len() * 8 + left.iter().take_while(plain).count()
}

#[cfg(test)]
mod tests;
