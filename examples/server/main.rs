//! A whole server on portcullis: configuration, store, routes, shutdown. Start reading at `app.rs`.
//!
//! `cargo run --example server --all-features -- --demo`

mod app;
mod audit;
mod body;
mod config;
mod counted;
mod docs;
mod edge;
mod error;
mod form;
mod guard;
mod import;
mod json;
mod log;
mod metrics;
mod openapi;
mod policy;
mod query;
mod routes;
mod serve;
mod state;
mod storage;
mod user_input;

use config::{Command, Config, ConfigError};
use log::Log;
use metrics::MeasuredStore;
use portcullis::directory::UserDirectory;
use portcullis::password::HashParams;
use portcullis::stores::sqlite::SqliteStore;
use portcullis::stores::supabase::{CheckError, SupabaseStore};
use portcullis::{ErrorChain, PasswordHasher};
use state::AppState;
use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use storage::Storage;
use tokio::net::TcpListener;

type Failure = Box<dyn core::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Command::from_args(std::env::args().skip(1)) {
        Ok(Command::Help) => say(config::HELP.trim_end()),
        Ok(Command::Serve { demo }) => run(demo).await,
        Ok(Command::Migration) => print_migration(),
        Ok(Command::ImportPasswords) => import_passwords().await,
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line: what is wrong with all its causes and, where there is one, the remedy.
            drop(writeln!(
                std::io::stderr(),
                "error: {}",
                ErrorChain::new(&*error)
            ));
            ExitCode::FAILURE
        }
    }
}

async fn run(demo: bool) -> Result<(), Failure> {
    let config = Config::read(demo, environment()?)?;
    // Until the end: what is left is written when it goes.
    let _log = Log::start(&config.log_filter, config.log_format, std::io::stderr())?;

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
    let text = ErrorChain::new(&error).to_string();
    Err(ConfigError::new(match error {
        CheckError::Unavailable(_) => {
            format!("{text}; is SUPABASE_URL the address of a project, and does it run?")
        }
        _ => text.replace("Schema::migration", "server migration prints it"),
    }))
}

async fn open(database: &Path) -> Result<SqliteStore, ConfigError> {
    SqliteStore::open(database).await.map_err(|error| {
        let error = ErrorChain::new(&error);
        ConfigError::new(format!("DATABASE can't be opened: {error}"))
    })
}

/// Everything from here on is the same on every store.
async fn serve_on<S: UserDirectory>(store: S, config: &Config, demo: bool) -> Result<(), Failure> {
    let hasher = PasswordHasher::new(HashParams::default())?;
    let state = AppState::new(MeasuredStore(store), hasher, config)?;
    if let Some(first) = &config.first_user {
        let created = state.create_first(first).await?;
        let user = created.as_ref().map(|user| user.id.as_str());
        // Of a store that holds users already, none.
        tracing::info!(user, demo, "first user created");
    }

    let listener = TcpListener::bind(config.bind)
        .await
        .map_err(|error| ConfigError::new(format!("can't listen on {}: {error}", config.bind)))?;
    let address = listener.local_addr()?;
    if let Some(bind) = config.metrics_bind {
        let address = metrics::serve(bind, config.limits).await?;
        tracing::info!(%address, "metrics served");
    }
    tracing::info!(%address, "listening");
    // In a thread of its own, since the reader may stall; that it is gone is no reason to end either.
    drop(std::thread::spawn(move || {
        drop(say(&format!("listening on http://{address}")));
    }));
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
        Err(dotenvy::Error::Io(error)) => {
            return Err(ConfigError::new(format!(".env can't be read: {error}")));
        }
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
