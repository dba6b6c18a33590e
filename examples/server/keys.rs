//! The keys of tokens: the one that signs, and those that are accepted.

use crate::config::ConfigError;
use portcullis::token::{Algorithm, KeySet, SigningKey, VerifyingKey};

const MAKE_ONE: &str = "make one with: openssl rand -base64 48";

/// The key that `SECRET_KEY` is; the demonstration makes one.
pub(crate) fn signing_key(demo: bool, secret: Option<&str>) -> Result<SigningKey, ConfigError> {
    match secret {
        Some(secret) => SigningKey::from_secret(Algorithm::Hs256, secret.as_bytes())
            .map_err(|error| ConfigError::new(format!("SECRET_KEY: {error}"))),
        None if demo => SigningKey::generate(Algorithm::Hs256)
            .map_err(|error| ConfigError::new(format!("no key could be made: {error}"))),
        None => Err(ConfigError::new(format!(
            "SECRET_KEY is not set; {MAKE_ONE} (or try --demo)"
        ))),
    }
}

/// The signing key, and beside it the one of `SECRET_KEY_PREVIOUS` while keys are being replaced.
///
/// Tokens name no key (`kid`), so that servers with and without a second key understand each other: the signing key is
/// tried first.
pub(crate) fn accepted(
    key: &SigningKey,
    secret: Option<&str>,
    previous: Option<&str>,
) -> Result<KeySet, ConfigError> {
    let keys = KeySet::from(key.verifying_key());
    let Some(previous) = previous else {
        return Ok(keys);
    };
    if secret == Some(previous) {
        return Err(ConfigError::new(
            "SECRET_KEY_PREVIOUS is the same as SECRET_KEY: set it to the other key of a rotation, or leave it out",
        ));
    }
    VerifyingKey::from_secret(Algorithm::Hs256, previous.as_bytes())
        .and_then(|previous| keys.and(previous))
        .map_err(|error| ConfigError::new(format!("SECRET_KEY_PREVIOUS: {error}")))
}
