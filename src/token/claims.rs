//! [`Claims`], and the rules of the registered claims (RFC 7519 §4.1), one function each.

use super::error::TokenError;
use super::strict::{self, Breach, Read, Tap};
use crate::user::UserId;
use core::fmt;
use core::time::Duration;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a verified token says. There is no way to make one but `TokenVerifier`: holding it is the proof.
///
/// `E` holds the application's own claims; `()` if it has none. Its `Debug` leaves them out.
#[derive(Clone)]
pub struct Claims<E = ()> {
    subject: UserId,
    token_id: Option<Box<str>>,
    issued_at: Duration,
    expires_at: Duration,
    epoch: u64,
    extra: E,
}

impl<E> Claims<E> {
    /// Who the token is about: the `sub` claim, 1 to 255 characters.
    pub fn subject(&self) -> &UserId {
        &self.subject
    }

    /// The token's own name: the `jti` claim, if it has one. Identify tokens by it, never by their text: an
    /// ECDSA signature has two spellings.
    pub fn token_id(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// When the token was issued: the `iat` claim.
    pub fn issued_at(&self) -> SystemTime {
        time_of(self.issued_at)
    }

    /// From when on the token is refused: the `exp` claim.
    pub fn expires_at(&self) -> SystemTime {
        time_of(self.expires_at)
    }

    /// The account's epoch at issue: the private claim `epoch`. Default: 0.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The application's own claims.
    pub fn extra(&self) -> &E {
        &self.extra
    }

    /// The application's own claims, to keep.
    pub fn into_extra(self) -> E {
        self.extra
    }
}

impl<E> fmt::Debug for Claims<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("subject", &self.subject)
            .field("token_id", &self.token_id)
            .finish_non_exhaustive()
    }
}

fn time_of(since_epoch: Duration) -> SystemTime {
    UNIX_EPOCH.checked_add(since_epoch).unwrap_or(UNIX_EPOCH)
}

/// What a verifier compares claims with.
pub(super) struct Expected<'v> {
    pub(super) issuer: &'v str,
    pub(super) audience: &'v str,
    pub(super) leeway: Duration,
    pub(super) max_lifetime: Duration,
    pub(super) now: Duration,
}

/// The names that belong to the registered claims and to this crate; applications can't use them for their own.
pub(super) const RESERVED: [&str; 8] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "epoch"];

/// The registered claims as they pass by while the payload is read.
pub(super) struct Registered<'de, 'v> {
    expected: &'v Expected<'v>,
    breach: &'v Breach,
    issuer: Option<bool>,
    audience: Option<bool>,
    subject: Option<Cow<'de, str>>,
    token_id: Option<Cow<'de, str>>,
    expires_at: Option<Duration>,
    not_before: Option<Duration>,
    issued_at: Option<Duration>,
    epoch: Option<u64>,
}

impl<'de, 'v> Registered<'de, 'v> {
    /// Reads a payload: the registered claims are judged, the rest becomes `E`.
    pub(super) fn read<E: serde::Deserialize<'de>>(
        json: &'de str,
        expected: &'v Expected<'v>,
        breach: &'v Breach,
    ) -> Result<Claims<E>, TokenError> {
        let mut registered = Self {
            expected,
            breach,
            issuer: None,
            audience: None,
            subject: None,
            token_id: None,
            expires_at: None,
            not_before: None,
            issued_at: None,
            epoch: None,
        };
        let extra = strict::object(json, &mut registered, breach, TokenError::Payload)?;
        registered.judge(extra)
    }

    fn judge<E>(self, extra: E) -> Result<Claims<E>, TokenError> {
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
        let subject = UserId::new(subject.into_owned()).map_err(|_| TokenError::Claim("sub"))?;
        let token_id = self.token_id.map(|id| id.into_owned().into_boxed_str());
        Ok(Claims {
            subject,
            token_id,
            issued_at,
            expires_at,
            epoch: self.epoch.unwrap_or(0),
            extra,
        })
    }
}

/// RFC 7519 §4.1.4: "on or after" the time, with its fraction, the token is over.
fn expiry(expires_at: Duration, expected: &Expected<'_>) -> Result<(), TokenError> {
    if expected.now >= expires_at.saturating_add(expected.leeway) {
        Err(TokenError::Expired)
    } else {
        Ok(())
    }
}

/// RFC 7519 §4.1.5: not before the time, if there is one.
fn not_before(not_before: Option<Duration>, expected: &Expected<'_>) -> Result<(), TokenError> {
    match not_before {
        Some(time) if expected.now.saturating_add(expected.leeway) < time => {
            Err(TokenError::NotYetValid)
        }
        _ => Ok(()),
    }
}

/// A token from the future is forged, or comes from a clock that can't be trusted with its expiry either.
fn issue_time(issued_at: Duration, expected: &Expected<'_>) -> Result<(), TokenError> {
    if issued_at > expected.now.saturating_add(expected.leeway) {
        Err(TokenError::IssuedInFuture)
    } else {
        Ok(())
    }
}

/// A lifetime of years (often: milliseconds taken for seconds) is a mistake, however well it is signed.
fn lifetime(
    issued_at: Duration,
    expires_at: Duration,
    expected: &Expected<'_>,
) -> Result<(), TokenError> {
    match expires_at.checked_sub(issued_at) {
        Some(lifetime) if lifetime <= expected.max_lifetime => Ok(()),
        _ => Err(TokenError::Lifetime),
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
    fn take<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        let read = match name {
            "iss" => map
                .next_value_seed(Read)
                .map(|text| self.issuer = Some(text == self.expected.issuer)),
            "sub" => map
                .next_value_seed(Read)
                .map(|text| self.subject = Some(text)),
            "jti" => map
                .next_value_seed(Read)
                .map(|text| self.token_id = Some(text)),
            "aud" => map
                .next_value_seed(Audience(self.expected.audience))
                .map(|ours| self.audience = Some(ours)),
            "exp" => map
                .next_value_seed(NumericDate)
                .map(|time| self.expires_at = Some(time)),
            "nbf" => map
                .next_value_seed(NumericDate)
                .map(|time| self.not_before = Some(time)),
            "iat" => map
                .next_value_seed(NumericDate)
                .map(|time| self.issued_at = Some(time)),
            "epoch" => map.next_value().map(|epoch| self.epoch = Some(epoch)),
            _ => return Ok(false),
        };
        // A claim of the wrong type is wrong, never absent (CVE-2026-25537).
        let claim = RESERVED
            .into_iter()
            .find(|reserved| *reserved == name)
            .unwrap_or_default();
        read.map(|()| true)
            .map_err(|_| strict::refuse(self.breach, TokenError::Claim(claim)))
    }
}

/// `aud`: a string, or an array of strings only (RFC 7519 §4.1.3). Answers whether ours is among them.
struct Audience<'v>(&'v str);

impl<'de> DeserializeSeed<'de> for Audience<'_> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Audience<'_> {
    type Value = bool;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of strings")
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        Ok(text == self.0)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
        let mut ours = false;
        while let Some(text) = items.next_element_seed(Read)? {
            ours |= text == self.0;
        }
        Ok(ours)
    }
}

/// A `NumericDate` (RFC 7519 §2): seconds since 1970, a fraction allowed; not negative, not text.
struct NumericDate;

/// Above this a 64-bit float has no exact seconds any more: 2^53.
const MAX_EXACT_SECONDS: f64 = 9_007_199_254_740_992.0;

impl<'de> DeserializeSeed<'de> for NumericDate {
    type Value = Duration;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Duration, D::Error> {
        deserializer.deserialize_f64(self)
    }
}

impl Visitor<'_> for NumericDate {
    type Value = Duration;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of seconds since 1970")
    }
    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Duration, E> {
        Ok(Duration::from_secs(seconds))
    }
    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Duration, E> {
        if !(0.0..MAX_EXACT_SECONDS).contains(&seconds) {
            return Err(E::custom("out of range"));
        }
        Duration::try_from_secs_f64(seconds).map_err(E::custom)
    }
}
