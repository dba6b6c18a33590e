//! `server unlock EMAIL`: forgives the failed sign-ins of an account, beside servers that run.

use crate::config::{Config, ConfigError};
use crate::sign_in_throttle::SignInThrottle;
use crate::storage::Storage;
use crate::{Failure, checked, open, say};
use portcullis::directory::UserDirectory;
use portcullis::throttle::{Forget, Throttle as _};
use portcullis::user::Email;

/// Forgives the failures of the user with this e-mail address. A server on the same database knows at its next attempt.
pub(crate) async fn run(
    email: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<(), Failure> {
    let email = Email::parse(email)
        .map_err(|error| ConfigError::new(format!("that is no e-mail address: {error}")))?;
    let config = Config::read(false, variable)?;
    match &config.storage {
        Storage::Supabase(store) => {
            checked(store).await?;
            unlock(store, &config.throttle, &email).await
        }
        Storage::File(path) => {
            if !path.exists() {
                return Err(ConfigError::new("DATABASE: there is no such file").into());
            }
            let store = open(path).await?;
            let throttle = SignInThrottle::sqlite(&store, &config.server_secret);
            let unlocked = unlock(&store, &throttle, &email).await;
            store.close().await;
            unlocked
        }
        Storage::ThrowAway => Err(ConfigError::new("a demonstration keeps no users").into()),
    }
}

async fn unlock<S: UserDirectory>(
    store: &S,
    throttle: &SignInThrottle,
    email: &Email,
) -> Result<(), Failure> {
    let account = store
        .find_by_login(email.as_str())
        .await?
        .ok_or_else(|| ConfigError::new("no user has this e-mail address"))?;
    throttle
        .forgive(&account.id, &[email.as_str()], Forget::Failures)
        .await?;
    say(&format!("{email} has no failed sign-ins any more"))
}
