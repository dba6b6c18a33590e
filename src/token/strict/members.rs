//! The members of one object, each name at most once.

use super::name::Name;
use super::names::Names;
use super::reader::{Fault, Reader};
use super::value::Value;
use serde::de::{DeserializeSeed, MapAccess};
use std::borrow::Cow;

/// An object that is being read.
pub(super) struct Members<'a, 'de> {
    pub(super) reader: &'a mut Reader<'de>,
    names: Names<'de>,
    depth: u8,
    first: bool,
    ended: bool,
}

impl<'a, 'de> Members<'a, 'de> {
    #[inline]
    /// Into an object; anything else is malformed.
    pub(super) fn open(reader: &'a mut Reader<'de>) -> Result<Self, Fault> {
        let depth = reader.open(b'{')?;
        Ok(Self {
            reader,
            names: Names::default(),
            depth,
            first: true,
            ended: false,
        })
    }

    /// The next member's name; its value is what the reader stands before.
    #[inline]
    pub(super) fn next_name(&mut self) -> Result<Option<Cow<'de, str>>, Fault> {
        if self.ended || !self.reader.next_at(self.depth, self.first, b'}')? {
            self.ended = true;
            return Ok(None);
        }
        self.first = false;
        let Ok(name) = self.reader.text() else {
            return Err(self.reader.malformed());
        };
        if !self.names.insert(&name) {
            return Err(self.reader.malformed());
        }
        self.reader.expect(b':')?;
        Ok(Some(name))
    }

    /// A type that does not want all members is not for this object.
    pub(super) fn end(mut self) -> Result<(), Fault> {
        match self.next_name()? {
            None => Ok(()),
            Some(_) => Err(Fault::Unfit),
        }
    }
}

impl<'de> MapAccess<'de> for Members<'_, 'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        match self.next_name()? {
            Some(name) => seed.deserialize(Name::new(name)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        seed.deserialize(Value::of(self.reader))
    }
}
