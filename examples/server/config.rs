//! Environment and `.env` become a [`Config`], or one clear line that says what is wrong.
//!
//! There is no default secret: a server that starts with a known key is open to everybody.

use crate::keys;
use crate::limits::Limits;
use crate::log::LogFormat;
use crate::metrics;
use crate::server_secret;
use crate::sign_in_throttle::SignInThrottle;
use crate::storage::Storage;
use axum::http::HeaderValue;
use core::fmt;
use core::time::Duration;
use portcullis::Password;
use portcullis::opaque::ServerSecret;
use portcullis::password::PasswordPolicy;
use portcullis::token::{KeySet, SigningKey};
use portcullis::user::Email;
use std::net::SocketAddr;

/// How the variables begin that name a real server's secrets, users and database. `--demo` reads none of them: its
/// administrator, whose password is public, must never be written to the real database.
const REAL: [&str; 5] = [
    "ADMIN_",
    "DATABASE",
    "SECRET_KEY",
    "SERVER_SECRET",
    "SUPABASE_",
];

/// The demonstration user of the program this server replaces.
const DEMO_USER: (&str, &str) = ("test@example.com", "fakehashedpassword");

/// Everything an operator can set.
#[derive(Debug)]
pub(crate) struct Config {
    /// Signs and checks tokens: HMAC-SHA-256 with the bytes of `SECRET_KEY`.
    pub(crate) key: SigningKey,
    /// What tokens are checked with: `SECRET_KEY`, and `SECRET_KEY_PREVIOUS` while a key is being replaced.
    pub(crate) accepted_keys: KeySet,
    /// The path all routes are under, such as `/auth`. Default: empty, they are at the root.
    pub(crate) base_path: String,
    /// The `iss` of tokens. Default: `portcullis`.
    pub(crate) issuer: String,
    /// The `aud` of tokens. Default: `portcullis-api`.
    pub(crate) audience: String,
    /// Where to listen. Default: 127.0.0.1:8000, since the server speaks no TLS: a proxy does.
    pub(crate) bind: SocketAddr,
    /// Where users are kept. Default: the file `portcullis.db`.
    pub(crate) storage: Storage,
    /// Where failed sign-ins are counted. On an SQLite file it is in memory until the file is open.
    pub(crate) throttle: SignInThrottle,
    /// Hashes the names of counters and makes device tokens: `SERVER_SECRET`.
    pub(crate) server_secret: ServerSecret,
    /// Whether it was derived from `SECRET_KEY`.
    pub(crate) derived_server_secret: bool,
    /// The key whose derived secret is not among those that verify, because another one has its key id.
    pub(crate) skipped_derived_secret: Option<&'static str>,
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
    /// How long requests are still accepted after the server was told to stop, while `/readyz` answers 503. Default: 0.
    pub(crate) drain: Duration,
    /// Sizes and times that bound what one client can take.
    pub(crate) limits: Limits,
}

/// Somebody to begin with: an administrator of a tenant of its own.
#[derive(Debug)]
pub(crate) struct FirstUser {
    pub(crate) email: Email,
    pub(crate) password: Password,
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
        let variable = |name: &str| {
            let value = variable(name).filter(|_| !(demo && is_real(name)));
            value.filter(|value| !value.trim().is_empty())
        };
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
        let list = variable("SERVER_SECRET");
        let key = keys::signing_key(demo, secret.as_deref())?;
        // The demonstration has a key of its own, which replaces none.
        let previous = variable("SECRET_KEY_PREVIOUS").filter(|_| !demo);
        let accepted_keys = keys::accepted(&key, secret.as_deref(), previous.as_deref())?;
        let server_secret =
            server_secret::read(list.as_deref(), secret.as_deref(), previous.as_deref())?;
        Ok(Self {
            throttle: SignInThrottle::beside(&storage, &server_secret.secret, secret.as_deref()),
            server_secret: server_secret.secret,
            derived_server_secret: server_secret.is_derived,
            skipped_derived_secret: server_secret.skipped,
            accepted_keys,
            base_path: base_path(variable("BASE_PATH").as_deref().unwrap_or_default())?,
            drain: Duration::from_secs(number(&variable, "DRAIN_SECONDS", 0, 0..=300)?),
            key,
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

fn is_real(variable: &str) -> bool {
    REAL.iter().any(|start| variable.starts_with(start))
}

/// Segments of unreserved characters (RFC 3986 §2.3), which need no escaping in a route, a `Location` or a document.
fn base_path(path: &str) -> Result<String, ConfigError> {
    let is_segment = |segment: &str| {
        !["", ".", ".."].contains(&segment)
            && segment
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
    };
    let path = path.trim();
    match path.strip_prefix('/') {
        None if path.is_empty() => Ok(String::new()),
        Some(segments) if segments.split('/').all(is_segment) => Ok(path.to_owned()),
        _ => Err(ConfigError::new(
            "BASE_PATH must be a path such as /auth: a slash in front, none at the end",
        )),
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
