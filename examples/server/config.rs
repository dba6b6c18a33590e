//! Environment, `.env` and arguments become a [`Config`], or one clear line that says what is wrong.
//!
//! There is no default secret: a server that starts with a known key is open to everybody.

use crate::counted::Counted;
use crate::log::LogFormat;
use crate::metrics;
use crate::storage::Storage;
use axum::http::HeaderValue;
use core::fmt;
use core::time::Duration;
use portcullis::Password;
use portcullis::password::PasswordPolicy;
use portcullis::token::{Algorithm, SigningKey};
use portcullis::user::Email;
use std::net::SocketAddr;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
The example server of portcullis: sign in at POST /token, use the token on /users.

Usage: server [--demo | migration | import-passwords]

  --demo            make a throw-away key, database and user (test@example.com / fakehashedpassword), on loopback only
  migration         print the SQL that makes a Supabase database ready; run it once, by psql or in the SQL editor
  import-passwords  make hashes of the clear-text passwords in a Supabase table; can be stopped and started again
  --help            print this

Configuration is read from the environment, and from .env in the working directory; the environment wins.
SECRET_KEY is required without --demo. Make one with: openssl rand -base64 48
With SUPABASE_URL and SUPABASE_KEY set the server runs on Supabase, else on an SQLite file.
README.md beside this program lists every variable.
";

const MAKE_ONE: &str = "make one with: openssl rand -base64 48";

/// The demonstration user of the program this server replaces.
const DEMO_USER: (&str, &str) = ("test@example.com", "fakehashedpassword");

/// What the command line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Serve {
        demo: bool,
    },
    /// Prints the SQL for a Supabase database.
    Migration,
    /// Makes hashes of clear-text passwords.
    ImportPasswords,
    Help,
}

impl Command {
    /// Reads the arguments after the program's name.
    pub(crate) fn from_args(args: impl Iterator<Item = String>) -> Result<Self, ConfigError> {
        let mut command = None;
        for argument in args {
            let asked = match argument.as_str() {
                "--demo" => Self::Serve { demo: true },
                "migration" => Self::Migration,
                "import-passwords" => Self::ImportPasswords,
                "--help" | "-h" => return Ok(Self::Help),
                // Not echoed: somebody may have typed a secret here.
                _ => return Err(ConfigError::new("unknown argument, see --help")),
            };
            if command.replace(asked).is_some_and(|before| before != asked) {
                return Err(ConfigError::new("one command at a time, see --help"));
            }
        }
        Ok(command.unwrap_or(Self::Serve { demo: false }))
    }
}

/// Everything an operator can set.
#[derive(Debug)]
pub(crate) struct Config {
    /// Signs and checks tokens: HMAC-SHA-256 with the bytes of `SECRET_KEY`.
    pub(crate) key: SigningKey,
    /// The `iss` of tokens. Default: `portcullis`.
    pub(crate) issuer: String,
    /// The `aud` of tokens. Default: `portcullis-api`.
    pub(crate) audience: String,
    /// Where to listen. Default: 127.0.0.1:8000, since the server speaks no TLS: a proxy does.
    pub(crate) bind: SocketAddr,
    /// Where users are kept. Default: the file `portcullis.db`.
    pub(crate) storage: Storage,
    /// Where failed sign-ins are counted: where all servers that share the users see them.
    pub(crate) counted: Counted,
    /// How long a token is good. Default: 30 minutes, as in the original.
    pub(crate) lifetime: Duration,
    /// How many proxies of the operator's own stand in front. Default: 0, and `X-Forwarded-For` is not looked at.
    pub(crate) trusted_proxy_hops: usize,
    /// The origins whose pages may call the server. Default: none.
    pub(crate) cors_origins: Vec<HeaderValue>,
    /// The user to create if the store holds none.
    pub(crate) first_user: Option<FirstUser>,
    /// What `GET /` says.
    pub(crate) welcome: String,
    /// What is logged, in the syntax of `RUST_LOG`. Default: `info`.
    pub(crate) log_filter: String,
    /// How a line of the log looks. Default: text.
    pub(crate) log_format: LogFormat,
    /// Where metrics are served. Default: nowhere.
    pub(crate) metrics_bind: Option<SocketAddr>,
    /// Sizes and times that bound what one client can take.
    pub(crate) limits: Limits,
}

/// Somebody to begin with: an administrator of a tenant of its own.
#[derive(Debug)]
pub(crate) struct FirstUser {
    pub(crate) email: Email,
    pub(crate) password: Password,
}

/// What one client can take. Constants: nobody needs to turn them, tests do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For the head of a request, and for a connection to stay idle.
    pub(crate) head: Duration,
    /// For the body of a request.
    pub(crate) body: Duration,
    /// For a connection in all; it is then ended after the request in flight.
    pub(crate) connection: Duration,
    /// For a client to read the answer to a request whose body nobody wanted.
    pub(crate) linger: Duration,
    /// For the requests in flight when the server is told to stop.
    pub(crate) shutdown: Duration,
    /// Connections at one time; more wait to be accepted.
    pub(crate) connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(15),
            body: Duration::from_secs(15),
            connection: Duration::from_secs(600),
            linger: Duration::from_secs(3),
            shutdown: Duration::from_secs(20),
            connections: 1024,
        }
    }
}

/// Why the server does not start: one line, without the value that is wrong.
#[derive(Debug)]
pub(crate) struct ConfigError(String);

impl ConfigError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for ConfigError {}

impl Config {
    /// Reads the configuration; `variable` looks one up. An empty variable is as good as none.
    pub(crate) fn read(
        demo: bool,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let storage = Storage::read(demo, &variable)?;
        let secret = variable("SECRET_KEY");
        let bind = match variable("BIND") {
            None => SocketAddr::from(([127, 0, 0, 1], 8000)),
            Some(text) => text.trim().parse().map_err(|_| {
                ConfigError::new("BIND must be an address and a port, such as 127.0.0.1:8000")
            })?,
        };
        if demo && !bind.ip().is_loopback() {
            return Err(ConfigError::new(
                "--demo creates an administrator whose password is public, so BIND must be a loopback address",
            ));
        }
        let hops = number(&variable, "TRUSTED_PROXY_HOPS", 0, 0..=16)?;
        let minutes = number(&variable, "ACCESS_TOKEN_EXPIRE_MINUTES", 30, 1..=1440)?;
        Ok(Self {
            counted: Counted::beside(&storage, secret.as_deref())?,
            key: key(demo, secret)?,
            issuer: variable("ISSUER").unwrap_or_else(|| "portcullis".to_owned()),
            audience: variable("AUDIENCE").unwrap_or_else(|| "portcullis-api".to_owned()),
            bind,
            storage,
            lifetime: Duration::from_secs(minutes.saturating_mul(60)),
            trusted_proxy_hops: usize::try_from(hops).unwrap_or_default(),
            cors_origins: origins(variable("CORS_ORIGINS").as_deref().unwrap_or_default())?,
            first_user: first_user(demo, variable("ADMIN_EMAIL"), variable("ADMIN_PASSWORD"))?,
            welcome: variable("WELCOME_MESSAGE").unwrap_or_else(|| {
                "Welcome to the Agentic Employment Infrastructure Backend".to_owned()
            }),
            log_filter: variable("RUST_LOG").unwrap_or_else(|| "info".to_owned()),
            log_format: LogFormat::parse(variable("LOG_FORMAT").as_deref())?,
            metrics_bind: metrics::bind(variable("METRICS_BIND").as_deref())?,
            limits: Limits::default(),
        })
    }
}

fn key(demo: bool, secret: Option<String>) -> Result<SigningKey, ConfigError> {
    match secret {
        Some(secret) => SigningKey::from_secret(Algorithm::Hs256, secret.as_bytes())
            .map_err(|error| ConfigError::new(format!("SECRET_KEY: {error}; {MAKE_ONE}"))),
        None if demo => SigningKey::generate(Algorithm::Hs256)
            .map_err(|error| ConfigError::new(format!("no key could be made: {error}"))),
        None => Err(ConfigError::new(format!(
            "SECRET_KEY is not set; {MAKE_ONE} (or try --demo)"
        ))),
    }
}

fn number(
    variable: &impl Fn(&str) -> Option<String>,
    name: &str,
    default: u64,
    range: core::ops::RangeInclusive<u64>,
) -> Result<u64, ConfigError> {
    let Some(text) = variable(name) else {
        return Ok(default);
    };
    text.trim()
        .parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            ConfigError::new(format!(
                "{name} must be a whole number from {} to {}",
                range.start(),
                range.end()
            ))
        })
}

/// Exact origins, as browsers send them: scheme, host, port if it isn't the usual one, and nothing more.
fn origins(list: &str) -> Result<Vec<HeaderValue>, ConfigError> {
    let wrong = || {
        ConfigError::new(
            "CORS_ORIGINS must be exact origins such as https://app.example.com, separated by commas",
        )
    };
    list.split(',')
        .map(str::trim)
        .filter(|origin| !origin.is_empty())
        .map(|origin| {
            let host = origin
                .strip_prefix("https://")
                .or_else(|| origin.strip_prefix("http://"))
                .ok_or_else(wrong)?;
            let exact = !host.is_empty()
                && host.bytes().all(|b| {
                    b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._:[]".contains(&b)
                });
            if exact {
                origin.parse().map_err(|_| wrong())
            } else {
                Err(wrong())
            }
        })
        .collect()
}

/// What a new password must be. The product's name is the first thing to guess.
pub(crate) fn password_policy() -> PasswordPolicy {
    PasswordPolicy::default().product("portcullis")
}

fn first_user(
    demo: bool,
    email: Option<String>,
    password: Option<String>,
) -> Result<Option<FirstUser>, ConfigError> {
    let (email, password, checked) = match (email, password) {
        (Some(email), Some(password)) => (email, password, true),
        // Its password was printed in public: no policy would take it, and it is for loopback only.
        (None, None) if demo => (DEMO_USER.0.to_owned(), DEMO_USER.1.to_owned(), false),
        (None, None) => return Ok(None),
        _ => {
            return Err(ConfigError::new(
                "ADMIN_EMAIL and ADMIN_PASSWORD need each other",
            ));
        }
    };
    let email =
        Email::parse(&email).map_err(|error| ConfigError::new(format!("ADMIN_EMAIL: {error}")))?;
    let password = Password::new(password);
    if checked {
        password_policy()
            .check(&password, &[email.as_str()])
            .map_err(|error| ConfigError::new(format!("ADMIN_PASSWORD: {error}")))?;
    }
    Ok(Some(FirstUser { email, password }))
}
