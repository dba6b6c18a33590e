//! (stub) tokens
#![allow(unused, missing_docs, reason = "stub")]

use crate::user::UserId;
use core::time::Duration;
use std::time::SystemTime;

/// (stub)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
    Es256,
    Es384,
    EdDsa,
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
}
#[derive(Debug, thiserror::Error)]
#[error("stub: an enum, one variant a cause")]
pub struct KeyError {}
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct BuildError {}
#[derive(Debug, thiserror::Error)]
#[error("stub: an enum, one variant a cause")]
pub struct TokenError {}
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct IssueError {}

#[derive(Clone, Debug)]
pub struct SigningKey {}
impl SigningKey {
    pub fn from_secret(_algorithm: Algorithm, _secret: &[u8]) -> Result<Self, KeyError> {
        todo!()
    }
    pub fn from_pem(_algorithm: Algorithm, _pem: &[u8]) -> Result<Self, KeyError> {
        todo!()
    }
    pub fn from_jwk(_algorithm: Algorithm, _jwk: &str) -> Result<Self, KeyError> {
        todo!()
    }
    pub fn generate(_algorithm: Algorithm) -> Result<Self, KeyError> {
        todo!()
    }
    #[must_use]
    pub fn with_kid(self, _kid: impl Into<String>) -> Self {
        todo!()
    }
    pub fn verifying_key(&self) -> VerifyingKey {
        todo!()
    }
}
#[derive(Clone, Debug)]
pub struct VerifyingKey {}

#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    id: &'a UserId,
    epoch: u64,
}
impl<'a> Subject<'a> {
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

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct TokenIssuer {}
#[derive(Debug)]
pub struct TokenIssuerBuilder {}
impl TokenIssuer {
    pub fn builder(
        _issuer: impl Into<String>,
        _audience: impl Into<String>,
        _key: SigningKey,
    ) -> TokenIssuerBuilder {
        todo!()
    }
    pub fn issue<'a>(&self, _subject: impl Into<Subject<'a>>) -> Result<AccessToken, IssueError> {
        todo!()
    }
    pub fn issue_with<'a, E: serde::Serialize>(
        &self,
        _subject: impl Into<Subject<'a>>,
        _extra: &E,
    ) -> Result<AccessToken, IssueError> {
        todo!()
    }
    pub fn lifetime(&self) -> Duration {
        todo!()
    }
}
impl TokenIssuerBuilder {
    #[must_use]
    pub fn lifetime(self, _lifetime: Duration) -> Self {
        self
    }
    #[must_use]
    pub fn clock(self, _clock: impl crate::clock::Clock + 'static) -> Self {
        self
    }
    pub fn build(self) -> Result<TokenIssuer, BuildError> {
        todo!()
    }
}
#[derive(Clone, Debug)]
pub struct AccessToken {}
impl AccessToken {
    pub fn expose(&self) -> &str {
        todo!()
    }
    pub fn expires_in(&self) -> Duration {
        todo!()
    }
}

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct TokenVerifier {}
#[derive(Debug)]
pub struct TokenVerifierBuilder {}
impl TokenVerifier {
    pub fn builder(
        _issuer: impl Into<String>,
        _audience: impl Into<String>,
        _key: impl Into<VerifyingKey>,
    ) -> TokenVerifierBuilder {
        todo!()
    }
    pub fn verify(&self, _token: &str) -> Result<Claims, TokenError> {
        todo!()
    }
    pub fn verify_with<E: serde::de::DeserializeOwned>(
        &self,
        _token: &str,
    ) -> Result<Claims<E>, TokenError> {
        todo!()
    }
}
impl TokenVerifierBuilder {
    #[must_use]
    pub fn max_lifetime(self, _lifetime: Duration) -> Self {
        self
    }
    #[must_use]
    pub fn clock(self, _clock: impl crate::clock::Clock + 'static) -> Self {
        self
    }
    pub fn build(self) -> Result<TokenVerifier, BuildError> {
        todo!()
    }
}
/// What a verified token says; private fields, getters.
#[derive(Clone, Debug)]
pub struct Claims<E = ()> {
    extra: E,
}
impl<E> Claims<E> {
    pub fn subject(&self) -> &UserId {
        todo!()
    }
    pub fn token_id(&self) -> Option<&str> {
        todo!()
    }
    pub fn epoch(&self) -> u64 {
        todo!()
    }
    pub fn extra(&self) -> &E {
        &self.extra
    }
    pub fn expires_at(&self) -> SystemTime {
        todo!()
    }
}
