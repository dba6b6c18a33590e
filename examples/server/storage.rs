//! Where users are kept: on Supabase if `SUPABASE_URL` is set, else in an SQLite file.

use crate::config::ConfigError;
use portcullis::stores::supabase::{BuildError, Schema, SupabaseKey, SupabaseStore};
use std::path::PathBuf;

/// The store that the configuration names.
#[derive(Debug)]
pub(crate) enum Storage {
    /// A file that is gone when the server ends (`--demo`).
    ThrowAway,
    /// An SQLite file.
    File(PathBuf),
    /// A Supabase project, which other servers may use too. Nothing was sent to it yet.
    Supabase(SupabaseStore),
}

impl Storage {
    /// Reads the variables that say where users are kept. An empty variable must have been left out.
    pub(crate) fn read(
        demo: bool,
        variable: &impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        // Its administrator's password is public, so it never comes near a database that stays.
        if demo {
            return Ok(Self::ThrowAway);
        }
        match (variable("SUPABASE_URL"), variable("DATABASE")) {
            (Some(url), _) => supabase(url, variable).map(Self::Supabase),
            // Running on a local file instead would look like an empty table of users.
            (None, _) if variable("SUPABASE_KEY").is_some() => Err(ConfigError::new(
                "SUPABASE_KEY is set, but not SUPABASE_URL: set it to the project's URL, or neither",
            )),
            (None, Some(path)) => file(path.into()),
            (None, None) => Ok(Self::File(PathBuf::from("portcullis.db"))),
        }
    }
}

/// A path that SQLite would understand otherwise, or refuse without saying why, is refused.
fn file(path: PathBuf) -> Result<Storage, ConfigError> {
    if path.as_os_str().as_encoded_bytes().ends_with(b":memory:") {
        return Err(ConfigError::new(
            "DATABASE must be a file: users in memory would be lost at the end; to try the server out, use --demo",
        ));
    }
    if path.is_dir() {
        return Err(ConfigError::new(
            "DATABASE must be a file, and is a directory",
        ));
    }
    Ok(Storage::File(path))
}

fn supabase(
    url: String,
    variable: &impl Fn(&str) -> Option<String>,
) -> Result<SupabaseStore, ConfigError> {
    let key = variable("SUPABASE_KEY")
        .ok_or_else(|| {
            ConfigError::new(
                "SUPABASE_URL is set, but not SUPABASE_KEY: the project's secret key or service_role key",
            )
        })?;
    let key = SupabaseKey::new(&key)
        .map_err(|error| ConfigError::new(format!("SUPABASE_KEY: {error}")))?;
    let mut store = SupabaseStore::builder(url, key).schema(schema(variable)?);
    match variable("SUPABASE_ALLOW_HTTP").as_deref().map(str::trim) {
        None | Some("false") => {}
        Some("true") => store = store.allow_http(),
        Some(_) => {
            return Err(ConfigError::new(
                "SUPABASE_ALLOW_HTTP must be true or false",
            ));
        }
    }
    store.build().map_err(|error| {
        let remedy = match error {
            BuildError::NotHttps => {
                "; SUPABASE_ALLOW_HTTP=true allows it inside a network of your own"
            }
            _ => "",
        };
        ConfigError::new(format!("SUPABASE_URL: {error}{remedy}"))
    })
}

/// What schema and table are called.
pub(crate) fn schema(variable: &impl Fn(&str) -> Option<String>) -> Result<Schema, ConfigError> {
    let mut schema = Schema::default();
    if let Some(name) = variable("SUPABASE_SCHEMA") {
        schema = schema.schema(name.trim());
    }
    if let Some(name) = variable("SUPABASE_TABLE") {
        schema = schema.table(name.trim());
    }
    // The text itself is wanted elsewhere; here it tells whether the names are names.
    schema
        .migration()
        .map(|_| schema)
        .map_err(|error| ConfigError::new(format!("SUPABASE_SCHEMA or SUPABASE_TABLE: {error}")))
}
