//! Strict JSON for headers and payloads, in one pass that feeds the registered claims and the application's type.
//!
//! Most readers forgive what a token must not be forgiven: a member given twice (in ignored members, in maps and in
//! `Value`), an array where a struct is wanted, lone surrogates in what nobody reads. Two programs that read such a
//! token differently are a way in (RFC 7519 §4, RFC 8725 §2.4). This reader knows no other way to pass over a value
//! than to read it, whoever asks for it and however it is ignored; and it is the same whatever features another crate
//! of the build turns on in `serde_json`.

mod footprint;
mod members;
mod name;
mod names;
mod number;
mod reader;
mod text;
mod value;

use super::error::TokenError;
use footprint::Slots;
use members::Members;
pub(super) use names::Names;
pub(super) use number::Number;
pub(super) use reader::{Fault, Reader};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};
pub(super) use text::needs_escape;

/// How deep objects and arrays may be nested. Tokens of the field stay under ten.
const MAX_DEPTH: u8 = 32;

/// Takes members of the outermost object for itself; the rest goes to the application's type.
pub(super) trait Tap<'de> {
    /// The most names that all objects of the text may have together. Counting makes reading slower.
    const MAX_NAMES: Option<usize> = None;

    /// Reads the value of member `name` and answers `true`, or leaves it alone and answers `false`.
    fn take(&mut self, name: &str, reader: &mut Reader<'de>) -> Result<bool, Fault>;
}

/// Takes nothing.
pub(super) struct Untapped;

impl<'de> Tap<'de> for Untapped {
    fn take(&mut self, _name: &str, _reader: &mut Reader<'de>) -> Result<bool, Fault> {
        Ok(false)
    }
}

/// Reads `text` as exactly one JSON object into `E`, less the members that `tap` takes.
///
/// # Errors
/// What the reader was told to refuse with, first come; `malformed` for what is no JSON object; and
/// [`TokenError::OwnClaims`] for what does not fit `E`.
pub(super) fn object<'de, E: Deserialize<'de>, T: Tap<'de>>(
    text: &'de str,
    tap: &mut T,
    malformed: TokenError,
) -> Result<Measured<E>, TokenError> {
    let mut reader = Reader::new(text, T::MAX_NAMES, malformed);
    let read = E::deserialize(Outermost {
        reader: &mut reader,
        tap,
    });
    // Asked first: a careless implementation of `Deserialize` could have swallowed the error.
    if let Some(breach) = reader.breach() {
        return Err(breach);
    }
    match read {
        Ok(value) if reader.is_at_end() => Ok(Measured {
            value,
            bytes: reader.footprint.bytes(),
        }),
        Ok(_) => Err(malformed),
        Err(_) => Err(TokenError::OwnClaims),
    }
}

/// A value that was read from JSON.
pub(super) struct Measured<E> {
    pub(super) value: E,
    /// The most bytes that the value takes beside its own size; `None` if it cannot be bounded.
    pub(super) bytes: Option<usize>,
}

/// The outermost value: always read as an object, whatever type is asked for.
struct Outermost<'a, 'de, T> {
    reader: &'a mut Reader<'de>,
    tap: &'a mut T,
}

impl<'de, T: Tap<'de>> Outermost<'_, 'de, T> {
    fn members<V: Visitor<'de>>(self, visitor: V, slots: Slots) -> Result<V::Value, Fault> {
        let Self { reader, tap } = self;
        reader.footprint.value::<V::Value>();
        let members = Members::open(reader, slots)?;
        let mut tapped = Tapped { members, tap };
        let value = visitor.visit_map(&mut tapped)?;
        // A type may stop reading early; the registered claims behind that point count all the same.
        tapped.drain()?;
        Ok(value)
    }
}

impl<'de, T: Tap<'de>> Deserializer<'de> for Outermost<'_, 'de, T> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.reader.footprint.of_any_kind::<V::Value>(true);
        self.members(visitor, Slots::COLLECTION)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.members(visitor, Slots::COLLECTION)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.members(visitor, Slots::NONE)
    }

    /// `()` asks for no members of its own; all are still read, strictly.
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Self { reader, tap } = self;
        let members = Members::open(reader, Slots::NONE)?;
        Tapped { members, tap }.drain()?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        value::refuse_raw(name, self.reader)?;
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        seq tuple tuple_struct enum identifier
    }
}

/// The outermost members: first offered to the tap, then to the application's type.
struct Tapped<'a, 'de, T> {
    members: Members<'a, 'de>,
    tap: &'a mut T,
}

impl<'de, T: Tap<'de>> Tapped<'_, 'de, T> {
    fn drain(&mut self) -> Result<(), Fault> {
        while let Some(name) = self.members.next_name()? {
            if !self.tap.take(&name, self.members.reader)? {
                self.members.reader.skip()?;
            }
        }
        Ok(())
    }
}

impl<'de, T: Tap<'de>> MapAccess<'de> for Tapped<'_, 'de, T> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        while let Some(name) = self.members.next_name()? {
            if !self.tap.take(&name, self.members.reader)? {
                return self.members.key(name, seed).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        self.members.value(seed)
    }
}
