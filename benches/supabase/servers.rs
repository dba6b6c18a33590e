//! The two servers that are compared, each as a process of its own.

use crate::process::Server;
use crate::stack::Place;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

const SECRET: &str = "a secret of the benchmark, of 32 bytes and more";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
const PACKAGES: [&str; 5] = [
    "fastapi==0.165.0",
    "uvicorn[standard]==0.54.0",
    "httpx==0.28.1",
    "python-jose==3.5.0",
    "python-multipart==0.0.34",
];

impl Server {
    /// The example server, built for release and started on the place.
    pub(crate) fn ours(place: &Place) -> Self {
        let target = target();
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--release",
                "--example",
                "server",
                "--all-features",
                "--manifest-path",
                manifest,
            ])
            .arg("--target-dir")
            .arg(&target)
            .status();
        assert!(
            built.unwrap().success(),
            "the example server can't be built"
        );
        Self::listening(
            Command::new(target.join("release/examples/server"))
                .env_clear()
                .envs([
                    ("SECRET_KEY", SECRET),
                    ("BIND", "127.0.0.1:0"),
                    ("RUST_LOG", "warn"),
                    ("ADMIN_EMAIL", "test@example.com"),
                    ("ADMIN_PASSWORD", PASSWORD),
                    ("SUPABASE_URL", &place.url),
                    ("SUPABASE_KEY", &place.service_key),
                    ("SUPABASE_SCHEMA", &place.schema),
                ])
                .current_dir(&target),
        )
    }

    /// The original in an environment of its own; `None`, said on standard output, without Python.
    pub(crate) fn original(place: &Place) -> Option<Self> {
        let home = target().join("original");
        let python = home.join("bin/python");
        if !python.exists() {
            let made = Command::new("python3")
                .args(["-m", "venv"])
                .arg(&home)
                .status();
            if !made.is_ok_and(|status| status.success()) {
                println!("the original is left out: there is no python3 with venv");
                return None;
            }
        }
        let installed = Command::new(&python)
            .args(["-m", "pip", "-q", "install"])
            .args(PACKAGES)
            .status();
        assert!(
            installed.unwrap().success(),
            "the original's packages can't be installed"
        );
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let child = Command::new(&python)
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/benches/supabase/original.py"
            ))
            .env_clear()
            .envs([
                ("SECRET_KEY", SECRET),
                ("SUPABASE_URL", &place.url),
                ("SUPABASE_KEY", &place.service_key),
                ("PORT", &port.to_string()),
            ])
            .spawn()
            .unwrap();
        let server = Server {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
        };
        let started = Instant::now();
        while TcpStream::connect(server.address).is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "the original does not start"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(server)
    }
}

/// `target/`, of `target/release/deps/<this>`.
fn target() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    this.ancestors().nth(3).unwrap().to_owned()
}
