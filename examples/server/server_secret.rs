//! `SERVER_SECRET`: hashes the names of counters and makes device tokens.

use crate::config::ConfigError;
use portcullis::opaque::{ServerSecret, ServerSecretError};

const MAKE_ONE: &str = "make one with: openssl rand -base64 48";

/// Reads a list of secrets, separated by commas: the first makes, all of them verify.
///
/// Without it the secret is derived from `SECRET_KEY` (and `SECRET_KEY_PREVIOUS`), and without that it is random, as in the
/// demonstration. The second value says whether it was derived.
pub(crate) fn read(
    list: Option<&str>,
    secret_key: Option<&str>,
    previous_key: Option<&str>,
) -> Result<(ServerSecret, bool), ConfigError> {
    let wrong = |error: ServerSecretError| {
        ConfigError::new(format!(
            "SERVER_SECRET: {error} (a comma separates two secrets); {MAKE_ONE}"
        ))
    };
    let Some(list) = list else {
        return match secret_key {
            Some(secret_key) => derived(secret_key, previous_key).map(|secret| (secret, true)),
            None => ServerSecret::generate().map(|secret| (secret, false)),
        }
        .map_err(wrong);
    };
    let mut secrets = list.split(',').map(str::trim);
    if secrets
        .clone()
        .any(|secret| Some(secret) == secret_key.map(str::trim))
    {
        return Err(ConfigError::new(format!(
            "SERVER_SECRET must not be SECRET_KEY; {MAKE_ONE}"
        )));
    }
    let first = ServerSecret::new(secrets.next().unwrap_or_default().as_bytes());
    let all = secrets.try_fold(first.map_err(wrong)?, |all, secret| {
        all.with_previous(secret.as_bytes())
    });
    Ok((all.map_err(wrong)?, false))
}

/// Derived under a label that nothing else has: not `SECRET_KEY` itself, which signs tokens. While `SECRET_KEY` is being
/// replaced, what the other key made is found again.
fn derived(
    secret_key: &str,
    previous_key: Option<&str>,
) -> Result<ServerSecret, ServerSecretError> {
    let derive = |key: &str| {
        let signing = ServerSecret::new(key.as_bytes())?;
        let mut tags = signing.tags("server secret derived from the signing key", &[]);
        tags.next().ok_or(ServerSecretError::TooShort)
    };
    let secret = ServerSecret::new(&derive(secret_key)?)?;
    match previous_key {
        Some(previous) => secret.with_previous(&derive(previous)?),
        None => Ok(secret),
    }
}
