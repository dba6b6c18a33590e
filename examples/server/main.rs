//! A whole server on portcullis: configuration, store, routes, shutdown. Start reading at `app.rs`.
//!
//! `cargo run --example server --all-features -- --demo`

mod app;
mod audit;
mod backup;
mod body;
mod command;
mod config;
mod counted;
mod docs;
mod edge;
mod error;
mod form;
mod guard;
mod import;
mod json;
mod keys;
mod openapi;
mod policy;
mod query;
mod restore;
mod routes;
mod serve;
mod set_password;
mod shutdown;
mod state;
mod storage;
mod user_input;

use command::Command;
use config::{Config, ConfigError};
use portcullis::PasswordHasher;
use portcullis::directory::UserDirectory;
use portcullis::password::HashParams;
use portcullis::stores::sqlite::SqliteStore;
use portcullis::stores::supabase::{CheckError, SupabaseStore};
use state::AppState;
use std::collections::HashMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use storage::Storage;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

type Failure = Box<dyn core::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Command::from_args(std::env::args_os().skip(1)) {
        Ok(command) => perform(command).await,
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line: what is wrong and, where there is one, the remedy.
            drop(writeln!(std::io::stderr(), "error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn perform(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve { demo } => run(demo).await,
        Command::Migration => print_migration(),
        Command::ImportPasswords => import::run(environment()?).await,
        Command::Backup(to) => backup::run(&to, environment()?).await,
        Command::Restore(from) => restore::run(&from, environment()?).await,
        Command::SetPassword(email) => set_password::run(&email, environment()?).await,
        Command::Version => say(command::VERSION),
        Command::Help => say(command::HELP.trim_end()),
    }
}

async fn run(demo: bool) -> Result<(), Failure> {
    let config = Config::read(demo, environment()?)?;
    log_to_stderr(&config.log_filter)?;

    // Kept until the end: the directory goes with it.
    let throw_away;
    match &config.storage {
        Storage::Supabase(store) => {
            checked(store).await?;
            serve_on(store.clone(), &config, demo).await
        }
        Storage::File(path) => serve_on(open(path).await?, &config, demo).await,
        Storage::ThrowAway => {
            throw_away = tempfile::tempdir()?;
            let store = open(&throw_away.path().join("demo.db")).await?;
            serve_on(store, &config, demo).await
        }
    }
}

/// What is wrong with a Supabase database, said to whoever runs this program.
async fn checked(store: &SupabaseStore) -> Result<(), ConfigError> {
    let Err(error) = store.check().await else {
        return Ok(());
    };
    let text = error.to_string();
    Err(ConfigError::new(match error {
        CheckError::Unavailable(_) => {
            format!("{text}; is SUPABASE_URL the address of a project, and does it run?")
        }
        _ => text.replace("Schema::migration", "server migration prints it"),
    }))
}

async fn open(database: &Path) -> Result<SqliteStore, ConfigError> {
    SqliteStore::open(database)
        .await
        .map_err(|error| ConfigError::new(format!("DATABASE can't be opened: {error}")))
}

/// Everything from here on is the same on every store.
async fn serve_on<S: UserDirectory>(store: S, config: &Config, demo: bool) -> Result<(), Failure> {
    let state = AppState::new(store, PasswordHasher::new(HashParams::default())?, config)?;
    if let Some(first) = &config.first_user {
        let created = state.create_first(first).await?;
        let user = created.as_ref().map(|user| user.id.as_str());
        // Of a store that holds users already, none.
        tracing::info!(?user, demo, "first user created");
    }

    let signals = shutdown::signals()?;
    let listener = TcpListener::bind(config.bind)
        .await
        .map_err(|error| ConfigError::new(format!("can't listen on {}: {error}", config.bind)))?;
    say(&format!("listening on http://{}", listener.local_addr()?))?;
    let app = app::router(state.clone(), config);
    let drain = shutdown::drain(state, config.drain, signals.clone());
    tokio::select! {
        () = serve::serve(listener, app, config.limits, drain) => {}
        () = shutdown::received(signals, 2) => tracing::warn!("told to stop again: stopped at once"),
    }
    Ok(())
}

fn print_migration() -> Result<(), Failure> {
    let schema = storage::schema(&environment()?)?;
    say(schema.migration()?.trim_end())
}

/// Looks variables up in the environment and then in `.env`, which is never allowed to override it. An empty variable is
/// as good as none.
fn environment() -> Result<impl Fn(&str) -> Option<String>, ConfigError> {
    let wrong = || ConfigError::new(".env can't be read as lines of NAME=value");
    let mut variables = HashMap::new();
    match dotenvy::from_path_iter(".env") {
        Ok(lines) => {
            for line in lines {
                // The error would quote the line, and it may be the one with the key.
                let (name, value) = line.map_err(|_| wrong())?;
                variables.insert(name, value);
            }
        }
        Err(error) if error.not_found() => {}
        Err(_) => return Err(wrong()),
    }
    for (name, value) in std::env::vars_os() {
        if let Ok(name) = name.into_string() {
            // What is no text can be none of ours; it then counts as an empty, invalid value.
            variables.insert(name, value.to_string_lossy().into_owned());
        }
    }
    variables.retain(|_, value| !value.trim().is_empty());
    Ok(move |name: &str| variables.get(name).cloned())
}

fn log_to_stderr(filter: &str) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|_| ConfigError::new("RUST_LOG is not a filter such as info or server=debug"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    // Where it happened, not what the panic says: that may quote a value.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(?place, "panicked");
    }));
    Ok(())
}

fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
