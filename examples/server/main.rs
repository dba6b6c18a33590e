//! A whole server on portcullis: configuration, store, routes, shutdown. Start reading at `app.rs`.
//!
//! `cargo run --example server --all-features -- --demo`

mod accept_error;
mod app;
mod audit;
mod backup;
mod body;
mod client_address;
mod command;
mod config;
mod connection;
mod connections;
mod docs;
mod edge;
mod environment;
mod error;
mod form;
mod guard;
mod import;
mod json;
mod keys;
mod limits;
mod log;
mod metrics;
mod openapi;
mod policy;
mod query;
mod restore;
mod routes;
mod serve;
mod server_secret;
mod set_password;
mod shutdown;
mod sign_in_throttle;
mod state;
mod storage;
mod transport;
mod unlock;
mod user_input;

use command::Command;
use config::{Config, ConfigError};
use core::time::Duration;
use environment::environment;
use log::Log;
use metrics::MeasuredStore;
use portcullis::directory::UserDirectory;
use portcullis::password::HashParams;
use portcullis::stores::sqlite::SqliteStore;
use portcullis::stores::supabase::{CheckError, SupabaseStore};
use portcullis::{ErrorChain, PasswordHasher};
use sign_in_throttle::SignInThrottle;
use state::AppState;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use storage::Storage;
use tokio::net::TcpListener;

type Failure = Box<dyn core::error::Error + Send + Sync>;

/// How long what still runs may take at the end.
const LAST_WORK: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    match run_command() {
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

fn run_command() -> Result<(), Failure> {
    let command = Command::from_args(std::env::args_os().skip(1))?;
    let runtime = tokio::runtime::Runtime::new()?;
    let outcome = runtime.block_on(perform(command));
    // Not only dropped: that would wait for a look-up of a name that hangs.
    runtime.shutdown_timeout(LAST_WORK);
    outcome
}

async fn perform(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve { demo } => run(demo).await,
        Command::Migration => print_migration(),
        Command::ImportPasswords => import::run(environment()?).await,
        Command::Backup(to) => backup::run(&to, environment()?).await,
        Command::Restore(from) => restore::run(&from, environment()?).await,
        Command::Unlock(email) => unlock::run(&email, environment()?).await,
        Command::SetPassword(email) => set_password::run(&email, environment()?).await,
        Command::Version => say(command::VERSION),
        Command::Help => say(command::HELP.trim_end()),
    }
}

async fn run(demo: bool) -> Result<(), Failure> {
    let mut config = Config::read(demo, environment()?)?;
    // Until the end: what is left is written when it goes.
    let _log = Log::start(&config.log_filter, config.log_format, std::io::stderr())?;
    if demo {
        tracing::info!(
            "the demonstration's key, database and user are thrown away at the end; SECRET_KEY, SERVER_SECRET, DATABASE, ADMIN_* \
             and SUPABASE_* are not read"
        );
    }

    // Kept until the end: the directory goes with it.
    let throw_away;
    match &config.storage {
        Storage::Supabase(store) => {
            checked(store).await?;
            match store.check_identifiers().await {
                Ok(listed) => warn_of(&listed),
                Err(error) => warn_of(&[error.to_string()]),
            }
            serve_on(store.clone(), &config, demo).await
        }
        Storage::File(path) => {
            let store = open(path).await?;
            if !demo {
                config.throttle = SignInThrottle::sqlite(&store, &config.server_secret);
            }
            if config.first_user.is_none() && backup::is_empty(path).await.unwrap_or(false) {
                tracing::warn!(
                    "the store has no users: set ADMIN_EMAIL and ADMIN_PASSWORD to create the first one"
                );
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
    let text = ErrorChain::new(&error).to_string();
    Err(ConfigError::new(match error {
        CheckError::Unavailable(_) => {
            format!("{text}; is SUPABASE_URL the address of a project, and does it run?")
        }
        _ => text.replace("Schema::migration", "server migration prints it"),
    }))
}

async fn open(database: &Path) -> Result<SqliteStore, ConfigError> {
    let failed = |error| {
        let error = ErrorChain::new(&error);
        ConfigError::new(format!("DATABASE can't be opened: {error}"))
    };
    let store = SqliteStore::open(database).await.map_err(failed)?;
    warn_of(&store.check_identifiers().await.map_err(failed)?);
    Ok(store)
}

/// What can stay as it is for now, and should be mended.
fn warn_of(problems: &[String]) {
    for problem in problems {
        tracing::warn!(%problem, "the database should be mended");
    }
}

/// Everything from here on is the same on every store.
async fn serve_on<S: UserDirectory>(store: S, config: &Config, demo: bool) -> Result<(), Failure> {
    let hasher = PasswordHasher::new(HashParams::default())?;
    let state = AppState::new(MeasuredStore(store), hasher, config)?;
    if let Some(first) = &config.first_user {
        if let Some(user) = state.create_first(first).await? {
            tracing::info!(user = user.id.as_str(), demo, "first user created");
        } else {
            tracing::info!("no first user created: the store holds users already");
        }
    }

    if config.derived_server_secret && !demo {
        tracing::warn!(
            "SERVER_SECRET is not set, so it is derived from SECRET_KEY: a new SECRET_KEY then also ends device tokens and \
             forgets failed sign-ins and known addresses"
        );
    }
    if let Some(key) = config.skipped_derived_secret {
        tracing::warn!(
            key,
            "two secrets have the same key id: what was made under the one derived from this key is not found"
        );
    }
    let signals = shutdown::signals()?;
    let listener = TcpListener::bind(config.bind).await.map_err(|error| {
        ConfigError::new(format!("BIND: can't listen on {}: {error}", config.bind))
    })?;
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
    let app = app::router(state.clone(), config);
    let drain = shutdown::drain(state.clone(), config.drain, signals.clone());
    tokio::select! {
        () = serve::serve(listener, app, config.limits, drain) => {}
        () = shutdown::received(signals, 2) => tracing::warn!("told to stop again: stopped at once"),
    }
    // Those whose client has hung up are not among the requests in flight.
    drop(tokio::time::timeout(LAST_WORK, state.changes.write()).await);
    Ok(())
}

fn print_migration() -> Result<(), Failure> {
    let schema = storage::schema(&environment()?)?;
    say(schema.migration()?.trim_end())
}

fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
