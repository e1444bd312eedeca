//! The members of an object.

use std::borrow::Cow;

use super::{Reader, Unusual};

/// The next part of an object.
pub(crate) enum Member<'t> {
    /// A known member, by the index of its name.
    Known(usize),
    /// An unknown member.
    Unknown(Cow<'t, str>),
    /// No other member.
    End,
}

/// The members of an object.
pub(crate) struct Members {
    pub(super) names: &'static [&'static str],
    /// The index of the expected name, if none is omitted.
    pub(super) expected: usize,
    pub(super) is_first: bool,
}

impl Members {
    /// Returns the next member, and consumes everything before its value, or the bracket after the
    /// last one.
    #[inline]
    pub(crate) fn next<'t>(&mut self, reader: &mut Reader<'t>) -> Result<Member<'t>, Unusual> {
        if reader.peek() == Some(b'}') {
            return reader.take("}").map(|()| Member::End);
        }
        if !std::mem::take(&mut self.is_first) {
            reader.take(",")?;
            reader.peek();
        }
        let left = reader.left();
        let comes = |name: &&&str| left.starts_with(name.as_bytes());
        if let Some(name) = self.names.get(self.expected).filter(|name| comes(name)) {
            reader.at += name.len();
            self.expected += 1;
            return Ok(Member::Known(self.expected - 1));
        }
        self.search(reader)
    }

    fn search<'t>(&mut self, reader: &mut Reader<'t>) -> Result<Member<'t>, Unusual> {
        let name = reader.string()?;
        reader.peek();
        reader.take(":")?;
        let is_same = |known: &&str| {
            let known = known.strip_prefix('"');
            known.and_then(|known| known.strip_suffix("\":")) == Some(&*name)
        };
        Ok(match self.names.iter().position(is_same) {
            Some(place) => {
                self.expected = place + 1;
                Member::Known(place)
            }
            None => Member::Unknown(name),
        })
    }
}
