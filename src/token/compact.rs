//! The three segments of a compact JWS (RFC 7515 §3.1) and strict base64url (§2): one text per token.

use super::error::TokenError;
use base64_simd::{AppendBase64Encode, Out, URL_SAFE_NO_PAD};
use core::mem::MaybeUninit;

/// A token cut into its parts; nothing is decoded.
pub(super) struct Compact<'t> {
    /// `header '.' payload`: what the signature covers, as the token spells it.
    pub(super) signing_input: &'t [u8],
    pub(super) header: &'t [u8],
    pub(super) payload: &'t [u8],
    pub(super) signature: &'t [u8],
}

impl<'t> Compact<'t> {
    /// Cuts at exactly two dots. It looks at each byte at most twice, however many dots there are.
    pub(super) fn split(token: &'t str) -> Result<Self, TokenError> {
        let (signing_input, signature) =
            cut(token.as_bytes(), memchr::memrchr(b'.', token.as_bytes()))?;
        let (header, payload) = cut(signing_input, memchr::memchr(b'.', signing_input))?;
        if memchr::memchr(b'.', payload).is_some() {
            return Err(TokenError::Shape);
        }
        Ok(Self {
            signing_input,
            header,
            payload,
            signature,
        })
    }
}

impl<'t> Compact<'t> {
    /// Cuts behind a header and before a signature of so many characters, if there are dots: sooner than they are looked for. The
    /// payload may have more of them, but then it can't be decoded.
    pub(super) fn cut(token: &'t str, header: usize, signature: usize) -> Option<Self> {
        let token = token.as_bytes();
        let dot = token.len().checked_sub(signature)?.checked_sub(1)?;
        let (signing_input, from_dot) = token.split_at_checked(dot)?;
        let (header, from_first_dot) = signing_input.split_at_checked(header)?;
        let (b'.', payload) = from_first_dot.split_first()? else {
            return None;
        };
        let (b'.', signature) = from_dot.split_first()? else {
            return None;
        };
        Some(Self {
            signing_input,
            header,
            payload,
            signature,
        })
    }

    /// What is wrong with a token that was cut behind a header of this length: that it has another shape, if it
    /// has. The header's dot is not looked for again (70 instructions in `cost`).
    #[cold]
    pub(super) fn fault(token: &'t str, header: usize, otherwise: TokenError) -> TokenError {
        let from_dot = token.as_bytes().get(header..).unwrap_or_default();
        let second = from_dot.split_first().and_then(|(_, behind)| {
            let dot = memchr::memrchr(b'.', behind)?;
            memchr::memchr(b'.', behind).filter(|first| *first == dot)
        });
        second.map_or(TokenError::Shape, |_| otherwise)
    }
}

/// What is wrong with a payload that can't be decoded.
#[cold]
pub(super) fn undecodable(payload: &[u8]) -> TokenError {
    match memchr::memchr(b'.', payload) {
        Some(_) => TokenError::Shape,
        None => TokenError::Payload,
    }
}

/// A token's header, up to its first dot.
pub(super) fn header(token: &str) -> Option<&[u8]> {
    let token = token.as_bytes();
    token.get(..memchr::memchr(b'.', token)?)
}

fn cut(bytes: &[u8], dot: Option<usize>) -> Result<(&[u8], &[u8]), TokenError> {
    let (before, from_dot) = dot
        .and_then(|at| bytes.split_at_checked(at))
        .ok_or(TokenError::Shape)?;
    let (_, after) = from_dot.split_first().ok_or(TokenError::Shape)?;
    Ok((before, after))
}

/// Decodes base64url without padding; refuses white space, `=`, the standard alphabet and stray trailing bits.
///
/// The buffer need not be cleared: only what was written is given back.
pub(super) fn decode<'b>(text: &[u8], buffer: &'b mut [MaybeUninit<u8>]) -> Option<&'b [u8]> {
    // The decoder panics on a buffer that is too small: a text of n characters has at most 3n/4 bytes.
    if decoded_len(text)? > buffer.len() {
        return None;
    }
    URL_SAFE_NO_PAD
        .decode(text, Out::from_uninit_slice(buffer))
        .ok()
        .map(|bytes| &*bytes)
}

/// Decodes in the place of what `bytes` holds, under the same rules.
pub(super) fn decode_over<'b>(text: &[u8], bytes: &'b mut Vec<u8>) -> Option<&'b [u8]> {
    bytes.clear();
    URL_SAFE_NO_PAD.decode_append(text, bytes).ok()?;
    Some(bytes)
}

/// Decodes into a new vector, under the same rules.
pub(super) fn decode_to_vec(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode_to_vec(text).ok()
}

/// How many bytes a text stands for; `None` if no base64url text has its length.
pub(super) fn decoded_len(text: &[u8]) -> Option<usize> {
    let (groups, rest) = (text.len().checked_div(4)?, text.len().checked_rem(4)?);
    let tail = match rest {
        0 => 0,
        2 => 1,
        3 => 2,
        _ => return None,
    };
    groups.checked_mul(3)?.checked_add(tail)
}

/// Encodes without padding.
pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

/// Encodes without padding, behind what `text` holds.
pub(super) fn encode_onto<T: AppendBase64Encode>(bytes: &[u8], text: &mut T) {
    URL_SAFE_NO_PAD.encode_append(bytes, text);
}

/// How many characters so many bytes take.
pub(super) fn encoded_len(bytes: usize) -> usize {
    bytes.saturating_mul(4).div_ceil(3)
}

#[cfg(test)]
mod tests {
    use super::{Compact, header};
    use crate::token::error::TokenError;

    #[test]
    fn a_fault_is_one_of_shape_exactly_if_the_token_cannot_be_split() {
        for token in [
            "a.", "a..", "a.b", "a.b.", "a.b.c", "a..c", ".b.c", "..", "...", "a.b.c.", "a.b.c.d",
            "a..b.c",
        ] {
            let fault = Compact::fault(token, header(token).unwrap().len(), TokenError::Signature);
            let split = Compact::split(token).err().unwrap_or(TokenError::Signature);
            assert_eq!(fault, split, "{token}");
        }
    }
}
