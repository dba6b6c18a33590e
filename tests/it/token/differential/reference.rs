//! A verifier of one kind of token, written to be seen to be right: everything is decoded, copied and compared, nothing
//! is remembered or skipped.

use super::super::forge::{NOW, SECRET};
use aws_lc_rs::hmac;
use regex_syntax::hir::{Class, Hir, HirKind};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

/// What an accepted token says.
#[derive(Debug, PartialEq)]
pub(super) struct Told {
    pub(super) subject: String,
    pub(super) token_id: Option<String>,
    pub(super) issued_at: f64,
    pub(super) expires_at: f64,
    pub(super) epoch: u64,
    pub(super) extra: Value,
}

pub(super) fn verify(token: &str) -> Option<Told> {
    if token.len() > 8192 {
        return None;
    }
    let segments: Vec<_> = token.split('.').collect();
    let [header, payload, signature] = segments.as_slice() else {
        return None;
    };
    let mut header = object(&decode(header)?)?;
    for refused in [
        "crit", "b64", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "zip", "enc", "cty",
    ] {
        if header.contains_key(refused) {
            return None;
        }
    }
    let typ = text(header.remove("typ")?)?.to_ascii_lowercase();
    let alg = text(header.remove("alg")?)?;
    let kid = header.remove("kid").map_or(Some("k1".into()), text)?;
    if typ.strip_prefix("application/").unwrap_or(&typ) != "at+jwt" || alg != "HS256" || kid != "k1"
    {
        return None;
    }
    let input = token.rsplit_once('.')?.0;
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    hmac::verify(&key, input.as_bytes(), &decode(signature)?).ok()?;
    claims(object(&decode(payload)?)?)
}

/// Whether a text has a character that does not show.
fn hides(text: &str) -> bool {
    static HIDDEN: LazyLock<Hir> = LazyLock::new(|| {
        let class = r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\x{115f}\x{1160}\x{2800}\x{3164}\x{ffa0}]";
        regex_syntax::parse(class).unwrap()
    });
    let HirKind::Class(Class::Unicode(class)) = HIDDEN.kind() else {
        return true;
    };
    let is_hidden = |c: char| {
        class
            .iter()
            .any(|range| (range.start()..=range.end()).contains(&c))
    };
    text.chars().any(is_hidden)
}

fn claims(mut claims: Map<String, Value>) -> Option<Told> {
    let mut take = |name: &str| claims.remove(name);
    let (issuer, audience) = (text(take("iss")?)?, take("aud")?);
    let audience = match audience {
        Value::Array(items) => items.into_iter().map(text).collect::<Option<Vec<_>>>()?,
        one => vec![text(one)?],
    };
    let subject = text(take("sub")?)?;
    let expires_at = time(take("exp")?)?;
    let issued_at = time(take("iat")?)?;
    let not_before = take("nbf").map_or(Some(0.0), time)?;
    let token_id = text(take("jti")?)?;
    let epoch = match take("epoch") {
        Some(epoch) => epoch.as_u64()?,
        None => 0,
    };
    let now = Duration::from_secs(NOW).as_secs_f64();
    let subject_fits = (1..=255).contains(&subject.chars().count())
        && subject.trim() == subject
        && !hides(&subject);
    let id_fits = (1..=255).contains(&token_id.chars().count())
        && token_id.trim() == token_id
        && !hides(&token_id);
    let holds = issuer == "https://issuer.example"
        && audience.iter().any(|audience| audience == "api")
        && subject_fits
        && id_fits
        && now < expires_at
        && not_before <= now + 5.0
        && issued_at <= now + 5.0
        && (0.0..=86_400.0).contains(&(expires_at - issued_at));
    holds.then_some(Told {
        subject,
        token_id: Some(token_id),
        issued_at,
        expires_at,
        epoch,
        extra: Value::Object(claims),
    })
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn time(value: Value) -> Option<f64> {
    match value {
        Value::Number(number) if number.is_u64() => number.as_f64(),
        Value::Number(number) if number.is_f64() => number
            .as_f64()
            .filter(|seconds| (0.0..9_007_199_254_740_992.0).contains(seconds)),
        _ => None,
    }
}

/// Base64url, bit by bit.
fn decode(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = Vec::new();
    let (mut pending, mut bits) = (0_u32, 0_u32);
    for letter in text.chars() {
        let value = u32::try_from(ALPHABET.find(letter)?).unwrap();
        pending = (pending << 6 | value) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((pending >> bits).to_le_bytes()[0]);
        }
    }
    // A lone character is no byte, and bits left over must be none.
    (bits < 6 && pending & ((1 << bits) - 1) == 0).then_some(bytes)
}

fn object(json: &[u8]) -> Option<Map<String, Value>> {
    let tree: Tree = serde_json::from_str(std::str::from_utf8(json).ok()?).ok()?;
    match tree.into_value(1)? {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// JSON with everything that was written, repeated names too.
enum Tree {
    Leaf(Value),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl Tree {
    fn into_value(self, depth: u8) -> Option<Value> {
        match self {
            Self::Leaf(value) => Some(value),
            _ if depth > 32 => None,
            Self::Array(items) => items
                .into_iter()
                .map(|item| item.into_value(depth + 1))
                .collect::<Option<_>>()
                .map(Value::Array),
            Self::Object(members) => {
                let mut map = Map::new();
                for (name, value) in members {
                    if map.insert(name, value.into_value(depth + 1)?).is_some() {
                        return None;
                    }
                }
                Some(Value::Object(map))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Tree;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("json")
            }
            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Leaf(Value::Null))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
                Ok(Tree::Leaf(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
                Ok(Tree::Leaf(value.into()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
                Ok(Tree::Leaf(value.into()))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Tree, E> {
                let number = Number::from_f64(value).ok_or(E::custom("no number"))?;
                Ok(Tree::Leaf(Value::Number(number)))
            }
            fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
                Ok(Tree::Leaf(value.into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Tree::Array(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Tree::Object(members))
            }
        }
        deserializer.deserialize_any(Any)
    }
}
