//! Strict JSON for headers and payloads, in one pass over `serde_json`.
//!
//! `serde_json` forgives what a token must not be forgiven: a member given twice (in ignored members,
//! in maps and in `Value`), an array where a struct is wanted, lone surrogates in what nobody reads. Two programs
//! that read such a token differently are a way in (RFC 7519 §4, RFC 8725 §2.4). So every value passes through
//! the wrappers of this folder, the ignored ones too, while the application's own type is filled.

mod members;
mod name;
mod value;

use super::error::TokenError;
use core::cell::Cell;
use core::fmt;
use members::Members;
pub(super) use name::Read;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

/// How deep objects and arrays may be nested. Tokens of the field stay under ten.
pub(super) const MAX_DEPTH: u8 = 32;

/// Takes members of the outermost object for itself; the rest goes to the application's type.
pub(super) trait Tap<'de> {
    /// Reads the value of member `name` and answers `true`, or leaves it alone and answers `false`.
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error>;
}

/// Takes nothing.
pub(super) struct Untapped;

impl<'de> Tap<'de> for Untapped {
    fn take<A: MapAccess<'de>>(&mut self, _name: &str, _map: &mut A) -> Result<bool, A::Error> {
        Ok(false)
    }
}

/// The first breach of strictness met, if any: serde's errors can't carry it, and a careless
/// implementation of `Deserialize` could swallow them.
pub(super) type Breach = Cell<Option<TokenError>>;

/// Reads `text` as exactly one JSON object into `E`, less the members that `tap` takes.
///
/// # Errors
/// What `breach` holds if it was set on the way; else `malformed` for what is no JSON object, and
/// [`TokenError::OwnClaims`] for what does not fit `E`.
pub(super) fn object<'de, E: Deserialize<'de>, T: Tap<'de>>(
    text: &'de str,
    tap: &mut T,
    breach: &Breach,
    malformed: TokenError,
) -> Result<E, TokenError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let read = E::deserialize(Outermost {
        json: &mut json,
        tap,
        breach,
    });
    let ended = json.end();
    if let Some(breach) = breach.get() {
        return Err(breach);
    }
    match (read, ended) {
        (Ok(value), Ok(())) => Ok(value),
        (Err(error), _) if error.is_data() && opens_an_object(text) => Err(TokenError::OwnClaims),
        _ => Err(malformed),
    }
}

/// A type error where no object opens is about the text, not about the application's type.
fn opens_an_object(text: &str) -> bool {
    text.trim_start_matches([' ', '\t', '\r', '\n'])
        .starts_with('{')
}

/// The outermost value: always read as an object, whatever type is asked for.
struct Outermost<'a, J, T> {
    json: J,
    tap: &'a mut T,
    breach: &'a Breach,
}

impl<'de, J: Deserializer<'de>, T: Tap<'de>> Deserializer<'de> for Outermost<'_, J, T> {
    type Error = J::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, J::Error> {
        let Self { json, tap, breach } = self;
        json.deserialize_map(OutermostVisitor {
            visitor,
            tap,
            breach,
        })
    }

    /// `()` asks for no members of its own; all are still read, strictly.
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, J::Error> {
        self.deserialize_any(IgnoredAny)?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, J::Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, J::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, J::Error> {
        value::refuse_raw(name, self.breach)?;
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct OutermostVisitor<'a, V, T> {
    visitor: V,
    tap: &'a mut T,
    breach: &'a Breach,
}

impl<'de, V: Visitor<'de>, T: Tap<'de>> Visitor<'de> for OutermostVisitor<'_, V, T> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a json object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let mut members = Members::new(map, self.tap, self.breach, 1);
        let value = self.visitor.visit_map(&mut members)?;
        // A type may stop reading early; the registered claims behind that point count all the same.
        while members.next_key::<IgnoredAny>()?.is_some() {
            members.next_value::<IgnoredAny>()?;
        }
        Ok(value)
    }
}

/// Notes the first breach and ends the reading.
pub(super) fn refuse<E: serde::de::Error>(breach: &Breach, with: TokenError) -> E {
    if breach.get().is_none() {
        breach.set(Some(with));
    }
    E::custom(with)
}
