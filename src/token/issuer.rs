//! [`TokenIssuer`]: tokens for people who signed in.

use super::compact;
use super::error::{BuildError, IssueError, TokenError};
use super::header;
use super::key::SigningKey;
use super::registered::RESERVED;
use super::strict::{self, Fault, Reader, Tap};
use super::verifier::{check_kid, check_names};
use crate::clock::{Clock, SystemClock};
use crate::user::UserId;
use core::fmt;
use core::time::Duration;
use serde::Serialize;
use std::sync::Arc;
use std::time::UNIX_EPOCH;
use zeroize::Zeroizing;

/// Whom a token is about.
///
/// A [`UserId`] is enough where nothing ends tokens early; a `SignedIn` brings the account's epoch, so that a
/// change of password does.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    id: &'a UserId,
    epoch: u64,
}

impl Subject<'_> {
    /// Sets the account's epoch, written as the private claim `epoch` unless it is 0. Default: 0.
    #[must_use]
    pub fn epoch(self, epoch: u64) -> Self {
        Self { epoch, ..self }
    }
}

impl<'a> From<&'a UserId> for Subject<'a> {
    fn from(id: &'a UserId) -> Self {
        Self { id, epoch: 0 }
    }
}

/// A token just issued. Give it to the client and to nobody else.
#[derive(Clone)]
pub struct AccessToken {
    text: Zeroizing<String>,
    expires_in: Duration,
}

impl AccessToken {
    /// Shows the token. It belongs into the answer to the person who signed in, under `Cache-Control: no-store`.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// How long the token is good for: the `expires_in` of RFC 6749 §5.1, in whole seconds.
    pub fn expires_in(&self) -> Duration {
        self.expires_in
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

/// Issues access tokens (RFC 9068): `typ: at+jwt`, `iss`, `aud`, `sub`, `iat`, `exp`, `jti`, and the application's
/// own claims. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct TokenIssuer {
    shared: Arc<Shared>,
}

struct Shared {
    key: SigningKey,
    /// The header in base64url and the dot behind it.
    header: String,
    /// `{"iss":…,"aud":…,"sub":`, as JSON.
    opening: Vec<u8>,
    lifetime: Duration,
    clock: Arc<dyn Clock>,
}

/// Names of 128 bits: nobody guesses one, no two are ever the same (ASVS 5.0 7.2.3).
const TOKEN_ID_BYTES: usize = 16;

impl TokenIssuer {
    /// How long tokens are good for. Default: 15 minutes; what is decided from a token is that old at the most.
    pub const DEFAULT_LIFETIME: Duration = Duration::from_secs(15 * 60);
    /// The longest lifetime that can be set: 24 hours, what verifiers accept by default.
    pub const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

    /// Starts with what every token says: who issues it, for whom, and the key.
    pub fn builder(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        key: SigningKey,
    ) -> TokenIssuerBuilder {
        TokenIssuerBuilder {
            issuer: issuer.into(),
            audience: audience.into(),
            key,
            token_type: super::ACCESS_TOKEN_TYPE.into(),
            lifetime: Self::DEFAULT_LIFETIME,
            clock: Arc::new(SystemClock),
        }
    }

    /// Issues a token without claims of the application's own.
    ///
    /// # Errors
    /// [`IssueError`] if there is no randomness, or the clock is before 1970.
    pub fn issue<'a>(&self, subject: impl Into<Subject<'a>>) -> Result<AccessToken, IssueError> {
        self.issue_with(subject, &())
    }

    /// Issues a token with the application's own claims: anything that serializes as a JSON object, or `()`.
    ///
    /// # Errors
    /// [`IssueError`] if `extra` is no object, names one claim twice, or names one of `iss`, `sub`, `aud`, `exp`,
    /// `nbf`, `iat`, `jti` and `epoch`; or as [`issue`](Self::issue).
    pub fn issue_with<'a, E: Serialize>(
        &self,
        subject: impl Into<Subject<'a>>,
        extra: &E,
    ) -> Result<AccessToken, IssueError> {
        let shared = &*self.shared;
        let payload = self.payload(subject.into(), extra)?;
        let capacity = payload
            .len()
            .saturating_mul(4)
            .div_ceil(3)
            .saturating_add(shared.header.len())
            .saturating_add(128);
        let mut text = Zeroizing::new(String::with_capacity(capacity));
        text.push_str(&shared.header);
        compact::encode_onto(&payload, &mut text);
        shared
            .key
            .sign_onto(&mut text)
            .map_err(|error| IssueError::because("signing failed", error))?;
        Ok(AccessToken {
            text,
            expires_in: shared.lifetime,
        })
    }

    /// How long the tokens are good for.
    pub fn lifetime(&self) -> Duration {
        self.shared.lifetime
    }

    fn payload<E: Serialize>(
        &self,
        subject: Subject<'_>,
        extra: &E,
    ) -> Result<Vec<u8>, IssueError> {
        let shared = &*self.shared;
        let now = shared
            .clock
            .now()
            .duration_since(UNIX_EPOCH)
            .map_err(|_| IssueError::new("the clock is before 1970"))?;
        let (issued_at, lifetime) = (now.as_secs(), shared.lifetime.as_secs());
        let mut id = [0_u8; TOKEN_ID_BYTES];
        aws_lc_rs::rand::fill(&mut id)
            .map_err(|error| IssueError::because("there is no randomness", error))?;

        let mut json = Vec::with_capacity(shared.opening.len().saturating_add(256));
        json.extend_from_slice(&shared.opening);
        write(&mut json, subject.id.as_str())?;
        json.extend_from_slice(b",\"iat\":");
        write(&mut json, &issued_at)?;
        json.extend_from_slice(b",\"exp\":");
        write(&mut json, &issued_at.saturating_add(lifetime))?;
        json.extend_from_slice(b",\"jti\":");
        write(&mut json, &compact::encode(&id))?;
        if subject.epoch > 0 {
            json.extend_from_slice(b",\"epoch\":");
            write(&mut json, &subject.epoch)?;
        }
        append_members(&mut json, extra)?;
        json.push(b'}');
        Ok(json)
    }
}

fn write<T: Serialize + ?Sized>(json: &mut Vec<u8>, value: &T) -> Result<(), IssueError> {
    serde_json::to_writer(json, value)
        .map_err(|error| IssueError::because("a claim could not be written", error))
}

/// Writes the members of `extra` behind those that `json` has.
fn append_members<E: Serialize>(json: &mut Vec<u8>, extra: &E) -> Result<(), IssueError> {
    let start = json.len();
    write(json, extra)?;
    let own = json.get(start..).unwrap_or_default();
    if own == b"null" || own == b"{}" {
        json.truncate(start);
        return Ok(());
    }
    // Read back before it is signed: whatever the type's own code wrote, no claim of ours may stand there twice.
    let text =
        core::str::from_utf8(own).map_err(|_| IssueError::new("the own claims are not utf-8"))?;
    strict::object::<()>(text, &mut Own, TokenError::OwnClaims).map_err(|_| {
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

impl fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuer")
            .field("key", &self.shared.key)
            .field("lifetime", &self.shared.lifetime)
            .finish_non_exhaustive()
    }
}

/// Puts a [`TokenIssuer`] together.
#[derive(Clone, Debug)]
pub struct TokenIssuerBuilder {
    issuer: String,
    audience: String,
    key: SigningKey,
    token_type: String,
    lifetime: Duration,
    clock: Arc<dyn Clock>,
}

impl TokenIssuerBuilder {
    /// Sets how long tokens are good for, in whole seconds: 1 second to 24 hours. Default: 15 minutes.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Writes another `typ`, for tokens of another kind: one kind must never pass as another (RFC 8725 §3.11).
    /// Default: `at+jwt`.
    #[must_use]
    pub fn token_type(mut self, token_type: impl Into<String>) -> Self {
        self.token_type = token_type.into();
        self
    }

    /// Takes the time from elsewhere. Default: [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Makes the issuer.
    ///
    /// # Errors
    /// [`BuildError`] says which setting can't be.
    pub fn build(self) -> Result<TokenIssuer, BuildError> {
        check_names(&self.issuer, &self.audience, &self.token_type)?;
        check_kid(self.key.kid())?;
        let lifetime = Duration::from_secs(self.lifetime.as_secs());
        if lifetime.is_zero() || self.lifetime > TokenIssuer::MAX_LIFETIME {
            return Err(BuildError::Lifetime {
                max_seconds: TokenIssuer::MAX_LIFETIME.as_secs(),
            });
        }
        let mut header = header::encode(
            self.key.algorithm().name(),
            &self.token_type,
            self.key.kid(),
        );
        header.push('.');
        let (issuer, audience) = (
            serde_json::Value::from(self.issuer),
            serde_json::Value::from(self.audience),
        );
        let opening = format!(r#"{{"iss":{issuer},"aud":{audience},"sub":"#).into_bytes();
        Ok(TokenIssuer {
            shared: Arc::new(Shared {
                key: self.key,
                header,
                opening,
                lifetime,
                clock: self.clock,
            }),
        })
    }
}
