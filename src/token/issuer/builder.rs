//! [`TokenIssuerBuilder`]: what can be set, within which bounds.

use super::{Shared, TokenIssuer};
use crate::clock::{Clock, SystemClock};
use crate::token::error::BuildError;
use crate::token::header;
use crate::token::key::SigningKey;
use crate::token::verifier::{check_kid, check_names};
use core::time::Duration;
use std::sync::Arc;

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
    pub(super) fn new(issuer: String, audience: String, key: SigningKey) -> Self {
        Self {
            issuer,
            audience,
            key,
            token_type: crate::token::ACCESS_TOKEN_TYPE.into(),
            lifetime: TokenIssuer::DEFAULT_LIFETIME,
            clock: Arc::new(SystemClock),
        }
    }

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
