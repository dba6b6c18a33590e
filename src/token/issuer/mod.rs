//! [`TokenIssuer`]: tokens for people who signed in.

mod access_token;
mod builder;
mod own;
mod token_id;

pub use access_token::AccessToken;
pub use builder::TokenIssuerBuilder;

use super::compact;
use super::error::IssueError;
use super::key::SigningKey;
use super::strict;
use crate::clock::Clock;
use crate::user::{UserId, is_identifier};
use core::fmt;
use core::time::Duration;
use serde::Serialize;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// Whom a token is about.
///
/// A [`UserId`] is enough where nothing ends tokens early; a `SignedIn` brings the account's epoch, so that a
/// change of password does.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    id: &'a UserId,
    epoch: u64,
    client_id: Option<&'a str>,
}

impl<'a> Subject<'a> {
    /// Sets the account's epoch, written as the private claim `epoch` unless it is 0. Default: 0.
    #[must_use]
    pub fn epoch(self, epoch: u64) -> Self {
        Self { epoch, ..self }
    }

    /// Names the OAuth client that the token is issued to: the claim `client_id`, which RFC 9068 §2.2 requires.
    /// Default: none is written, for applications without registered clients.
    ///
    /// 1 to 255 printable ASCII characters (RFC 6749 appendix A.1); issuing refuses others. A verifier leaves the claim
    /// to the application's own claims.
    #[must_use]
    pub fn client_id(self, client_id: &'a str) -> Self {
        Self {
            client_id: Some(client_id),
            ..self
        }
    }
}

impl<'a> From<&'a UserId> for Subject<'a> {
    fn from(id: &'a UserId) -> Self {
        Self {
            id,
            epoch: 0,
            client_id: None,
        }
    }
}

/// Issues access tokens: `typ: at+jwt`, `iss`, `aud`, `sub`, `iat`, `exp`, `jti`, and the application's own claims.
/// Cheap to clone; clones share everything.
///
/// They are access tokens of RFC 9068 if the subject names a [`client_id`](Subject::client_id), which that profile
/// requires; without one they have all its other claims.
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
        TokenIssuerBuilder::new(issuer.into(), audience.into(), key)
    }

    /// Issues a token without claims of the application's own.
    ///
    /// # Errors
    /// [`IssueError`] if the subject is a stored id that verifiers refuse (see [`UserId::from_stored`]), its client id is
    /// malformed, there is no randomness, or the clock is before 1970.
    pub fn issue<'a>(&self, subject: impl Into<Subject<'a>>) -> Result<AccessToken, IssueError> {
        self.issue_with(subject, &())
    }

    /// Issues a token with the application's own claims: anything that serializes as a JSON object, or `()`.
    ///
    /// # Errors
    /// [`IssueError`] if `extra` is no object, names one claim twice, or names one of `iss`, `sub`, `aud`, `exp`,
    /// `nbf`, `iat`, `jti` and `epoch`, or `client_id` if the subject has one; or as [`issue`](Self::issue).
    pub fn issue_with<'a, E: Serialize>(
        &self,
        subject: impl Into<Subject<'a>>,
        extra: &E,
    ) -> Result<AccessToken, IssueError> {
        let shared = &*self.shared;
        let payload = self.payload(subject.into(), extra)?;
        // To the byte, so that the text is never moved: what it is moved from is not wiped.
        let capacity = shared
            .header
            .len()
            .saturating_add(compact::encoded_len(payload.len()))
            .saturating_add(1)
            .saturating_add(compact::encoded_len(shared.key.signature_bytes()));
        let mut text = String::with_capacity(capacity);
        text.push_str(&shared.header);
        compact::encode_onto(&payload, &mut text);
        shared
            .key
            .sign_onto(&mut text)
            .map_err(|error| IssueError::because("signing failed", error))?;
        Ok(AccessToken::new(text, shared.lifetime))
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
        if !is_identifier(subject.id.as_str()) {
            return Err(IssueError::new(
                "the subject has characters that verifiers refuse",
            ));
        }
        let now = shared
            .clock
            .now()
            .duration_since(UNIX_EPOCH)
            .map_err(|_| IssueError::new("the clock is before 1970"))?;
        let (issued_at, lifetime) = (now.as_secs(), shared.lifetime.as_secs());
        let id = token_id::draw(now)
            .map_err(|error| IssueError::because("there is no randomness", error))?;

        let mut json = Vec::with_capacity(shared.opening.len().saturating_add(256));
        json.extend_from_slice(&shared.opening);
        write_text(&mut json, subject.id.as_str())?;
        json.extend_from_slice(b",\"iat\":");
        write(&mut json, &issued_at)?;
        json.extend_from_slice(b",\"exp\":");
        write(&mut json, &issued_at.saturating_add(lifetime))?;
        json.extend_from_slice(b",\"jti\":\"");
        compact::encode_onto(&id, &mut json);
        json.push(b'"');
        if subject.epoch > 0 {
            json.extend_from_slice(b",\"epoch\":");
            write(&mut json, &subject.epoch)?;
        }
        if let Some(client_id) = subject.client_id {
            if !is_client_id(client_id) {
                return Err(IssueError::new("the client id is malformed"));
            }
            json.extend_from_slice(b",\"client_id\":");
            write_text(&mut json, client_id)?;
        }
        own::append(&mut json, extra, subject.client_id.is_some())?;
        json.push(b'}');
        Ok(json)
    }
}

/// `*VSCHAR`, and not empty (RFC 6749 appendix A.1).
fn is_client_id(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn write<T: Serialize + ?Sized>(json: &mut Vec<u8>, value: &T) -> Result<(), IssueError> {
    serde_json::to_writer(json, value)
        .map_err(|error| IssueError::because("a claim could not be written", error))
}

/// Writes text, which hardly ever has a character that must be escaped.
fn write_text(json: &mut Vec<u8>, text: &str) -> Result<(), IssueError> {
    if strict::needs_escape(text) {
        return write(json, text);
    }
    json.push(b'"');
    json.extend_from_slice(text.as_bytes());
    json.push(b'"');
    Ok(())
}

impl fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuer")
            .field("key", &self.shared.key)
            .field("lifetime", &self.shared.lifetime)
            .finish_non_exhaustive()
    }
}
