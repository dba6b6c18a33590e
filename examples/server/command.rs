//! What the command line asks for.

use crate::config::ConfigError;
use std::ffi::OsString;
use std::path::PathBuf;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
The example server of portcullis: sign in at POST /token, use the token on /users.

Usage: server [--demo | migration | import-passwords | backup FILE | restore FILE | set-password EMAIL | unlock EMAIL]

  --demo              make a throw-away key, database and user (test@example.com / fakehashedpassword), on loopback only
  backup FILE         copy the SQLite database into a new file, checked, while servers run and write
  restore FILE        put a backup in the database's place; stop the server first, the old database is kept beside it
  set-password EMAIL  read a new password from standard input and end the user's tokens, also while servers run
  unlock EMAIL        forgive the failed sign-ins of an account, also while servers run
  migration           print the SQL that makes a Supabase database ready; run it once, by psql or in the SQL editor
  import-passwords    make hashes of the clear-text passwords in a Supabase table; can be stopped and started again
  --version           print the version
  --help              print this

Configuration is read from the environment, and from .env in the working directory; the environment wins.
SECRET_KEY is required without --demo. Make one with: openssl rand -base64 48
With SUPABASE_URL and SUPABASE_KEY set the server runs on Supabase, else on an SQLite file.
Every variable, and how to operate the server: examples/server/README.md and src/guides/operating.md in the source code.
";

/// What `--version` prints.
pub(crate) const VERSION: &str = concat!("server ", env!("CARGO_PKG_VERSION"));

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Serve {
        demo: bool,
    },
    /// Prints the SQL for a Supabase database.
    Migration,
    /// Makes hashes of clear-text passwords.
    ImportPasswords,
    /// Copies the SQLite database into a new file.
    Backup(PathBuf),
    /// Puts a backup in the SQLite database's place.
    Restore(PathBuf),
    /// Gives the user of this e-mail address another password.
    SetPassword(String),
    /// Forgives the failed sign-ins of the user of this e-mail address.
    Unlock(String),
    Version,
    Help,
}

impl Command {
    /// Reads the arguments after the program's name.
    pub(crate) fn from_args(
        arguments: impl IntoIterator<Item: Into<OsString>>,
    ) -> Result<Self, ConfigError> {
        let mut arguments = arguments.into_iter().map(Into::into);
        let mut command = None;
        while let Some(argument) = arguments.next() {
            let mut operand = |what: &str| match arguments.next() {
                Some(operand) if !operand.as_encoded_bytes().starts_with(b"-") => Ok(operand),
                _ => Err(ConfigError::new(format!("{what}, see --help"))),
            };
            let asked = match argument.to_str().unwrap_or_default() {
                "--demo" => Self::Serve { demo: true },
                "migration" => Self::Migration,
                "import-passwords" => Self::ImportPasswords,
                "backup" => Self::Backup(operand("backup needs the file to write")?.into()),
                "restore" => Self::Restore(operand("restore needs the file to read")?.into()),
                "set-password" => {
                    let email = operand("set-password needs the user's e-mail address")?;
                    Self::SetPassword(email.to_string_lossy().into_owned())
                }
                "unlock" => {
                    let email = operand("unlock needs the user's e-mail address")?;
                    Self::Unlock(email.to_string_lossy().into_owned())
                }
                "--version" | "-V" => return Ok(Self::Version),
                "--help" | "-h" => return Ok(Self::Help),
                // Not echoed: it may be a secret that was typed here by mistake.
                _ => return Err(unknown(command.as_ref())),
            };
            if command
                .replace(asked.clone())
                .is_some_and(|before| before != asked)
            {
                return Err(ConfigError::new("one command at a time, see --help"));
            }
        }
        Ok(command.unwrap_or(Self::Serve { demo: false }))
    }
}

fn unknown(before: Option<&Command>) -> ConfigError {
    ConfigError::new(match before {
        // Arguments are seen by everybody on the machine, and kept in the shell's history.
        Some(Command::SetPassword(_)) => {
            "set-password takes an e-mail address and nothing else: the password is read from standard input"
        }
        _ => "unknown argument, see --help",
    })
}
