//! The real program, as cargo built it, as a process of its own.

use super::SECRET;
use super::raw::PATIENCE;
use core::time::Duration;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Instant;
use tempfile::TempDir;

/// Who the demonstration knows, and the password.
pub(crate) const DEMO: (&str, &str) = ("test@example.com", "fakehashedpassword");

/// What every start needs.
const LEAST: [(&str, &str); 2] = [("SECRET_KEY", SECRET), ("BIND", "127.0.0.1:0")];

/// The example server as a process. It ends with this value, whatever becomes of the test.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Its working directory; the log and the database are in it.
    pub(crate) place: TempDir,
}

/// The program that cargo built beside this test.
pub(crate) fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().and_then(Path::parent).unwrap();
    let binary = built
        .join("examples")
        .join(format!("server{}", std::env::consts::EXE_SUFFIX));
    assert!(
        binary.exists(),
        "not built: run `cargo build --example server --all-features` first"
    );
    binary
}

/// The program in a directory and an environment of its own.
fn command(place: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    isolated(Command::new(binary()), place, arguments, variables)
}

/// The same under limits that a shell sets with `ulimit` before.
fn limited(limits: &str, place: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("{limits}; exec \"$0\" \"$@\"")]);
    shell.arg(binary());
    isolated(shell, place, arguments, variables)
}

fn isolated(
    mut command: Command,
    place: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Command {
    command
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .current_dir(place)
        .stdin(Stdio::null());
    command
}

/// Starts the program in the background; what it says is kept for the end.
pub(crate) fn begin(place: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Child {
    command(place, arguments, variables)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs the program to its end: a server that starts after all is ended too.
pub(crate) fn finish(place: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    ended(begin(place, arguments, variables))
}

/// Waits for the end of a process, which must come soon: one that goes on is killed.
pub(crate) fn ended(mut child: Child) -> Output {
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

impl Program {
    pub(crate) fn demo(variables: &[(&str, &str)]) -> Self {
        Self::start(TempDir::new().unwrap(), &["--demo"], variables)
    }

    pub(crate) fn start(place: TempDir, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let command = command(place.path(), arguments, &LEAST);
        Self::run(command, place, variables)
    }

    /// Starts it under limits that a shell sets before, such as `ulimit -n 64`.
    pub(crate) fn start_limited(
        limits: &str,
        place: TempDir,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let command = limited(limits, place.path(), arguments, &LEAST);
        Self::run(command, place, variables)
    }

    fn run(mut command: Command, place: TempDir, variables: &[(&str, &str)]) -> Self {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(place.path().join("log"));
        let mut child = command
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log.unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .and_then(|text| text.parse().ok());
        let Some(address) = address else {
            drop(child.kill());
            drop(child.wait());
            panic!(
                "said {line:?}, logged {}",
                fs::read_to_string(place.path().join("log")).unwrap()
            );
        };
        Self {
            child,
            address,
            place,
        }
    }

    pub(crate) fn log(&self) -> String {
        let path = self.place.path().join("log");
        // A thread of its own writes the log, a moment after the answer: until nothing has come for a while.
        let mut bytes = fs::read(&path).unwrap();
        loop {
            std::thread::sleep(Duration::from_millis(150));
            let more = fs::read(&path).unwrap();
            if more.len() == bytes.len() {
                return String::from_utf8(bytes).unwrap();
            }
            bytes = more;
        }
    }

    /// The processor time it has used so far, in clock ticks; `None` where the system doesn't tell.
    pub(crate) fn processor_ticks(&self) -> Option<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        let (_, fields) = stat.rsplit_once(") ")?;
        let mut fields = fields.split(' ').skip(11).map(str::parse::<u64>);
        Some(fields.next()?.ok()? + fields.next()?.ok()?)
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for the end of the process.
    pub(crate) fn exit(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The most memory it has held so far, in KiB; `None` where the system doesn't tell.
    pub(crate) fn peak_memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    }

    /// Kills it outright, as a power cut would, and gives back its place.
    pub(crate) fn kill(mut self) -> TempDir {
        self.signal("-KILL");
        self.exit();
        std::mem::replace(&mut self.place, TempDir::new().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
