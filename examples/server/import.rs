//! `server import-passwords`: clear-text passwords in a Supabase table become hashes, once, before the column is dropped.

use crate::config::ConfigError;
use crate::storage::{self, Storage};
use crate::{Failure, checked, say};
use indicatif::{ProgressBar, ProgressStyle};
use portcullis::Authenticator;
use portcullis::stores::supabase::{Imported, SupabaseStore};

/// Hashes them all, shows how far it is, and says what is left to do.
pub(crate) async fn run(variable: impl Fn(&str) -> Option<String>) -> Result<(), Failure> {
    let Storage::Supabase(store) = Storage::read(false, &variable)? else {
        return Err(
            ConfigError::new("set SUPABASE_URL and SUPABASE_KEY: the passwords are there").into(),
        );
    };
    checked(&store).await?;
    let table = storage::schema(&variable)?;
    let drop_column = table.drop_clear_text();
    let authenticator = Authenticator::builder(store.clone()).build()?;
    let Some(imported) = import(&store, &authenticator).await? else {
        return say("the table has no column of clear-text passwords: nothing to do");
    };
    say(&format!(
        "{} clear-text passwords are gone: hashes now, or nothing where they were empty",
        imported.hashed
    ))?;
    for id in &imported.left {
        say(&format!(
            "left as it was, longer than can be hashed: user {id}"
        ))?;
    }
    if imported.remaining > 0 {
        return Err(ConfigError::new(remaining(&imported)).into());
    }
    say(&format!(
        "no clear-text password is left. Now drop the column, in the SQL editor or by psql:\n\n  {drop_column}"
    ))
}

/// Why clear-text passwords remain, and what to do.
fn remaining(imported: &Imported) -> String {
    let left = u64::try_from(imported.left.len()).unwrap_or(u64::MAX);
    let mut why = Vec::new();
    if left > 0 {
        why.push("give the users listed above a shorter one, or null".to_owned());
    }
    let written = imported.remaining.saturating_sub(left);
    if written > 0 {
        why.push(format!("stop what wrote {written} of them meanwhile"));
    }
    format!(
        "{} rows still hold a clear-text password: {}, and run this again",
        imported.remaining,
        why.join("; ")
    )
}

async fn import(
    store: &SupabaseStore,
    authenticator: &Authenticator<SupabaseStore>,
) -> Result<Option<Imported>, Failure> {
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} passwords, {eta} left")?;
    let bar = ProgressBar::new(0).with_style(style);
    let imported = store
        .import_passwords(
            async |password| authenticator.hash_password(password).await,
            |progress| {
                bar.set_length(progress.total);
                bar.set_position(progress.done);
            },
        )
        .await;
    bar.finish_and_clear();
    Ok(imported?)
}
