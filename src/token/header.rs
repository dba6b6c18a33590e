//! The JOSE header (RFC 7515 §4): what is read of it, and what is refused for standing in it.

use super::compact;
use super::error::TokenError;
use super::strict::{self, Fault, Reader, Tap};
use core::mem::MaybeUninit;
use std::borrow::Cow;

/// The longest header decoded, in bytes. Those of the field stay under 200.
const MAX_HEADER_BYTES: usize = 1536;

/// The most member names in a header, nested objects included. Issuers write 2 to 5. The header is read before the
/// signature is checked, and reading 130 names would cost five times as much as an HMAC.
const MAX_HEADER_NAMES: usize = 32;

/// Parameters that would change what is verified or with which key. None is supported, our issuer emits
/// none, and ignoring one would be obeying an attacker: see CVE-2018-0114 for `jwk`, RFC 7515 §4.1.11 for `crit`.
const REFUSED: [&str; 11] = [
    "crit", "b64", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "zip", "enc", "cty",
];

/// What a header says, unbelieved.
#[derive(Default)]
pub(super) struct Header<'h> {
    pub(super) alg: Option<Cow<'h, str>>,
    pub(super) typ: Option<Cow<'h, str>>,
    pub(super) kid: Option<Cow<'h, str>>,
}

impl<'de> Tap<'de> for Header<'de> {
    const MAX_NAMES: Option<usize> = Some(MAX_HEADER_NAMES);

    fn take(&mut self, name: &str, reader: &mut Reader<'de>) -> Result<bool, Fault> {
        let field = match name {
            "alg" => &mut self.alg,
            "typ" => &mut self.typ,
            "kid" => &mut self.kid,
            refused if REFUSED.contains(&refused) => {
                return Err(reader.refuse(TokenError::HeaderParameter));
            }
            // RFC 7515 §4: parameters that are not understood are ignored.
            _ => return Ok(false),
        };
        match reader.text() {
            Ok(text) => *field = Some(text),
            Err(_) => return Err(reader.refuse(TokenError::Header)),
        }
        Ok(true)
    }
}

impl Header<'_> {
    /// Reads a header's base64url segment and hands it to `judge`.
    pub(super) fn read<R>(
        segment: &[u8],
        judge: impl FnOnce(&Header<'_>) -> Result<R, TokenError>,
    ) -> Result<R, TokenError> {
        let mut buffer = [const { MaybeUninit::uninit() }; MAX_HEADER_BYTES];
        let json = compact::decode(segment, &mut buffer).ok_or(TokenError::Header)?;
        let json = core::str::from_utf8(json).map_err(|_| TokenError::Header)?;
        let mut header = Header::default();
        strict::object::<(), _>(json, &mut header, TokenError::Header)?;
        judge(&header)
    }
}

/// Whether a header's `typ` names the media type `expected`: `application/` may be left out, letter case does
/// not count (RFC 7515 §4.1.9, RFC 8725 §3.11).
pub(super) fn is_type(typ: &str, expected: &str) -> bool {
    const PREFIX: &str = "application/";
    let subtype = match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
        _ => typ,
    };
    subtype.eq_ignore_ascii_case(expected)
}

/// The header our issuer writes, in base64url: `alg`, `typ`, and `kid` if the key has one.
pub(super) fn encode(algorithm: &str, typ: &str, kid: Option<&str>) -> String {
    let typ = serde_json::Value::from(typ);
    let kid = kid
        .map(|kid| format!(r#","kid":{}"#, serde_json::Value::from(kid)))
        .unwrap_or_default();
    compact::encode(format!(r#"{{"alg":"{algorithm}","typ":{typ}{kid}}}"#).as_bytes())
}
