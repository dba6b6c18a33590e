//! A server process that ends when this process does, however this one ends.
//!
//! Values in statics are never dropped, and a test may be killed. So a small shell stands between: it holds the reading end of a
//! pipe, and when that ends, which the kernel sees to, it stops the server and removes its folder.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// `$1` is the folder, `$2` the signal that ends the server, the rest its command. One order a line comes in, its status goes out.
///
/// A subshell of its own waits for the server, so that its end leaves a mark (`ended`) even while this loop is reading.
/// The signal is repeated, as a server that has just been started doesn't listen yet.
/// The folder is removed with patience: children of the server may still be writing. Answering a process that has just been killed
/// must not end the loop before its work is done, hence the trap.
const SUPERVISOR: &str = r#"
trap '' HUP INT PIPE
folder=$1 signal=$2 watcher=
shift 2
cd "$folder" || exit 1
start() {
  rm -f ended pid
  ( "$@" </dev/null >>log 2>&1 & echo "$!" >pid.new; mv pid.new pid; wait "$!"; echo "$?" >ended ) &
  watcher=$!
  until [ -e pid ]; do sleep 0.01; done
}
stop() {
  [ -n "$watcher" ] || return 0
  read -r pid <pid
  until [ -e ended ]; do kill -s "$signal" "$pid" 2>/dev/null; sleep 0.02; done
  wait "$watcher"
  watcher=
}
while read -r line; do
  case $line in
    start) start "$@" ;;
    stop) stop ;;
    *) eval "$line" </dev/null >>log 2>&1 ;;
  esac
  echo "$?"
done
stop
cd /
tries=0
until rm -rf "$folder" 2>/dev/null || [ "$tries" -ge 50 ]; do sleep 0.1; tries=$((tries + 1)); done
"#;

/// The user a server runs as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    uid: u32,
    gid: u32,
}

impl Owner {
    /// Somebody else if this process is root's, as PostgreSQL refuses root: `postgres` where it exists, else `nobody`.
    pub(crate) fn unless_root(folder: &Path) -> Option<Self> {
        if fs::metadata(folder).unwrap().uid() != 0 {
            return None;
        }
        let users = fs::read_to_string("/etc/passwd").unwrap();
        let find = |name: &str| {
            users.lines().find_map(|line| {
                let mut fields = line.split(':');
                (fields.next()? == name).then_some(())?;
                let uid = fields.nth(1)?.parse().ok()?;
                let gid = fields.next()?.parse().ok()?;
                Some(Self { uid, gid })
            })
        };
        let owner = find("postgres").or_else(|| find("nobody"));
        assert!(
            owner.is_some(),
            "root can't run PostgreSQL, and there is neither a user `postgres` nor `nobody`"
        );
        owner
    }
}

/// One server and its folder.
#[derive(Debug)]
pub(crate) struct Leash {
    folder: PathBuf,
    supervisor: Child,
    /// What is said to the supervisor and what it answers; `None` only while being dropped.
    line: Mutex<Option<(ChildStdin, BufReader<ChildStdout>)>>,
}

impl Leash {
    /// A new folder for a server, removed by [`Leash::hold`]'s supervisor.
    pub(crate) fn folder(name: &str) -> PathBuf {
        // A socket's path may have 107 bytes, and some systems' folder for temporary files is longer than that alone.
        let mut parent = std::env::temp_dir();
        if parent.as_os_str().len() > 60 {
            parent = PathBuf::from("/tmp");
        }
        tempfile::Builder::new()
            .prefix(&format!("portcullis-{name}-"))
            .tempdir_in(parent)
            .unwrap()
            .keep()
    }

    /// Takes charge of a folder and the server that is to run in it; [`Leash::start`] starts it.
    ///
    /// The server gets the command's environment and nothing else but `PATH`: what a developer has set must not change a test.
    pub(crate) fn hold(
        folder: PathBuf,
        owner: Option<Owner>,
        signal: &str,
        server: &Command,
    ) -> Self {
        let mut command = Command::new("sh");
        command
            .args(["-c", SUPERVISOR, "supervisor"])
            .arg(&folder)
            .arg(signal)
            .arg(server.get_program())
            .args(server.get_args())
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("LC_ALL", "C.UTF-8")
            .envs(
                server
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .current_dir(&folder)
            // A Ctrl-C is for the test; the supervisor notices by the end of the pipe.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(owner) = owner {
            chown(&folder, Some(owner.uid), Some(owner.gid)).unwrap();
            command.uid(owner.uid).gid(owner.gid);
        }
        let mut supervisor = command.spawn().unwrap();
        let orders = supervisor.stdin.take().unwrap();
        let statuses = BufReader::new(supervisor.stdout.take().unwrap());
        Self {
            folder,
            supervisor,
            line: Mutex::new(Some((orders, statuses))),
        }
    }

    /// Runs another program in the folder, to its end. The supervisor runs it, so that the folder is not removed under its hands.
    pub(crate) fn run(&self, program: &Command) -> Result<(), String> {
        let words = core::iter::once(program.get_program()).chain(program.get_args());
        let quoted: Vec<String> = words
            .map(|word| format!("'{}'", word.to_str().unwrap().replace('\'', r"'\''")))
            .collect();
        let status = self.say(&quoted.join(" "));
        if status == "0" {
            Ok(())
        } else {
            Err(self.log())
        }
    }

    pub(crate) fn start(&self) {
        self.say("start");
    }

    /// Ends the server and waits until it has; the folder stays.
    pub(crate) fn stop(&self) {
        self.say("stop");
    }

    fn say(&self, order: &str) -> String {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let (orders, statuses) = line.as_mut().unwrap();
        writeln!(orders, "{order}").unwrap();
        let mut status = String::new();
        statuses.read_line(&mut status).unwrap();
        assert!(status.ends_with('\n'), "the supervisor has ended");
        status.trim_end().to_owned()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// The server's process; `None` once it has ended.
    pub(crate) fn pid(&self) -> Option<String> {
        if self.folder.join("ended").exists() {
            return None;
        }
        let text = fs::read_to_string(self.folder.join("pid")).ok()?;
        Some(text.trim().to_owned())
    }

    /// The supervisor's process.
    pub(crate) fn supervisor(&self) -> u32 {
        self.supervisor.id()
    }

    /// What the server has said so far.
    pub(crate) fn log(&self) -> String {
        fs::read(self.folder.join("log"))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        drop(
            self.line
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        drop(self.supervisor.wait());
    }
}
