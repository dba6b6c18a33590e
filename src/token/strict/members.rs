//! The members of one object, each name at most once.

use super::footprint::Slots;
use super::name::Name;
use super::names::Names;
use super::reader::{Fault, Reader};
use super::text::quote;
use super::value::Value;
use serde::de::{DeserializeSeed, MapAccess};
use std::borrow::Cow;

/// An object that is being read.
pub(super) struct Members<'a, 'de> {
    pub(super) reader: &'a mut Reader<'de>,
    names: Names<'de>,
    slots: Slots,
    depth: u8,
    first: bool,
    ended: bool,
}

impl<'a, 'de> Members<'a, 'de> {
    /// Into an object; anything else is malformed. `slots`: the room that its members are charged.
    #[inline]
    pub(super) fn open(reader: &'a mut Reader<'de>, slots: Slots) -> Result<Self, Fault> {
        let depth = reader.open(b'{')?;
        Ok(Self {
            reader,
            names: Names::default(),
            slots,
            depth,
            first: true,
            ended: false,
        })
    }

    /// The next member's name; its value is what the reader stands before.
    #[inline]
    pub(super) fn next_name(&mut self) -> Result<Option<Cow<'de, str>>, Fault> {
        match self.plain_name() {
            Some(name) => Ok(Some(Cow::Borrowed(name))),
            None => self.any_name(),
        }
    }

    /// Reads a name as the key of a collection, or as that of a field, which is not kept.
    pub(super) fn key<K: DeserializeSeed<'de>>(
        &mut self,
        name: Cow<'de, str>,
        seed: K,
    ) -> Result<K::Value, Fault> {
        if self.slots.is_collection() {
            let footprint = &mut self.reader.footprint;
            footprint.room::<K::Value>(self.slots);
            seed.deserialize(Name::kept(name, footprint))
        } else {
            seed.deserialize(Name::new(name))
        }
    }

    /// Reads a member's value and charges its room.
    pub(super) fn value<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        // Without the question a struct's members would be charged nothing, at 13 instructions each in `cost`.
        if self.slots.is_collection() {
            self.reader.footprint.room::<V::Value>(self.slots);
            self.slots.advance();
        }
        seed.deserialize(Value::of(self.reader))
    }

    /// The name if it comes as issuers write it: a comma, a quote, the name, a quote and a colon. Otherwise nothing has
    /// happened, and [`any_name`](Self::any_name) has to look.
    #[inline]
    fn plain_name(&mut self) -> Option<&'de str> {
        if !self.reader.plain || self.ended || !self.reader.is_at(self.depth) {
            return None;
        }
        let rest = self.reader.text.get(self.reader.at..)?;
        let from_name = rest.strip_prefix(if self.first { "\"" } else { ",\"" })?;
        let (name, behind) = from_name.split_at_checked(quote(from_name.as_bytes())?)?;
        let value = behind.strip_prefix("\":")?;
        if !self.names.insert(&Cow::Borrowed(name)) {
            return None;
        }
        self.first = false;
        self.reader.at = self.reader.text.len().saturating_sub(value.len());
        Some(name)
    }

    fn any_name(&mut self) -> Result<Option<Cow<'de, str>>, Fault> {
        if self.ended || !self.reader.next_at(self.depth, self.first, b'}')? {
            self.ended = true;
            return Ok(None);
        }
        self.first = false;
        self.reader.count_name()?;
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
            Some(name) => self.key(name, seed).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        self.value(seed)
    }
}
