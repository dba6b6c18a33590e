//! Every value below the outermost object, for whatever type the application reads it into.

use super::footprint::Slots;
use super::members::Members;
use super::name::Name;
use super::number::Number;
use super::reader::{Fault, Reader};
use crate::token::error::TokenError;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, SeqAccess, VariantAccess, Visitor};
use std::borrow::Cow;

/// The value the reader stands before.
pub(super) struct Value<'a, 'de> {
    reader: &'a mut Reader<'de>,
}

/// `serde_json`'s raw values would keep text that nobody has checked for duplicates.
pub(super) fn refuse_raw(name: &str, reader: &mut Reader<'_>) -> Result<(), Fault> {
    if name.starts_with("$serde_json::private::RawValue") {
        return Err(reader.refuse(TokenError::OwnClaims));
    }
    Ok(())
}

impl<'a, 'de> Value<'a, 'de> {
    pub(super) fn of(reader: &'a mut Reader<'de>) -> Self {
        Self { reader }
    }

    fn text<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let text = self.reader.text()?;
        self.visit_text(text, visitor)
    }

    fn visit_text<V: Visitor<'de>>(
        self,
        text: Cow<'de, str>,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.reader.footprint.text(&text);
        match text {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn map<V: Visitor<'de>>(self, visitor: V, slots: Slots) -> Result<V::Value, Fault> {
        let mut members = Members::open(self.reader, slots)?;
        let value = visitor.visit_map(&mut members)?;
        members.end()?;
        Ok(value)
    }

    fn seq<V: Visitor<'de>>(self, visitor: V, slots: Slots) -> Result<V::Value, Fault> {
        let mut items = Items {
            depth: self.reader.open(b'[')?,
            reader: self.reader,
            slots,
            first: true,
            ended: false,
        };
        let value = visitor.visit_seq(&mut items)?;
        // A pair takes two items and does not look for a third.
        if items.next()? {
            return Err(Fault::Unfit);
        }
        Ok(value)
    }

    fn number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.reader.finite_number()? {
            Number::Natural(number) => visitor.visit_u64(number),
            Number::Negative(number) => visitor.visit_i64(number),
            Number::Float(number) => visitor.visit_f64(number),
        }
    }
}

impl<'de> Value<'_, 'de> {
    /// Reads a value of any kind; the visitor refuses those that its type cannot take.
    fn present<V: Visitor<'de>>(self, visitor: V, slots: Slots) -> Result<V::Value, Fault> {
        self.reader.footprint.value::<V::Value>();
        match self.reader.peek() {
            Some(b'"') => self.text(visitor),
            Some(b'{') => self.map(visitor, slots),
            Some(b'[') => self.seq(visitor, slots),
            Some(b't') => {
                self.reader.word("true")?;
                visitor.visit_bool(true)
            }
            Some(b'f') => {
                self.reader.word("false")?;
                visitor.visit_bool(false)
            }
            Some(b'n') => {
                self.reader.word("null")?;
                visitor.visit_unit()
            }
            _ => self.number(visitor),
        }
    }
}

/// Types that name the kind of value they are read from.
macro_rules! read_as {
    ($slots:ident: $($method:ident($($argument:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $(_: $argument,)* visitor: V) -> Result<V::Value, Fault> {
            self.present(visitor, Slots::$slots)
        }
    )*};
}

impl<'de> Deserializer<'de> for Value<'_, 'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let is_composite = matches!(self.reader.peek(), Some(b'{' | b'['));
        self.reader.footprint.of_any_kind::<V::Value>(is_composite);
        self.present(visitor, Slots::COLLECTION)
    }

    /// What is ignored is read all the same: skipping would overlook duplicates and lone surrogates.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.reader.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        // Looking for the quote before the text is read would cost 45 instructions a text in `cost`.
        match self.reader.text() {
            Ok(text) => {
                self.reader.footprint.value::<V::Value>();
                self.visit_text(text, visitor)
            }
            // No text, and left alone.
            Err(Fault::Unfit) => self.present(visitor, Slots::COLLECTION),
            Err(refused) => Err(refused),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.reader.footprint.value::<V::Value>();
        if self.reader.peek() == Some(b'n') {
            self.reader.word("null")?;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    /// Only from an object: most readers would also fill a struct from an array, by position.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.reader.footprint.value::<V::Value>();
        if self.reader.peek() == Some(b'{') {
            self.map(visitor, Slots::NONE)
        } else {
            Err(Fault::Unfit)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        refuse_raw(name, self.reader)?;
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.reader.footprint.value::<V::Value>();
        match self.reader.peek() {
            Some(b'"') => Name::new(self.reader.text()?).deserialize_enum(name, variants, visitor),
            Some(b'{') => {
                let mut members = Members::open(self.reader, Slots::NONE)?;
                let value = visitor.visit_enum(Variant {
                    members: &mut members,
                })?;
                members.end()?;
                Ok(value)
            }
            _ => Err(Fault::Unfit),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.reader.footprint.value::<V::Value>();
        match self.reader.number_text()?.parse() {
            Ok(number) => visitor.visit_u128(number),
            Err(_) => Err(Fault::Unfit),
        }
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.reader.footprint.value::<V::Value>();
        match self.reader.number_text()?.parse() {
            Ok(number) => visitor.visit_i128(number),
            Err(_) => Err(Fault::Unfit),
        }
    }

    read_as! { NONE: deserialize_tuple(usize) deserialize_tuple_struct(&'static str, usize) }

    read_as! { COLLECTION:
        deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64()
        deserialize_f32() deserialize_f64() deserialize_char() deserialize_bytes()
        deserialize_byte_buf() deserialize_unit() deserialize_unit_struct(&'static str)
        deserialize_seq() deserialize_map() deserialize_identifier()
    }
}

/// An array that is being read.
struct Items<'a, 'de> {
    reader: &'a mut Reader<'de>,
    slots: Slots,
    depth: u8,
    first: bool,
    ended: bool,
}

impl Items<'_, '_> {
    fn next(&mut self) -> Result<bool, Fault> {
        if self.ended || !self.reader.next_at(self.depth, self.first, b']')? {
            self.ended = true;
            return Ok(false);
        }
        self.first = false;
        Ok(true)
    }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        if !self.next()? {
            return Ok(None);
        }
        self.reader.footprint.room::<S::Value>(self.slots);
        self.slots.advance();
        seed.deserialize(Value::of(self.reader)).map(Some)
    }
}

/// A variant of an enum with its content: an object of one member.
struct Variant<'m, 'a, 'de> {
    members: &'m mut Members<'a, 'de>,
}

impl<'de> EnumAccess<'de> for Variant<'_, '_, 'de> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Fault> {
        let name = self.members.next_name()?.ok_or(Fault::Unfit)?;
        Ok((seed.deserialize(Name::new(name))?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, '_, 'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        serde::Deserialize::deserialize(Value::of(self.members.reader))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(Value::of(self.members.reader))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        Value::of(self.members.reader).deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        Value::of(self.members.reader).deserialize_struct("", fields, visitor)
    }
}
