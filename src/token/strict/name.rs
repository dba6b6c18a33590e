//! The name of a member: read once as text, then given to whatever type the application uses for its keys.

use super::footprint::Footprint;
use super::reader::Fault;
use serde::de::value::{BorrowedStrDeserializer, StringDeserializer};
use serde::de::{Deserializer, IntoDeserializer as _, Visitor};
use std::borrow::Cow;

/// Gives a name away as the key type wants it: text, a newtype of text, an enum, an integer.
pub(super) struct Name<'a, 'de> {
    text: Cow<'de, str>,
    /// Where a collection's key is charged; a field's name is not kept.
    footprint: Option<&'a mut Footprint>,
}

impl<'a, 'de> Name<'a, 'de> {
    pub(super) fn new(text: Cow<'de, str>) -> Self {
        let footprint = None;
        Self { text, footprint }
    }

    pub(super) fn kept(text: Cow<'de, str>, footprint: &'a mut Footprint) -> Self {
        footprint.text(&text);
        let footprint = Some(footprint);
        Self { text, footprint }
    }

    fn charge<T>(&mut self) {
        if let Some(footprint) = &mut self.footprint {
            footprint.value::<T>();
        }
    }

    fn text<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Fault> {
        self.charge::<V::Value>();
        match self.text {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }
}

/// Whether an integer is spelled as it is printed. If `5`, `05` and `+5` were one key, three members would become
/// one entry, and the last one would win.
fn is_canonical(integer: &str) -> bool {
    let digits = integer.strip_prefix('-').unwrap_or(integer);
    integer == "0" || matches!(digits.as_bytes(), [b'1'..=b'9', ..])
}

macro_rules! parsed {
    ($($method:ident => $visit:ident),*) => {$(
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Fault> {
            match self.text.parse() {
                Ok(number) if is_canonical(&self.text) => {
                    self.charge::<V::Value>();
                    visitor.$visit(number)
                }
                _ => self.text(visitor),
            }
        }
    )*};
}

macro_rules! text {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.text(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Name<'_, 'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Fault> {
        if let Some(footprint) = &mut self.footprint {
            footprint.of_any_kind::<V::Value>(false);
        }
        self.text(visitor)
    }

    text! { deserialize_str deserialize_string deserialize_identifier }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Fault> {
        self.charge::<V::Value>();
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.charge::<V::Value>();
        match self.text {
            Cow::Borrowed(text) => {
                BorrowedStrDeserializer::new(text).deserialize_enum(name, variants, visitor)
            }
            Cow::Owned(text) => {
                let text: StringDeserializer<Fault> = text.into_deserializer();
                text.deserialize_enum(name, variants, visitor)
            }
        }
    }

    parsed! {
        deserialize_i8 => visit_i8, deserialize_i16 => visit_i16, deserialize_i32 => visit_i32,
        deserialize_i64 => visit_i64, deserialize_u8 => visit_u8, deserialize_u16 => visit_u16,
        deserialize_u32 => visit_u32, deserialize_u64 => visit_u64
    }

    serde::forward_to_deserialize_any! {
        bool i128 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct ignored_any
    }
}
