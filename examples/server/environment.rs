//! The environment, and `.env` in the working directory.

use crate::config::{Config, ConfigError};
use std::collections::HashMap;
use std::io;
use std::path::Path;

/// The variables whose values are random or chosen by people, so that a `$` in them is meant as it stands.
const SECRETS: [&str; 5] = [
    "ADMIN_PASSWORD",
    "SECRET_KEY",
    "SECRET_KEY_PREVIOUS",
    "SERVER_SECRET",
    "SUPABASE_KEY",
];

/// Looks variables up in the environment and then in `.env`, which is never allowed to override it. An empty variable is
/// as good as none.
pub(crate) fn environment() -> Result<impl Fn(&str) -> Option<String>, ConfigError> {
    let mut variables = match std::fs::read_to_string(".env") {
        Ok(text) => parse(&text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => HashMap::new(),
        Err(error) => return Err(ConfigError::new(format!(".env can't be read: {error}"))),
    };
    for (name, value) in std::env::vars_os() {
        if let Ok(name) = name.into_string() {
            // What is no text can be none of ours; it then counts as an empty, invalid value.
            variables.insert(name, value.to_string_lossy().into_owned());
        }
    }
    variables.retain(|_, value| !value.trim().is_empty());
    Ok(move |name: &str| variables.get(name).cloned())
}

/// Reads the configuration of a server for a command that works beside it.
///
/// A new key would be no help: the counters of that server are found with its own secrets only.
pub(crate) fn of_the_server(
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Config, ConfigError> {
    if variable("SECRET_KEY").is_some() {
        return Config::read(false, variable);
    }
    let file = if Path::new(".env").exists() {
        "the .env in this folder lacks it"
    } else {
        "there is no .env in this folder"
    };
    Err(ConfigError::new(format!(
        "SECRET_KEY is not set, and {file}: run this in the folder of the server's .env, or set SECRET_KEY and \
         SERVER_SECRET to the same as the server's"
    )))
}

/// Reads the lines of `.env`.
fn parse(text: &str) -> Result<HashMap<String, String>, ConfigError> {
    let lines: Result<HashMap<_, _>, _> = dotenvy::from_read_iter(text.as_bytes()).collect();
    // The error would quote the line, and it may be the one with the key.
    let variables = lines.map_err(|_| {
        ConfigError::new(
            ".env can't be read as lines of NAME=value; a value with a space, a backslash or a $ needs single quotes",
        )
    })?;
    match substituted(text, &variables) {
        None => Ok(variables),
        Some(name) => Err(ConfigError::new(format!(
            ".env: in the value of {name}, $ stands for another variable: put the value into single quotes"
        ))),
    }
}

/// Returns a secret in whose value a `$` was not taken as it stands.
fn substituted(text: &str, variables: &HashMap<String, String>) -> Option<&'static str> {
    // What else a value means is left to the library: it reads the text again, with marks that it takes as they stand.
    const ESCAPED: char = '\u{f8fe}';
    const DOLLAR: char = '\u{f8ff}';
    if !text.contains('$') {
        return None;
    }
    let marked = text
        .replace(r"\$", &ESCAPED.to_string())
        .replace('$', &DOLLAR.to_string());
    // A backslash before an escaped one makes a line unreadable with marks: it is not taken as it stands either.
    let marked: HashMap<_, _> = dotenvy::from_read_iter(marked.as_bytes())
        .filter_map(Result::ok)
        .collect();
    let is_literal = |name: &str, value: &str| {
        marked.get(name).is_some_and(|marked| {
            // In single quotes a backslash stands for itself.
            let dollars = |escaped| marked.replace(ESCAPED, escaped).replace(DOLLAR, "$");
            value == dollars("$") || value == dollars(r"\$")
        })
    };
    (SECRETS.into_iter())
        .find(|name| (variables.get(*name)).is_some_and(|value| !is_literal(name, value)))
}
