//! The check at the start: which table, column, grant or key is wrong, before somebody signs in.

use super::SupabaseStore;
use super::client::Call;
use super::error::{Kind, SupabaseError};
use super::schema::Name;
use serde::Deserialize;

/// What the scripts of this version of the crate answer.
const VERSION: u32 = 1;

const RUN_IT: &str = "run the migration (Schema::migration) as the owner of the table";

/// Why a store can't be used as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// Something in the database is missing or wrong: a sentence each, with its remedy.
    #[error("the database is not ready: {}", problems.join("; "))]
    NotReady {
        /// What is wrong.
        problems: Vec<String>,
    },
    /// The check could not be made.
    #[error("the database could not be checked")]
    Unavailable(#[source] SupabaseError),
}

/// What `portcullis_check` answers.
#[derive(Deserialize)]
struct Report {
    version: u32,
    problems: Vec<String>,
}

impl SupabaseStore {
    /// Checks that key, table, columns, functions, grants and row level security are as this store needs them.
    ///
    /// Call it once at the start: what is wrong would otherwise look like an empty table, or come out at somebody's
    /// sign-in. It changes nothing.
    ///
    /// # Errors
    /// [`CheckError::NotReady`] says what is wrong, all at once where it can.
    pub async fn check(&self) -> Result<(), CheckError> {
        if let Err(error) = self.select(&Name::ACCOUNT).await {
            return Err(self.explain_table(error).await);
        }
        let call = Call::question("rpc/portcullis_check", &[], &serde_json::json!({}));
        let sent = self.client().send(call.map_err(CheckError::Unavailable)?);
        let report: Report = match sent.await.and_then(|answer| answer.json()) {
            Ok(report) => report,
            Err(error) => return Err(explain_function(error)),
        };
        let mut problems: Vec<String> = report.problems.iter().map(|text| plain(text)).collect();
        if report.version != VERSION {
            problems.push(format!(
                "its functions are of version {}, this crate needs {VERSION}: {RUN_IT}",
                report.version
            ));
        }
        not_ready(problems)
    }

    /// Asks for no row, but by these columns.
    async fn select(&self, columns: &[Name]) -> Result<(), SupabaseError> {
        let select = self.schema().select(columns);
        let query = [("select", select.as_str()), ("limit", "0")];
        let call = Call::read(self.schema().name(Name::Table), &query);
        self.client().send(call).await.map(drop)
    }

    async fn explain_table(&self, error: SupabaseError) -> CheckError {
        let schema = self.schema().name(Name::Schema);
        let table = self.schema().name(Name::Table);
        let problem = match error.code() {
            Some("PGRST106") => {
                format!("schema \"{schema}\" is not exposed: add it to the API's exposed schemas")
            }
            Some("PGRST205" | "42P01") => format!(
                "there is no table \"{table}\" in schema \"{schema}\": {RUN_IT}, or name the right one"
            ),
            Some("42501") => format!(
                "the key's role may not read \"{schema}\".\"{table}\": use the service key, and {RUN_IT}"
            ),
            Some("PGRST204" | "42703") => return self.explain_columns().await,
            _ => return unavailable(error),
        };
        CheckError::NotReady {
            problems: vec![problem],
        }
    }

    /// Which columns it is: each is asked for alone.
    async fn explain_columns(&self) -> CheckError {
        let mut problems = Vec::new();
        for column in Name::ACCOUNT {
            match self.select(&[column]).await {
                Ok(()) => {}
                Err(error) if matches!(error.code(), Some("PGRST204" | "42703")) => {
                    let name = self.schema().name(column);
                    let table = self.schema().name(Name::Table);
                    problems.push(format!("table \"{table}\" has no column \"{name}\""));
                }
                Err(error) => return unavailable(error),
            }
        }
        problems.push(format!("{RUN_IT}, or name the right columns"));
        CheckError::NotReady { problems }
    }
}

fn explain_function(error: SupabaseError) -> CheckError {
    let problem = match error.code() {
        Some("PGRST202" | "42883") => format!("the functions are missing: {RUN_IT}"),
        Some("42P01") => format!("a table that the functions use is missing: {RUN_IT}"),
        Some("42501") => {
            format!("the key's role may not call the functions: use the service key, and {RUN_IT}")
        }
        _ => return unavailable(error),
    };
    CheckError::NotReady {
        problems: vec![problem],
    }
}

fn unavailable(error: SupabaseError) -> CheckError {
    if matches!(error.kind, Kind::KeyRejected(_)) {
        return CheckError::NotReady {
            problems: vec![
                "the service key is rejected: is it of this project, and current?".into(),
            ],
        };
    }
    CheckError::Unavailable(error)
}

fn not_ready(problems: Vec<String>) -> Result<(), CheckError> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(CheckError::NotReady { problems })
    }
}

/// Names in a database can hold anything; a line of a log must stay a line.
fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().take(300).map(shown).collect()
}
