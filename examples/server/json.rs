//! Reads a JSON object as `FastAPI`'s clients expect it to be read, refusal by refusal, without echoing a byte of it.

use crate::body::{UNREADABLE, content_type};
use crate::error::{ApiError, Place, Problem};
use axum::http::HeaderMap;
use core::fmt;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;

/// How deep arrays and objects may nest.
const MAX_DEPTH: usize = 128;

/// A JSON object. Of its values only texts are kept: no field here is anything else.
#[derive(Debug)]
pub(crate) struct Object(BTreeMap<String, Value>);

/// A value as far as it matters here.
#[derive(PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Null,
    Other,
}

/// The text may be a password.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text(<hidden>)",
            Self::Null => "Null",
            Self::Other => "Other",
        })
    }
}

impl Object {
    /// Takes a field out; `None` if it is absent. Of a key given twice the last value counts.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// Whether the field is there, with whatever value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// Reads the one JSON object a body consists of.
///
/// An array is never taken for an object, though serde would fill a struct from one by position.
pub(crate) fn object(headers: &HeaderMap, body: &[u8]) -> Result<Object, ApiError> {
    let content_type = content_type(headers)?;
    if body.is_empty() {
        return Err(Problem::no_body().into());
    }
    if !is_json(content_type) {
        return Err(not_an_object());
    }
    let text = core::str::from_utf8(body).map_err(|_| ApiError::BadRequest(UNREADABLE))?;
    let (text, skipped) = match text.strip_prefix('\u{feff}') {
        Some(rest) => (rest, '\u{feff}'.len_utf8()),
        None => (text, 0),
    };
    if depth(text) > MAX_DEPTH {
        return Err(ApiError::BadRequest(UNREADABLE));
    }
    match serde_json::from_str::<Top>(text) {
        Ok(Top(Some(object))) => Ok(object),
        Ok(Top(None)) => Err(not_an_object()),
        Err(error) => {
            let offset = offset(text, &error).saturating_add(skipped);
            let loc = [Place::Name("body"), Place::Offset(offset)];
            Err(Problem::new("json_invalid", loc, "JSON decode error")
                .context(serde_json::json!({ "error": reason(&error) }))
                .into())
        }
    }
}

fn not_an_object() -> ApiError {
    let msg = "Input should be a valid dictionary or object to extract fields from";
    Problem::new("model_attributes_type", [Place::Name("body")], msg).into()
}

/// `application/json` or `application/...+json`, in any case, with any parameters.
fn is_json(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default();
    let media = media.trim().to_ascii_lowercase();
    media
        .strip_prefix("application/")
        .is_some_and(|kind| kind == "json" || kind.ends_with("+json"))
}

/// How deep the text nests. It need not be valid: it is measured before it is parsed.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth = depth.saturating_add(1);
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Where the parser stopped, in bytes from the start.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let lines_before = error.line().saturating_sub(1);
    let line_start: usize = text
        .split_inclusive('\n')
        .take(lines_before)
        .map(str::len)
        .sum();
    // Columns count from 1, except that the end of the text is told by the last byte before it.
    let within = if error.is_eof() {
        error.column()
    } else {
        error.column().saturating_sub(1)
    };
    line_start.saturating_add(within).min(text.len())
}

/// The parser's reason without the position, which `loc` has. Its texts never quote the input.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}

/// The whole document: an object, or something else.
struct Top(Option<Object>);

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TopVisitor).map(Self)
    }
}

struct TopVisitor;

impl<'de> Visitor<'de> for TopVisitor {
    type Value = Option<Object>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            fields.insert(name, value);
        }
        Ok(Some(Object(fields)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        ValueVisitor.visit_seq(seq).map(|_| None)
    }
    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Other)
    }
    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Other)
    }
    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Other)
    }
    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Other)
    }
    // What nests is skipped, not built: 64 KiB of brackets cost no memory.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
}
