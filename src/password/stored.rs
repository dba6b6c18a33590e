//! [`PasswordHash`]: a hash as a store keeps it, and the one strict way to read it.

use super::{HashParams, UnsupportedHash};
use crate::secret::secret_text;
use base64_simd::STANDARD_NO_PAD as BASE64;
use core::ops::RangeInclusive;
use zeroize::Zeroizing;

/// The lengths of a salt accepted, in bytes (RFC 9106 §3.1 asks for 8 at least).
const SALT_BYTES: RangeInclusive<usize> = 8..=64;
/// The lengths of a tag accepted, in bytes. Under 16 a tag could be guessed or found by chance.
const TAG_BYTES: RangeInclusive<usize> = 16..=64;
/// More than any accepted hash has; what is longer is not looked at.
const MAX_CHARS: usize = 256;

secret_text! {
    /// A stored password hash: a PHC string, checked when it is used.
    ///
    /// Wrapping never fails, since a store must be able to hand out whatever it holds: a row that is not
    /// accepted shows up as [`Verdict::Unusable`](super::Verdict::Unusable), not as a broken look-up.
    ///
    /// Accepted is exactly `$argon2id$v=19$m=…,t=…,p=…$salt$tag`: these parameters, in this order, in plain
    /// decimal, within the ceiling of [`HashParams`]; salt (8 to 64 bytes) and tag (16 to 64 bytes) in
    /// unpadded standard base64; and nothing else. A store's content is input: lenient readers take a missing
    /// version for the weak one, or hours of CPU for a parameter.
    pub struct PasswordHash;
}

impl PasswordHash {
    /// Wraps what a store holds.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }

    /// The parameters it was made with.
    ///
    /// # Errors
    /// [`UnsupportedHash`] if the stored text is not accepted, a hash of another scheme included.
    pub fn params(&self) -> Result<HashParams, UnsupportedHash> {
        Stored::parse(self.expose())
            .map(|stored| stored.params)
            .ok_or(UnsupportedHash)
    }
}

/// A stored hash that was read and found acceptable.
pub(super) struct Stored {
    pub(super) params: HashParams,
    pub(super) salt: Vec<u8>,
    pub(super) tag: Zeroizing<Vec<u8>>,
}

impl Stored {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_CHARS {
            return None;
        }
        let text = text.strip_prefix("$argon2id$v=19$m=")?;
        let (memory_kib, text) = text.split_once(",t=")?;
        let (iterations, text) = text.split_once(",p=")?;
        let (parallelism, text) = text.split_once('$')?;
        let (salt, tag) = text.split_once('$')?;
        Some(Self {
            params: HashParams::accepted(
                number(memory_kib)?,
                number(iterations)?,
                number(parallelism)?,
            )?,
            salt: bytes(salt, SALT_BYTES)?,
            tag: bytes(tag, TAG_BYTES)?.into(),
        })
    }

    pub(super) fn into_hash(self) -> PasswordHash {
        let Self { params, salt, tag } = self;
        PasswordHash::from_stored(format!(
            "$argon2id$v=19$m={},t={},p={}${}${}",
            params.memory_kib(),
            params.iterations(),
            params.parallelism(),
            BASE64.encode_to_string(salt),
            BASE64.encode_to_string(&*tag),
        ))
    }
}

/// Reads plain decimal: digits only, no leading zero, so that each number has one spelling.
fn number(text: &str) -> Option<u32> {
    let plain = (1..=7).contains(&text.len())
        && !text.starts_with('0')
        && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

fn bytes(text: &str, lengths: RangeInclusive<usize>) -> Option<Vec<u8>> {
    let bytes = BASE64.decode_to_vec(text).ok()?;
    lengths.contains(&bytes.len()).then_some(bytes)
}
