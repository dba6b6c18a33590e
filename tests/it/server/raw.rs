//! A client that sends exactly the bytes it is told to, and the real program to send them to.

use super::SECRET;
use core::time::Duration;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Instant;
use tempfile::TempDir;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
pub(crate) struct Wire(BufReader<TcpStream>);

/// What came back over it.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Wire {
    pub(crate) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// Sends what may be cut off by the other side.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.0.get_mut().write_all(bytes.as_ref())
    }

    /// Reads one reply; `None` if the connection ends instead.
    pub(crate) fn reply(&mut self) -> Option<Reply> {
        let mut head = String::new();
        loop {
            match self.0.read_line(&mut head) {
                Ok(0) => return None,
                Ok(_) if head.ends_with("\r\n\r\n") => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no reply: {error}"),
            }
        }
        let mut reply = Reply {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head,
            body: String::new(),
        };
        if reply.status == 100 {
            return Some(reply);
        }
        let length = reply
            .header("content-length")
            .unwrap_or("0")
            .parse()
            .unwrap();
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        reply.body = String::from_utf8(body).unwrap();
        Some(reply)
    }

    /// Waits until the other side ends the connection.
    pub(crate) fn ended(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => rest.is_empty(),
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }
}

/// Sends one request on a connection of its own.
pub(crate) fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    let mut wire = Wire::to(address);
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        for part in [name, ": ", value, "\r\n"] {
            request += part;
        }
    }
    wire.send(request + "\r\n" + body);
    wire.reply().unwrap()
}

/// Signs in over the wire.
pub(crate) fn sign_in(address: SocketAddr, username: &str, password: &str) -> Reply {
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("username", username)
        .append_pair("password", password)
        .finish();
    ask(
        address,
        "POST",
        "/token",
        &[("Content-Type", "application/x-www-form-urlencoded")],
        &form,
    )
}

/// The example server as a process. It ends with this value, whatever becomes of the test.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Its working directory; the log and the database are in it.
    pub(crate) place: TempDir,
}

/// The program that cargo built beside this test.
fn binary() -> PathBuf {
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
    let mut command = Command::new(binary());
    command
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .current_dir(place)
        .stdin(Stdio::null());
    command
}

/// Runs the program to its end, which must come soon: a server that starts after all is ended too.
pub(crate) fn finish(place: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut child = command(place, arguments, variables)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
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
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(place.path().join("log"));
        let mut child = command(
            place.path(),
            arguments,
            &[("SECRET_KEY", SECRET), ("BIND", "127.0.0.1:0")],
        )
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
        let bytes = fs::read(self.place.path().join("log")).unwrap();
        String::from_utf8(bytes).unwrap()
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
