//! A whole server on portcullis: configuration, store, routes, shutdown. Start reading at `app.rs`.
//!
//! `cargo run --example server --all-features -- --demo`

mod app;
mod audit;
mod body;
mod config;
mod docs;
mod edge;
mod error;
mod form;
mod guard;
mod import;
mod json;
mod openapi;
mod policy;
mod query;
mod routes;
mod serve;
mod server_secret;
mod sign_in_throttle;
mod state;
mod storage;
mod unlock;
mod user_input;

use config::{Command, Config, ConfigError};
use portcullis::PasswordHasher;
use portcullis::directory::UserDirectory;
use portcullis::password::HashParams;
use portcullis::stores::sqlite::SqliteStore;
use portcullis::stores::supabase::{CheckError, SupabaseStore};
use sign_in_throttle::SignInThrottle;
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
    let outcome = match Command::from_args(std::env::args().skip(1)) {
        Ok(Command::Help) => say(config::HELP.trim_end()),
        Ok(Command::Serve { demo }) => run(demo).await,
        Ok(Command::Migration) => print_migration(),
        Ok(Command::ImportPasswords) => import_passwords().await,
        Ok(Command::Unlock(email)) => unlock(&email).await,
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

async fn run(demo: bool) -> Result<(), Failure> {
    let mut config = Config::read(demo, environment()?)?;
    log_to_stderr(&config.log_filter)?;

    // Kept until the end: the directory goes with it.
    let throw_away;
    match &config.storage {
        Storage::Supabase(store) => {
            checked(store).await?;
            serve_on(store.clone(), &config, demo).await
        }
        Storage::File(path) => {
            let store = open(path).await?;
            if !demo {
                config.throttle = SignInThrottle::sqlite(&store, &config.server_secret);
            }
            serve_on(store, &config, demo).await
        }
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

    if config.derived_server_secret && !demo {
        tracing::warn!(
            "SERVER_SECRET is not set, so it is derived from SECRET_KEY: a new SECRET_KEY then also ends device tokens and \
             forgets failed sign-ins and known addresses"
        );
    }
    let listener = TcpListener::bind(config.bind)
        .await
        .map_err(|error| ConfigError::new(format!("can't listen on {}: {error}", config.bind)))?;
    say(&format!("listening on http://{}", listener.local_addr()?))?;
    let app = app::router(state, config);
    serve::serve(listener, app, config.limits, told_to_stop()).await;
    Ok(())
}

fn print_migration() -> Result<(), Failure> {
    let variable = environment()?;
    let schema = storage::schema(&|name| variable(name).filter(|value| !value.trim().is_empty()))?;
    say(schema.migration()?.trim_end())
}

async fn import_passwords() -> Result<(), Failure> {
    import::run(environment()?).await
}

async fn unlock(email: &str) -> Result<(), Failure> {
    unlock::run(email, environment()?).await
}

/// Looks variables up in the environment and then in `.env`, which is never allowed to override it.
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

/// Ready on Ctrl-C, and on SIGTERM where there is such a thing.
async fn told_to_stop() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = interrupted => {}
        () = terminated => {}
    }
}

fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
