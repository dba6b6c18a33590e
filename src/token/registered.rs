//! The rules of the registered claims (RFC 7519 §4.1), one function each, fed while the payload is read.

use super::claims::BorrowedClaims;
use super::error::TokenError;
use super::strict::{self, Fault, Measured, Number, Reader, Tap};
use crate::user::{Identifier, is_identifier};
use core::time::Duration;
use std::borrow::Cow;
use std::time::UNIX_EPOCH;

/// What a verifier compares claims with.
pub(super) struct Expected<'v> {
    pub(super) issuer: &'v str,
    pub(super) audience: &'v str,
    pub(super) leeway: Leeway,
    /// Whether a token without `jti` is refused.
    pub(super) requires_id: bool,
    pub(super) max_lifetime: Duration,
    pub(super) now: Duration,
}

/// How far the clocks of issuer and verifier may differ, by claim.
#[derive(Clone, Copy)]
pub(super) struct Leeway {
    pub(super) exp: Duration,
    pub(super) nbf_iat: Duration,
}

/// The names that belong to the registered claims and to this crate; applications can't use them for their own.
pub(super) const RESERVED: [&str; 8] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "epoch"];

/// The registered claims as they pass by while the payload is read.
pub(super) struct Registered<'de, 'v> {
    expected: &'v Expected<'v>,
    issuer: Option<bool>,
    audience: Option<bool>,
    subject: Option<Cow<'de, str>>,
    token_id: Option<Cow<'de, str>>,
    expires_at: Option<Duration>,
    not_before: Option<Duration>,
    issued_at: Option<Duration>,
    epoch: u64,
}

impl<'de, 'v> Registered<'de, 'v> {
    /// Reads a payload: the registered claims are judged, the rest becomes `E`, and `keep` makes of both what the
    /// caller wants. A result with all claims would be copied twice on its way there (58 instructions in `cost`).
    #[inline]
    pub(super) fn read<E: serde::Deserialize<'de>, K>(
        json: &'de str,
        expected: &'v Expected<'v>,
        keep: impl FnOnce(BorrowedClaims<'de, E>) -> Result<K, TokenError>,
    ) -> Result<K, TokenError> {
        let mut registered = Self {
            expected,
            issuer: None,
            audience: None,
            subject: None,
            token_id: None,
            expires_at: None,
            not_before: None,
            issued_at: None,
            epoch: 0,
        };
        let extra = strict::object(json, &mut registered, TokenError::Payload)?;
        registered.judge(extra, keep)
    }

    #[inline]
    fn judge<E, K>(
        self,
        extra: Measured<E>,
        keep: impl FnOnce(BorrowedClaims<'de, E>) -> Result<K, TokenError>,
    ) -> Result<K, TokenError> {
        let expected = self.expected;
        let expires_at = self.expires_at.ok_or(TokenError::MissingClaim("exp"))?;
        let issued_at = self.issued_at.ok_or(TokenError::MissingClaim("iat"))?;
        expiry(expires_at, expected)?;
        not_before(self.not_before, expected)?;
        issue_time(issued_at, expected)?;
        lifetime(issued_at, expires_at, expected)?;
        present_and_equal(self.issuer, "iss", TokenError::Issuer)?;
        present_and_equal(self.audience, "aud", TokenError::Audience)?;
        let subject = self.subject.ok_or(TokenError::MissingClaim("sub"))?;
        let subject = Identifier::new(subject).ok_or(TokenError::Claim("sub"))?;
        token_id(self.token_id.as_deref(), expected)?;
        keep(BorrowedClaims {
            subject,
            token_id: self.token_id,
            issued_at,
            expires_at,
            not_before: self.not_before.unwrap_or_default(),
            epoch: self.epoch,
            extra: extra.value,
            extra_bytes: extra.bytes,
        })
    }
}

// The rules are inlined: an error is so large that calls would hand back any answer through memory (36 instructions
// in `cost`).

/// RFC 7519 §4.1.4: "on or after" the time, with its fraction, the token is over.
#[inline]
fn expiry(expires_at: Duration, expected: &Expected<'_>) -> Result<(), TokenError> {
    if expected.now >= expires_at.saturating_add(expected.leeway.exp) {
        Err(TokenError::Expired)
    } else {
        Ok(())
    }
}

/// RFC 7519 §4.1.5: not before the time, if there is one.
#[inline]
fn not_before(not_before: Option<Duration>, expected: &Expected<'_>) -> Result<(), TokenError> {
    match not_before {
        Some(time) if expected.now.saturating_add(expected.leeway.nbf_iat) < time => {
            Err(TokenError::NotYetValid)
        }
        _ => Ok(()),
    }
}

/// A token from the future is forged, or comes from a clock that can't be trusted with its expiry either.
#[inline]
fn issue_time(issued_at: Duration, expected: &Expected<'_>) -> Result<(), TokenError> {
    if issued_at > expected.now.saturating_add(expected.leeway.nbf_iat) {
        Err(TokenError::IssuedInFuture)
    } else {
        Ok(())
    }
}

/// A lifetime of years (often: milliseconds taken for seconds) is a mistake, however well it is signed.
#[inline]
fn lifetime(
    issued_at: Duration,
    expires_at: Duration,
    expected: &Expected<'_>,
) -> Result<(), TokenError> {
    match expires_at.checked_sub(issued_at) {
        Some(lifetime) if lifetime <= expected.max_lifetime => {}
        _ => return Err(TokenError::Lifetime),
    }
    // With a clock near the end of `SystemTime`, the other checks let a later `exp` pass.
    match UNIX_EPOCH.checked_add(expires_at) {
        Some(_) => Ok(()),
        None => Err(TokenError::Lifetime),
    }
}

/// RFC 9068 §2.2 requires a `jti` in access tokens. Two that look the same in a log or a list of revoked tokens must be
/// the same, so invisible characters are refused.
#[inline]
fn token_id(id: Option<&str>, expected: &Expected<'_>) -> Result<(), TokenError> {
    match id {
        Some(id) if is_identifier(id) => Ok(()),
        Some(_) => Err(TokenError::Claim("jti")),
        None if expected.requires_id => Err(TokenError::MissingClaim("jti")),
        None => Ok(()),
    }
}

fn present_and_equal(
    claim: Option<bool>,
    name: &'static str,
    unequal: TokenError,
) -> Result<(), TokenError> {
    match claim {
        Some(true) => Ok(()),
        Some(false) => Err(unequal),
        None => Err(TokenError::MissingClaim(name)),
    }
}

impl<'de> Tap<'de> for Registered<'de, '_> {
    fn take(&mut self, name: &str, reader: &mut Reader<'de>) -> Result<bool, Fault> {
        let (claim, read) = match name {
            "iss" => (
                "iss",
                reader
                    .text()
                    .map(|text| self.issuer = Some(text == self.expected.issuer)),
            ),
            "sub" => ("sub", reader.text().map(|text| self.subject = Some(text))),
            "jti" => ("jti", reader.text().map(|text| self.token_id = Some(text))),
            "aud" => (
                "aud",
                is_among(self.expected.audience, reader).map(|ours| self.audience = Some(ours)),
            ),
            "exp" => (
                "exp",
                numeric_date(reader).map(|time| self.expires_at = Some(time)),
            ),
            "nbf" => (
                "nbf",
                numeric_date(reader).map(|time| self.not_before = Some(time)),
            ),
            "iat" => (
                "iat",
                numeric_date(reader).map(|time| self.issued_at = Some(time)),
            ),
            "epoch" => ("epoch", natural(reader).map(|epoch| self.epoch = epoch)),
            _ => return Ok(false),
        };
        // A claim of the wrong type is wrong, never absent (CVE-2026-25537).
        read.map(|()| true)
            .map_err(|_| reader.refuse(TokenError::Claim(claim)))
    }
}

/// `aud`: a string, or an array of strings only (RFC 7519 §4.1.3). Answers whether ours is among them.
fn is_among(audience: &str, reader: &mut Reader<'_>) -> Result<bool, Fault> {
    if reader.peek() != Some(b'[') {
        return reader.text().map(|text| text == audience);
    }
    let mut ours = false;
    reader.array(|reader| reader.text().map(|text| ours |= text == audience))?;
    Ok(ours)
}

/// Above this a 64-bit float has no exact seconds any more: 2^53.
const MAX_EXACT_SECONDS: f64 = 9_007_199_254_740_992.0;

/// A `NumericDate` (RFC 7519 §2): seconds since 1970, a fraction allowed; not negative, not text.
fn numeric_date(reader: &mut Reader<'_>) -> Result<Duration, Fault> {
    match reader.number()? {
        Number::Natural(seconds) => Ok(Duration::from_secs(seconds)),
        Number::Float(seconds) if (0.0..MAX_EXACT_SECONDS).contains(&seconds) => {
            Duration::try_from_secs_f64(seconds).map_err(|_| Fault::Unfit)
        }
        _ => Err(Fault::Unfit),
    }
}

fn natural(reader: &mut Reader<'_>) -> Result<u64, Fault> {
    match reader.number()? {
        Number::Natural(number) => Ok(number),
        _ => Err(Fault::Unfit),
    }
}
