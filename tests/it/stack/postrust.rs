//! The PostgREST-compatible server, between a cluster and the gateways.

use super::keys::JWT_SECRET;
use super::leash::Leash;
use super::postgres::{AUTHENTICATOR_PASSWORD, Cluster, PATIENCE, free_port};
use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// One running server.
#[derive(Debug)]
pub(crate) struct Postrust {
    leash: Leash,
    address: SocketAddr,
}

impl Postrust {
    /// Starts it on a cluster, serving these schemas, and waits until it answers. It reads the schemas only now: what is created
    /// later needs a reload.
    pub(crate) fn start(program: &Path, cluster: &Cluster, schemas: &[String]) -> Self {
        for _ in 0..4 {
            let port = free_port();
            let mut server = Command::new(program);
            server.envs([
                (
                    "DATABASE_URL",
                    cluster.url("authenticator", AUTHENTICATOR_PASSWORD),
                ),
                ("PGRST_DB_SCHEMAS", schemas.join(",")),
                ("PGRST_SERVER_PORT", port.to_string()),
            ]);
            server.envs([
                ("PGRST_SERVER_HOST", "127.0.0.1"),
                ("PGRST_DB_ANON_ROLE", "anon"),
                ("PGRST_JWT_SECRET", JWT_SECRET),
                // Its own dialect serves tables elsewhere and hides the database's errors.
                ("PGRST_COMPAT_MODE", "true"),
                ("PGRST_DB_CHANNEL_ENABLED", "true"),
                // The limit of a hosted project.
                ("PGRST_DB_MAX_ROWS", "1000"),
                ("PGRST_DB_POOL", "20"),
                // Seconds until a request gives up on a database that is down.
                ("PGRST_DB_POOL_TIMEOUT", "5"),
                ("PGRST_LOG_LEVEL", "warn"),
            ]);
            let postrust = Self {
                leash: Leash::hold(Leash::folder("postrust"), None, "KILL", &server),
                address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            };
            postrust.leash.start();
            match postrust.wait() {
                Ok(()) => return postrust,
                Err(log) if log.contains("Address already in use") => {}
                Err(log) => panic!("postrust did not start:\n{log}"),
            }
        }
        panic!("postrust found no free port");
    }

    fn wait(&self) -> Result<(), String> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if self.leash.pid().is_none() {
                return Err(self.leash.log());
            }
            if self.status("/", "public") == Some(200) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(format!("no answer in time\n{}", self.leash.log()))
    }

    /// The status of one GET in a schema, as nobody; `None` if nobody answers.
    pub(crate) fn status(&self, path: &str, schema: &str) -> Option<u16> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAccept-Profile: {schema}\r\nConnection: close\r\n\r\n",
            self.address
        )
        .ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let text = String::from_utf8_lossy(&answer);
        text.split(' ').nth(1)?.parse().ok()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills it; its port refuses connections afterwards.
    pub(crate) fn stop(&self) {
        self.leash.stop();
    }

    /// Starts it again on the same port; PostgreSQL must be up.
    pub(crate) fn start_again(&self) {
        self.leash.start();
        if let Err(log) = self.wait() {
            panic!("postrust did not start again:\n{log}");
        }
    }

    pub(crate) fn leash(&self) -> &Leash {
        &self.leash
    }
}
