//! `SERVER_SECRET`: hashes the names of counters and makes device tokens.

use crate::config::ConfigError;
use portcullis::opaque::{ServerSecret, ServerSecretError};

const MAKE_ONE: &str = "make one with: openssl rand -base64 48";

/// The secret, and what of it an operator should know.
pub(crate) struct Configured {
    pub(crate) secret: ServerSecret,
    /// Whether the secret that makes is derived from `SECRET_KEY`.
    pub(crate) is_derived: bool,
    /// The key whose derived secret is left out, because another secret has its key id.
    pub(crate) skipped: Option<&'static str>,
}

/// Reads a list of secrets, separated by commas: the first makes, all of them verify.
///
/// The secrets derived from `SECRET_KEY` and `SECRET_KEY_PREVIOUS` verify too, so that `SERVER_SECRET` can be set, and keys be
/// replaced, without losing what was made under them. Without a list the one of `SECRET_KEY` makes, and without that a
/// random one, as in the demonstration.
pub(crate) fn read(
    list: Option<&str>,
    secret_key: Option<&str>,
    previous_key: Option<&str>,
) -> Result<Configured, ConfigError> {
    let keys = [
        ("SECRET_KEY", secret_key),
        ("SECRET_KEY_PREVIOUS", previous_key),
    ];
    let mut derived = keys
        .into_iter()
        .filter_map(|(name, key)| Some((name, key?)));
    let (mut secret, is_derived) = match list {
        Some(list) => (own(list, &keys)?, false),
        None => match derived.next() {
            Some((_, key)) => (ServerSecret::new(&derive(key)?).map_err(wrong)?, true),
            None => (ServerSecret::generate().map_err(wrong)?, false),
        },
    };
    let mut skipped = None;
    for (name, key) in derived {
        let derived = derive(key)?;
        match secret.clone().with_previous(&derived) {
            Ok(all) => secret = all,
            // Nobody chose it, so nobody could choose another one.
            Err(ServerSecretError::SameKeyId) => skipped = Some(name),
            Err(error) => return Err(wrong(error)),
        }
    }
    Ok(Configured {
        secret,
        is_derived,
        skipped,
    })
}

/// The secrets of the list. None of them may be a key: those sign tokens.
fn own(list: &str, keys: &[(&str, Option<&str>)]) -> Result<ServerSecret, ConfigError> {
    let mut secrets = list.split(',').map(str::trim);
    for (name, key) in keys {
        let key = key.map(str::trim);
        // The whole list too: a key may hold a comma.
        if key == Some(list.trim()) || secrets.clone().any(|secret| Some(secret) == key) {
            return Err(ConfigError::new(format!(
                "SERVER_SECRET must not be {name}; {MAKE_ONE}"
            )));
        }
    }
    let first = ServerSecret::new(secrets.next().unwrap_or_default().as_bytes());
    secrets
        .try_fold(first.map_err(wrong)?, |all, secret| {
            all.with_previous(secret.as_bytes())
        })
        .map_err(wrong)
}

fn wrong(error: ServerSecretError) -> ConfigError {
    ConfigError::new(format!(
        "SERVER_SECRET: {error} (a comma separates two secrets); {MAKE_ONE}"
    ))
}

/// Derives a secret under a label that nothing else has: it is not the key itself, which signs tokens.
fn derive(key: &str) -> Result<[u8; 32], ConfigError> {
    let signing = ServerSecret::new(key.as_bytes()).map_err(wrong)?;
    let mut tags = signing.tags("server secret derived from the signing key", &[]);
    tags.next()
        .ok_or_else(|| wrong(ServerSecretError::TooShort))
}
