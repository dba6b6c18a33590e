//! `server set-password EMAIL`: sets a lost password, such as the only administrator's.

use crate::backup::must_exist;
use crate::config::{ConfigError, password_policy};
use crate::environment::of_the_server;
use crate::sign_in_throttle::SignInThrottle;
use crate::storage::Storage;
use crate::{Failure, checked, open, say};
use portcullis::directory::{UserChanges, UserDirectory};
use portcullis::password::HashParams;
use portcullis::store::AccountStatus;
use portcullis::throttle::{Forget, Throttle as _};
use portcullis::user::Email;
use portcullis::{ErrorChain, Password, PasswordHasher};
use std::io::{IsTerminal as _, Read as _};

/// More than any password has, less than a file that was given by mistake.
const MOST_BYTES: u64 = 8 * 1024;

/// Sets the password of the user with this e-mail address. Servers may be running.
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
            set(store, &config.throttle, &email).await
        }
        Storage::File(path) => {
            must_exist(path)?;
            let store = open(path).await?;
            let throttle = SignInThrottle::sqlite(&store, &config.server_secret);
            let set = set(&store, &throttle, &email).await;
            store.close().await;
            set
        }
        Storage::ThrowAway => Err(ConfigError::new("a demonstration keeps no users").into()),
    }
}

async fn set<S: UserDirectory>(
    store: &S,
    throttle: &SignInThrottle,
    email: &Email,
) -> Result<(), Failure> {
    let account = store
        .find_by_login(email.as_str())
        .await?
        .ok_or_else(|| ConfigError::new("no user has this e-mail address"))?;
    let password = read()?;
    password_policy()
        .check(&password, &[email.as_str()])
        .map_err(|error| ConfigError::new(format!("the password is refused: {error}")))?;
    let mut changes = UserChanges::default();
    changes.password_hash = Some(PasswordHasher::new(HashParams::default())?.hash(&password)?);
    let tenant = account.user.tenant_id.as_ref();
    // Like every change of password, this ends older tokens.
    store.update(tenant, &account.id, changes, None).await?;
    // Whoever signed in from the known addresses, or has the device tokens, may be why there is a new password.
    let logins = [email.as_str()];
    let forgiven = throttle.forgive(&account.id, &logins, Forget::Everything);
    forgiven.await.map_err(|error| {
        ConfigError::new(format!(
            "the password is changed and older tokens have ended, but failed sign-ins and known addresses are not \
             forgotten: {}; run this again, or server unlock to end a delay",
            ErrorChain::new(&error)
        ))
    })?;
    say(&format!(
        "{email} has a new password; older tokens have ended"
    ))?;
    if account.status == AccountStatus::Disabled {
        say("the account is disabled, and stays so: nobody can sign in with it")?;
    }
    Ok(())
}

/// Reads a password from standard input: at a terminal twice and without echo, else everything up to its end.
fn read() -> Result<Password, Failure> {
    if std::io::stdin().is_terminal() {
        let first = one_line(rpassword::prompt_password("New password: ")?)?;
        let second = one_line(rpassword::prompt_password("Once more: ")?)?;
        return if first.expose() == second.expose() {
            Ok(first)
        } else {
            Err(ConfigError::new("the two are not the same: nothing was changed").into())
        };
    }
    let mut text = String::new();
    std::io::stdin()
        .take(MOST_BYTES)
        .read_to_string(&mut text)
        .map_err(|_| ConfigError::new("the password must be text in UTF-8"))?;
    // `echo` and the like end the line.
    let line = text.strip_suffix('\n').unwrap_or(&text);
    one_line(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// Accepts what `user_input.rs` accepts, on one line: more lines are some other file.
fn one_line(text: String) -> Result<Password, Failure> {
    if text.contains(['\0', '\n', '\r']) {
        return Err(ConfigError::new("the password must be one line").into());
    }
    Ok(Password::new(text))
}
