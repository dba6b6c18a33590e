//! The application's own claims, written behind the registered ones.
//!
//! Nearly always they are a struct of texts and numbers, and its fields can be checked as they are written. Whatever else
//! serializes as an object is written by `serde_json` and read back, strictly, before it is signed.

use super::{write, write_text};
use crate::token::error::{IssueError, TokenError};
use crate::token::registered::RESERVED;
use crate::token::strict::{self, Fault, Names, Reader, Tap};
use core::fmt;
use serde::Serialize;
use serde::ser::{self, Impossible, SerializeStruct, Serializer};
use std::borrow::Cow;

/// Writes the members of `extra` behind those that `json` has.
pub(super) fn append<E: Serialize>(json: &mut Vec<u8>, extra: &E) -> Result<(), IssueError> {
    let start = json.len();
    let outermost = true;
    if extra.serialize(Plain { json, outermost }).is_ok() {
        return Ok(());
    }
    json.truncate(start);
    write(json, extra)?;
    let own = json.get(start..).unwrap_or_default();
    if own == b"null" || own == b"{}" {
        json.truncate(start);
        return Ok(());
    }
    // Read back before it is signed: whatever the type's own code wrote, no claim of ours may stand there twice.
    let text =
        core::str::from_utf8(own).map_err(|_| IssueError::new("the own claims are not utf-8"))?;
    strict::object::<(), _>(text, &mut Own, TokenError::OwnClaims).map_err(|_| {
        IssueError::new("the own claims must be an object without registered or repeated names")
    })?;
    // Its closing brace becomes the whole payload's, its opening one the comma before its first member.
    json.pop();
    if let Some(brace) = json.get_mut(start) {
        *brace = b',';
    }
    Ok(())
}

/// Refuses the names that are not the application's to give.
struct Own;

impl<'de> Tap<'de> for Own {
    fn take(&mut self, name: &str, reader: &mut Reader<'de>) -> Result<bool, Fault> {
        if RESERVED.contains(&name) {
            return Err(reader.refuse(TokenError::OwnClaims));
        }
        Ok(false)
    }
}

/// Writes a struct of scalars, and gives up on everything else.
struct Plain<'a> {
    json: &'a mut Vec<u8>,
    outermost: bool,
}

/// Not a struct of scalars, or one with a name that can't be: the other way will do it, or say what is wrong.
#[derive(Debug)]
struct Other;

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no struct of scalars")
    }
}

impl core::error::Error for Other {}

impl ser::Error for Other {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl Plain<'_> {
    fn scalar<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Other> {
        if self.outermost {
            return Err(Other);
        }
        write(self.json, value).map_err(|_| Other)
    }

    fn text(self, text: &str) -> Result<(), Other> {
        if self.outermost {
            return Err(Other);
        }
        write_text(self.json, text).map_err(|_| Other)
    }
}

macro_rules! scalars {
    ($($method:ident: $kind:ty),*) => {$(
        fn $method(self, value: $kind) -> Result<(), Other> {
            self.scalar(&value)
        }
    )*};
}

/// For what gives way to the other way.
macro_rules! others {
    ($($method:ident($($argument:ty),*) -> $made:ty),*) => {$(
        fn $method(self, $(_: $argument),*) -> Result<$made, Other> {
            Err(Other)
        }
    )*};
}

type No = Impossible<(), Other>;

impl<'a> Serializer for Plain<'a> {
    type Ok = ();
    type Error = Other;
    type SerializeSeq = No;
    type SerializeTuple = No;
    type SerializeTupleStruct = No;
    type SerializeTupleVariant = No;
    type SerializeMap = No;
    type SerializeStruct = Fields<'a>;
    type SerializeStructVariant = No;

    scalars! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64
    }

    fn serialize_str(self, text: &str) -> Result<(), Other> {
        self.text(text)
    }

    fn serialize_unit_variant(self, _: &str, _: u32, variant: &str) -> Result<(), Other> {
        self.text(variant)
    }

    fn serialize_none(self) -> Result<(), Other> {
        self.scalar(&())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Other> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Other> {
        value.serialize(self)
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields<'a>, Other> {
        // By such a name a type of `serde_json` asks to be written otherwise.
        if !self.outermost || name.starts_with('$') {
            return Err(Other);
        }
        Ok(Fields {
            json: self.json,
            names: Names::default(),
            whole: true,
        })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Other> {
        Err(Other)
    }

    others! {
        serialize_f32(f32) -> (), serialize_f64(f64) -> (), serialize_char(char) -> (), serialize_bytes(&[u8]) -> (),
        serialize_unit() -> (), serialize_unit_struct(&'static str) -> (),
        serialize_seq(Option<usize>) -> No, serialize_tuple(usize) -> No,
        serialize_tuple_struct(&'static str, usize) -> No,
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> No,
        serialize_map(Option<usize>) -> No,
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> No
    }
}

/// The fields of the outermost struct.
struct Fields<'a> {
    json: &'a mut Vec<u8>,
    names: Names<'static>,
    /// Whether every field was written: a careless implementation of `Serialize` could swallow an error.
    whole: bool,
}

impl Fields<'_> {
    fn write<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Other> {
        if RESERVED.contains(&name) || !self.names.insert(&Cow::Borrowed(name)) {
            return Err(Other);
        }
        let json = &mut *self.json;
        json.push(b',');
        write_text(json, name).map_err(|_| Other)?;
        json.push(b':');
        let outermost = false;
        value.serialize(Plain { json, outermost })
    }
}

impl SerializeStruct for Fields<'_> {
    type Ok = ();
    type Error = Other;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Other> {
        let written = self.write(name, value);
        self.whole &= written.is_ok();
        written
    }

    fn end(self) -> Result<(), Other> {
        if self.whole { Ok(()) } else { Err(Other) }
    }
}
