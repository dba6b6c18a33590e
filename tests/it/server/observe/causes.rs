//! Why the database fails, with its file: on the terminal at the start, in the log later, never in an answer.

use super::super::program::{binary, ended};
use super::super::raw::{PATIENCE, Reply, call, sign_in, token};
use super::super::{NEW_PASSWORD, SECRET};
use serde_json::json;
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

const ADMIN: (&str, &str) = ("admin@example.com", "canary of the first admin");

/// The program on a file, started by way of another program.
struct OnFile {
    child: Child,
    address: SocketAddr,
    bearer: String,
    /// The folder that the database is alone in.
    folder: PathBuf,
    place: TempDir,
}

impl OnFile {
    /// `by` is a shell's text that ends with `exec "$0"`; it finds the database's folder in `$FOLDER`.
    fn start(by: &str) -> Self {
        let place = TempDir::new().unwrap();
        let folder = place.path().join("folder");
        fs::create_dir(&folder).unwrap();
        let log = fs::File::create(place.path().join("log")).unwrap();
        let mut child = Command::new("unshare")
            .args(["-rm", "sh", "-c", by])
            .arg(binary())
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("FOLDER", &folder)
            .env("DATABASE", folder.join("users.db"))
            .envs([("SECRET_KEY", SECRET), ("BIND", "127.0.0.1:0")])
            .envs([("ADMIN_EMAIL", ADMIN.0), ("ADMIN_PASSWORD", ADMIN.1)])
            .current_dir(place.path())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap();
        let address = address.parse().unwrap();
        let bearer = token(&sign_in(address, ADMIN.0, ADMIN.1));
        Self {
            child,
            address,
            bearer,
            folder,
            place,
        }
    }

    fn create(&self, number: usize) -> Reply {
        let email = format!("u{number}@example.com");
        let body = json!({"email": email, "password": NEW_PASSWORD}).to_string();
        call(self.address, "POST", "/users", &self.bearer, &body)
    }

    /// The answer says nothing, the log says this and names the file.
    fn says(&self, reply: &Reply, reason: &str) {
        assert_eq!(reply.status, 503, "{reply:?}");
        let detail = json!({"detail": "Service temporarily unavailable"});
        assert_eq!(reply.json(), detail);
        let file = self.folder.join("users.db").display().to_string();
        let (started, log) = (Instant::now(), self.place.path().join("log"));
        loop {
            let log = fs::read_to_string(&log).unwrap();
            let mut lines = log.lines();
            if lines.any(|line| line.contains(reason) && line.contains(&file)) {
                break;
            }
            assert!(started.elapsed() < PATIENCE, "no {reason}: {log}");
        }
        assert!(!format!("{reply:?}").contains(reason));
    }

    /// The database, by another hand.
    fn by_hand(&self, statement: &'static str) -> (tokio::runtime::Runtime, SqliteConnection) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let url = format!("sqlite://{}", self.folder.join("users.db").display());
        let connection = runtime.block_on(async {
            let mut connection = SqliteConnection::connect(&url).await.unwrap();
            connection.execute(statement).await.unwrap();
            connection
        });
        (runtime, connection)
    }
}

impl Drop for OnFile {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Whether this user may have a file system of its own.
fn can_mount() -> bool {
    let probe = "mount -t tmpfs none /mnt";
    let tried = Command::new("unshare")
        .args(["-rm", "sh", "-c", probe])
        .output();
    tried.is_ok_and(|output| output.status.success())
}

#[test]
fn a_full_disk_is_said_by_name_and_the_client_learns_nothing() {
    // Where nobody may mount, a limit of the system stands in for the end of the disk.
    let (by, reason) = if can_mount() {
        (
            "mount -t tmpfs -o size=280k none \"$FOLDER\" && exec \"$0\"",
            "(code: 13) database or disk is full",
        )
    } else {
        ("trap '' XFSZ; ulimit -f 400; exec \"$0\"", "disk I/O error")
    };
    let program = OnFile::start(by);
    let mut replies = (0..200).map(|number| program.create(number));
    let failed = replies.find(|reply| reply.status != 201).unwrap();
    program.says(&failed, reason);
    // What is there is still read.
    assert_eq!(
        call(program.address, "GET", "/users", &program.bearer, "").status,
        200
    );
}

#[test]
fn a_locked_database_and_a_missing_table_are_said_by_name() {
    let program = OnFile::start("exec \"$0\"");
    let (_runtime, lock) = program.by_hand("BEGIN IMMEDIATE");
    program.says(&program.create(1), "(code: 5) database is locked");
    drop(lock);
    drop(program.by_hand("DROP TABLE portcullis_users"));
    let reply = call(program.address, "GET", "/users", &program.bearer, "");
    program.says(&reply, "no such table: portcullis_users");
}

/// Runs the program to its end as somebody who may not write what is read-only, root or not.
fn refused(place: &Path, database: &str) -> String {
    let is_root = fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0);
    let mut command = if is_root {
        let mut without = Command::new("setpriv");
        without.arg("--bounding-set=-dac_override,-dac_read_search");
        without.arg(binary());
        without
    } else {
        Command::new(binary())
    };
    command
        .env_clear()
        .envs([("SECRET_KEY", SECRET), ("DATABASE", database)])
        .env("BIND", "127.0.0.1:0")
        .current_dir(place)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = ended(command.spawn().unwrap());
    assert!(!output.status.success() && output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_start_that_fails_says_the_file_and_the_whole_reason() {
    let place = TempDir::new().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = place.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let locked = file("locked.db", b"");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o444)).unwrap();
    let secret = file("secret.db", b"");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    for (path, reason) in [
        (
            place.path().join("no/x.db"),
            "No such file or directory (os error 2)",
        ),
        (
            file("text.db", &[b'x'; 5000]),
            "(code: 26) file is not a database",
        ),
        (locked, "(code: 8) attempt to write a readonly database"),
        (secret, "(code: 14) unable to open database file"),
        (
            file("name\u{1b}[31m\n.db", &[b'x'; 5000]),
            "(code: 26) file is not a database",
        ),
    ] {
        let error = refused(place.path(), path.to_str().unwrap());
        let shown = path
            .display()
            .to_string()
            .replace('\u{1b}', "\\u{1b}")
            .replace('\n', "\\n");
        assert!(
            error.starts_with(&format!(
                "error: DATABASE can't be opened: the sqlite database {shown} failed: "
            )),
            "{error}"
        );
        assert!(error.trim_end().ends_with(reason), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}
