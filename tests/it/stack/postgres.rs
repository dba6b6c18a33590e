//! A private PostgreSQL: its own cluster, folder and port, with the roles of a Supabase project.

use super::leash::{Leash, Owner};
use super::session::Session;
use core::fmt::Write as _;
use core::time::Duration;
use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// How long a start or a reload may take before it counts as failed; a busy machine takes a minute.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// The password of the role that the REST server signs in with.
pub(crate) const AUTHENTICATOR_PASSWORD: &str = "authpw";

/// Speed, not safety: this data lives as long as the test.
const SETTINGS: [&str; 12] = [
    "listen_addresses=127.0.0.1",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "jit=off",
    "shared_buffers=64MB",
    "max_connections=200",
    "max_locks_per_transaction=512",
    "password_encryption=scram-sha-256",
    "timezone=UTC",
    "log_timezone=UTC",
];

/// The roles of a Supabase project.
const ROLES: &str = "
    create role anon nologin noinherit;
    create role authenticated nologin noinherit;
    create role service_role nologin noinherit bypassrls;
    create role authenticator login noinherit password 'authpw';
    grant anon, authenticated, service_role to authenticator;
";

/// One running cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    leash: Leash,
    programs: PathBuf,
    port: u16,
}

impl Cluster {
    /// Makes a cluster and waits until it answers.
    pub(crate) fn start() -> Self {
        let programs = programs();
        // Between choosing a port and using it, somebody else may take it.
        for _ in 0..4 {
            match Self::try_start(&programs, free_port()) {
                Ok(cluster) => {
                    cluster.sql(ROLES);
                    cluster.sql(&open_schema("public"));
                    return cluster;
                }
                Err(log) if log.contains("Address already in use") => {}
                Err(log) => panic!("PostgreSQL did not start:\n{log}"),
            }
        }
        panic!("PostgreSQL found no free port");
    }

    fn try_start(programs: &Path, port: u16) -> Result<Self, String> {
        let folder = Leash::folder("postgres");
        let owner = Owner::unless_root(&folder);
        let mut server = Command::new(programs.join("postgres"));
        server.args(["-D", "data", "-p", &port.to_string()]);
        server.args([
            "-c",
            &format!("unix_socket_directories={}", folder.display()),
        ]);
        for setting in SETTINGS {
            server.args(["-c", setting]);
        }
        // QUIT is PostgreSQL's immediate shutdown: it ends at once and recovers at the next start.
        let leash = Leash::hold(folder, owner, "QUIT", &server);
        // Over the socket, which lies in a folder only its owner can enter, there is no password; over TCP there is.
        leash.run(
            Command::new(programs.join("initdb"))
                .args(["-D", "data", "-U", "postgres", "-E", "UTF8"])
                .args(["--locale=C.UTF-8", "--no-sync"])
                .args(["--auth-local=trust", "--auth-host=scram-sha-256"]),
        )?;
        let cluster = Self {
            leash,
            programs: programs.to_owned(),
            port,
        };
        cluster.leash.start();
        cluster.wait()?;
        Ok(cluster)
    }

    /// Waits until the server says, in the file where it tells `pg_ctl`, that it takes connections.
    fn wait(&self) -> Result<(), String> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let Some(pid) = self.leash.pid() else {
                return Err(self.leash.log());
            };
            let said = fs::read_to_string(self.leash.path().join("data/postmaster.pid"));
            let said = said.unwrap_or_default();
            let mut lines = said.lines();
            if lines.next() == Some(&pid) && lines.last().is_some_and(|last| last.trim() == "ready")
            {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(format!("not ready in time\n{}", self.leash.log()))
    }

    /// Ends it as a power cut would: nothing is flushed, every connection breaks, new ones are refused.
    pub(crate) fn stop(&self) {
        self.leash.stop();
    }

    /// Starts it again on the same port, with the data it had.
    pub(crate) fn start_again(&self) {
        self.leash.start();
        if let Err(log) = self.wait() {
            panic!("PostgreSQL did not start again:\n{log}");
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A connection URL over TCP, where passwords count.
    pub(crate) fn url(&self, role: &str, password: &str) -> String {
        format!(
            "postgres://{role}:{password}@127.0.0.1:{}/postgres",
            self.port
        )
    }

    /// Runs SQL as the superuser and gives back the rows, one a line as `a|b`.
    pub(crate) fn sql(&self, text: &str) -> String {
        self.try_sql(text)
            .unwrap_or_else(|error| panic!("psql says: {error}"))
    }

    /// As [`Cluster::sql`], with psql's words on an error.
    pub(crate) fn try_sql(&self, text: &str) -> Result<String, String> {
        self.try_sql_in("public", text)
    }

    /// As [`Cluster::try_sql`], with the search path at one schema.
    pub(crate) fn try_sql_in(&self, schema: &str, text: &str) -> Result<String, String> {
        // From a file, so that neither side can wait for the other however long the text and the answer are.
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let output = self.psql(schema).stdin(Stdio::from(file)).output().unwrap();
        if output.status.success() {
            let text = String::from_utf8(output.stdout).unwrap();
            Ok(text.trim_end_matches('\n').to_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// A connection that stays, with the search path at one schema.
    pub(crate) fn session_in(&self, schema: &str) -> Session {
        Session::start(&mut self.psql(schema))
    }

    fn psql(&self, schema: &str) -> Command {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-v", "ON_ERROR_STOP=1", "-X", "-q", "-At", "-U", "postgres"])
            .args(["-d", "postgres", "-p", &self.port.to_string(), "-h"])
            .arg(self.leash.path())
            .env_clear()
            .env("PGOPTIONS", format!("-c search_path={schema}"))
            .env("PGCLIENTENCODING", "UTF8");
        psql
    }

    pub(crate) fn leash(&self) -> &Leash {
        &self.leash
    }
}

/// What Supabase grants in an exposed schema. The default privileges matter: whatever a migration creates is everyone's, until it
/// revokes.
pub(crate) fn open_schema(schema: &str) -> String {
    let roles = "anon, authenticated, service_role";
    let mut text = format!("grant usage on schema {schema} to {roles};\n");
    for kind in ["tables", "functions", "sequences"] {
        writeln!(
            text,
            "alter default privileges in schema {schema} grant all on {kind} to {roles};"
        )
        .unwrap();
    }
    text
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// The folder with PostgreSQL's programs: of `PATH`, of `pg_config`, else Debian's newest, which is in no `PATH`.
fn programs() -> PathBuf {
    let mut folders: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        folders.push(String::from_utf8_lossy(&output.stdout).trim().into());
    }
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by_key(|version| core::cmp::Reverse(version.0));
    folders.extend(versions.into_iter().map(|version| version.1));
    folders
        .into_iter()
        .find(|folder| {
            ["initdb", "postgres", "psql"]
                .iter()
                .all(|program| folder.join(program).is_file())
        })
        .unwrap_or_else(|| {
            panic!(
                "these tests run on a real PostgreSQL and its server is not installed: \
                 `apt-get install postgresql` (or put initdb, postgres and psql in PATH)"
            )
        })
}
