//! The `Authorization` header: [`BearerToken`] out of a request (RFC 6750 §2.1), [`Challenge`] into a response (§3).

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};

/// The text of a bearer token as a client sent it. Nothing about it is believed yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BearerToken<'a>(&'a str);

/// Why a request carries no token to look at.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BearerError {
    /// There is no `Authorization` header, or it is of another scheme.
    #[error("no bearer token was sent")]
    Missing,
    /// The header is not `Bearer` and one token, or there are several headers.
    #[error("the authorization header is malformed")]
    Malformed,
}

impl<'a> BearerToken<'a> {
    /// Takes the token out of the request's one `Authorization` header.
    ///
    /// The scheme is case-insensitive (RFC 9110 §11.1), one or more spaces follow it, and the token must be
    /// of the `b64token` grammar (RFC 6750 §2.1). Two headers are never chosen between: what a proxy
    /// checked could be the one, what we obey the other. Tokens in the query or the body are not looked at.
    ///
    /// # Errors
    /// [`BearerError::Missing`] if there is none, [`BearerError::Malformed`] if what is there can't be one.
    pub fn from_headers(headers: &'a HeaderMap) -> Result<Self, BearerError> {
        let text = text_behind_scheme(authorization(headers)?)?;
        if is_b64token(text) {
            Ok(Self(text))
        } else {
            Err(BearerError::Malformed)
        }
    }

    /// The token as text, to be verified.
    pub fn as_str(&self) -> &'a str {
        self.0
    }
}

/// The request's one `Authorization` header.
pub(crate) fn authorization(headers: &HeaderMap) -> Result<&HeaderValue, BearerError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(BearerError::Missing)?;
    if values.next().is_some() {
        return Err(BearerError::Malformed);
    }
    Ok(value)
}

/// What follows `Bearer`, of whatever letters. A verifier takes no text that is not of the grammar, so whoever asks one at
/// once need not look at each letter.
pub(crate) fn text_behind_scheme(value: &HeaderValue) -> Result<&str, BearerError> {
    let value = value.as_bytes();
    let (scheme, rest) = match value.iter().position(|&byte| byte == b' ') {
        Some(at) => value.split_at(at),
        None => (value, &[][..]),
    };
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Err(BearerError::Missing);
    }
    let text = core::str::from_utf8(rest).map_err(|_| BearerError::Malformed)?;
    Ok(text.trim_start_matches(' ').trim_end_matches([' ', '\t']))
}

/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`
fn is_b64token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().fold(true, |all, byte| all & is_letter(byte))
}

/// Without a branch, so that the compiler looks at many bytes at a time: a token has hundreds.
fn is_letter(byte: u8) -> bool {
    let sign = matches!(byte, b'+' | b'_' | b'~');
    let within =
        |byte: u8, first: u8, last: u8| byte.wrapping_sub(first) <= last.wrapping_sub(first);
    // `-./0123456789` stand in a row; the bit is all that tells `A` to `Z` from `a` to `z`.
    within(byte, b'-', b'9') | within(byte | 0x20, b'a', b'z') | sign
}

impl core::fmt::Debug for BearerToken<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("BearerToken(<redacted>)")
    }
}

/// What a `WWW-Authenticate` header asks of the client (RFC 6750 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Challenge {
    /// `Bearer`: no credentials were sent, so no error is named (§3.1).
    Bare,
    /// `Bearer error="invalid_token"`: expired, revoked, malformed, or not for us.
    InvalidToken,
    /// `Bearer error="insufficient_scope"`: valid, but it does not allow this.
    InsufficientScope,
}

impl Challenge {
    /// The value of the `WWW-Authenticate` header.
    pub fn to_header_value(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Bare => "Bearer",
            Self::InvalidToken => r#"Bearer error="invalid_token""#,
            Self::InsufficientScope => r#"Bearer error="insufficient_scope""#,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::is_letter;

    #[test]
    fn the_letters_of_a_token_are_those_of_rfc_6750_and_no_others() {
        for byte in 0..=u8::MAX {
            let listed = byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
            assert_eq!(is_letter(byte), listed, "{byte}");
        }
    }
}
