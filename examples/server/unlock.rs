//! `server unlock EMAIL`: forgives the failed sign-ins of an account, beside servers that run.

use crate::backup::must_exist;
use crate::config::ConfigError;
use crate::environment::of_the_server;
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
    let config = of_the_server(variable)?;
    match &config.storage {
        Storage::Supabase(store) => {
            checked(store).await?;
            unlock(store, &config.throttle, &email).await?;
        }
        Storage::File(path) => {
            must_exist(path)?;
            let store = open(path).await?;
            let throttle = SignInThrottle::sqlite(&store, &config.server_secret);
            let unlocked = unlock(&store, &throttle, &email).await;
            store.close().await;
            unlocked?;
        }
        Storage::ThrowAway => {
            return Err(ConfigError::new("a demonstration keeps no users").into());
        }
    }
    if config.derived_server_secret {
        say(
            "SERVER_SECRET is not set here, so it is derived from SECRET_KEY: if the server has one, set the same and run this \
             again",
        )?;
    }
    Ok(())
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
    // What is counted under another secret can't be seen from here.
    say(&format!(
        "{email}, user {}: the failed sign-ins counted under this SERVER_SECRET are forgiven",
        account.id.as_str()
    ))
}
