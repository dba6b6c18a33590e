//! Every value below the outermost object: the same type hints as without us, but strict inside.

use super::members::{Members, deeper};
use super::{Breach, Untapped, refuse};
use crate::token::error::TokenError;
use core::fmt;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

/// Makes whatever a seed reads strict.
pub(super) struct Seed<'a, S> {
    pub(super) of: S,
    pub(super) breach: &'a Breach,
    pub(super) depth: u8,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Seed<'_, S> {
    type Value = S::Value;
    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        self.of.deserialize(Strict {
            inner,
            breach: self.breach,
            depth: self.depth,
        })
    }
}

/// `serde_json`'s raw values would keep text that nobody has checked for duplicates.
pub(super) fn refuse_raw<E: Error>(name: &str, breach: &Breach) -> Result<(), E> {
    if name.starts_with("$serde_json::private::RawValue") {
        return Err(refuse(breach, TokenError::OwnClaims));
    }
    Ok(())
}

/// A value whose objects are strict.
struct Strict<'a, D> {
    inner: D,
    breach: &'a Breach,
    depth: u8,
}

impl<'a, D> Strict<'a, D> {
    fn split<V>(self, visitor: V) -> (D, Watch<'a, V>) {
        (
            self.inner,
            Watch {
                visitor,
                breach: self.breach,
                depth: self.depth,
            },
        )
    }
}

macro_rules! pass_on {
    ($($method:ident),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            let (inner, watch) = self.split(visitor);
            inner.$method(watch)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<'_, D> {
    type Error = D::Error;

    pass_on! {
        deserialize_any, deserialize_bool, deserialize_i8, deserialize_i16, deserialize_i32, deserialize_i64,
        deserialize_i128, deserialize_u8, deserialize_u16, deserialize_u32, deserialize_u64, deserialize_u128,
        deserialize_f32, deserialize_f64, deserialize_char, deserialize_str, deserialize_string,
        deserialize_bytes, deserialize_byte_buf, deserialize_option, deserialize_unit, deserialize_seq,
        deserialize_map, deserialize_identifier
    }

    /// What is ignored is read all the same: skipping would overlook duplicates and lone surrogates.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.deserialize_any(visitor)
    }

    /// As a map: `serde_json` would also fill a struct from an array, by position.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        refuse_raw(name, self.breach)?;
        let (inner, watch) = self.split(visitor);
        inner.deserialize_newtype_struct(name, watch)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let (inner, watch) = self.split(visitor);
        inner.deserialize_unit_struct(name, watch)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let (inner, watch) = self.split(visitor);
        inner.deserialize_tuple(len, watch)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let (inner, watch) = self.split(visitor);
        inner.deserialize_tuple_struct(name, len, watch)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let (inner, watch) = self.split(visitor);
        inner.deserialize_enum(name, variants, watch)
    }
}

/// Stands between the parser and a visitor: scalars pass, what has an inside is wrapped.
struct Watch<'a, V> {
    visitor: V,
    breach: &'a Breach,
    depth: u8,
}

macro_rules! scalars {
    ($($method:ident: $type:ty),*) => {$(
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.visitor.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Watch<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    scalars! {
        visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128, visit_f64: f64,
        visit_str: &str, visit_borrowed_str: &'de str, visit_string: String,
        visit_bytes: &[u8], visit_borrowed_bytes: &'de [u8], visit_byte_buf: Vec<u8>
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(Strict {
            inner,
            breach: self.breach,
            depth: self.depth,
        })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(Strict {
            inner,
            breach: self.breach,
            depth: self.depth,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        let depth = deeper(self.depth, self.breach)?;
        self.visitor.visit_seq(Items {
            inner: items,
            breach: self.breach,
            depth,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let depth = deeper(self.depth, self.breach)?;
        self.visitor
            .visit_map(Members::new(map, &mut Untapped, self.breach, depth))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let depth = deeper(self.depth, self.breach)?;
        self.visitor.visit_enum(Variant {
            inner,
            breach: self.breach,
            depth,
        })
    }
}

struct Items<'a, A> {
    inner: A,
    breach: &'a Breach,
    depth: u8,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Items<'_, A> {
    type Error = A::Error;
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_element_seed(Seed {
            of: seed,
            breach: self.breach,
            depth: self.depth,
        })
    }
    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// A variant of an enum and its content.
struct Variant<'a, A> {
    inner: A,
    breach: &'a Breach,
    depth: u8,
}

impl<'a, 'de, A: EnumAccess<'de>> EnumAccess<'de> for Variant<'a, A> {
    type Error = A::Error;
    type Variant = Variant<'a, A::Variant>;
    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let Self {
            inner,
            breach,
            depth,
        } = self;
        let (name, inner) = inner.variant_seed(seed)?;
        Ok((
            name,
            Variant {
                inner,
                breach,
                depth,
            },
        ))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Variant<'_, A> {
    type Error = A::Error;
    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.newtype_variant_seed(Seed {
            of: seed,
            breach: self.breach,
            depth: self.depth,
        })
    }
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.inner.tuple_variant(
            len,
            Watch {
                visitor,
                breach: self.breach,
                depth: self.depth,
            },
        )
    }
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.inner.struct_variant(
            fields,
            Watch {
                visitor,
                breach: self.breach,
                depth: self.depth,
            },
        )
    }
}
