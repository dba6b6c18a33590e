//! The reverse proxies of the guide, really run, with the files that it shows: TLS outside, `TRUSTED_PROXY_HOPS=1` inside.

use super::super::program::{DEMO, Program};
use super::super::raw::PATIENCE;
use super::guide::GUIDE;
use core::sync::atomic::{AtomicU16, Ordering};
use rcgen::CertifiedKey;
use reqwest::{Certificate, Client, StatusCode};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

const NAME: &str = "auth.example.com";

/// Where the repository keeps the files.
pub(super) fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/server/deploy")
}

/// A program of the system that must be installed, also where users' programs alone are in `PATH`.
pub(super) fn installed(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/bin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.exists())
        .unwrap_or_else(|| panic!("{name} is not installed: apt-get install {name}"))
}

/// A port that nobody has at the moment.
pub(in crate::server) fn free_port() -> u16 {
    // Below the ports that systems give to those who ask for any: another test would get it before the program that is told of it.
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 100).unwrap() * 100;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 100;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = base64_simd::STANDARD.encode_to_string(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|from| &text[from..text.len().min(from + 64)])
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// nginx needs some lines around a file that is included in its `http` block.
pub(super) fn nginx_around(folder: &Path, include: &Path) -> String {
    let (folder, include) = (folder.display(), include.display());
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .concat();
    format!(
        "pid {folder}/nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}include {include};\n}}\n"
    )
}

/// Caddy's configuration without its port for administration, which is the same for every Caddy of a machine.
pub(super) fn without_admin(caddyfile: &str) -> String {
    caddyfile.replacen("{\n", "{\n\tadmin off\n", 1)
}

/// A proxy in front of a demonstration. Both end with this value.
struct Proxied {
    proxy: Child,
    program: Program,
    port: u16,
    base_path: &'static str,
    certificate: Certificate,
    folder: TempDir,
}

impl Drop for Proxied {
    fn drop(&mut self) {
        // Not killed at once: nginx takes its workers with it.
        let stopped = Command::new("kill")
            .arg(self.proxy.id().to_string())
            .status();
        drop(stopped);
        drop(self.proxy.wait());
    }
}

impl Proxied {
    /// Starts the proxy whose configuration is one of the guide's, with other places and ports.
    fn start(
        file: &str,
        base_path: &'static str,
        command: impl FnOnce(&Path, &Path) -> Command,
    ) -> Self {
        let program = Program::demo(&[("TRUSTED_PROXY_HOPS", "1"), ("BASE_PATH", base_path)]);
        let folder = TempDir::new().unwrap();
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
        fs::write(
            folder.path().join("fullchain.pem"),
            pem("CERTIFICATE", cert.der()),
        )
        .unwrap();
        fs::write(
            folder.path().join("privkey.pem"),
            pem("PRIVATE KEY", &signing_key.serialize_der()),
        )
        .unwrap();
        let port = free_port();
        let text = fs::read_to_string(deploy().join(file)).unwrap();
        let replaced = |text: &str, from: &str, to: &str| {
            assert!(text.contains(from), "{file} lacks {from}");
            text.replace(from, to)
        };
        let text = replaced(
            &text,
            "/etc/portcullis-tls",
            folder.path().to_str().unwrap(),
        );
        let text = replaced(&text, "127.0.0.1:8000", &program.address.to_string());
        let text = text
            .replace("listen 443 ", &format!("listen {port} "))
            .replace(":443 ", &format!(":{port} "));
        let config = folder.path().join(file);
        fs::write(&config, text).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let proxy = command(folder.path(), &config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let this = Self {
            proxy,
            program,
            port,
            base_path,
            certificate: Certificate::from_der(cert.der()).unwrap(),
            folder,
        };
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let log = fs::read_to_string(this.folder.path().join("log"));
            assert!(started.elapsed() < PATIENCE, "{file}: {log:?}");
            std::thread::sleep(core::time::Duration::from_millis(20));
        }
        this
    }

    fn nginx() -> Self {
        Self::nginx_under("", |text| text)
    }

    /// nginx with a server under a path, and its file changed like this.
    fn nginx_under(base_path: &'static str, change: impl FnOnce(String) -> String) -> Self {
        Self::start("nginx.conf", base_path, |folder, config| {
            let text = fs::read_to_string(config).unwrap();
            fs::write(config, change(text)).unwrap();
            let main = folder.join("main.conf");
            fs::write(&main, nginx_around(folder, config)).unwrap();
            let mut command = Command::new(installed("nginx"));
            command
                .args(["-e", "stderr", "-g", "daemon off;", "-p"])
                .arg(folder)
                .arg("-c")
                .arg(main);
            command
        })
    }

    fn caddy() -> Self {
        Self::start("Caddyfile", "", |folder, config| {
            let text = fs::read_to_string(config).unwrap();
            fs::write(config, without_admin(&text)).unwrap();
            let mut command = Command::new(installed("caddy"));
            command
                .args(["run", "--adapter", "caddyfile", "--config"])
                .arg(config)
                .env_clear()
                .env("HOME", folder);
            command
        })
    }

    /// A client that trusts the certificate and calls from this address of the loopback network.
    fn client(&self, last: u8) -> Client {
        Client::builder()
            .tls_certs_only([self.certificate.clone()])
            .resolve(NAME, SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)))
            .local_address(IpAddr::from([127, 0, 0, last]))
            .timeout(PATIENCE)
            .build()
            .unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("https://{NAME}:{}{}{path}", self.port, self.base_path)
    }

    /// Tries to sign in, with this in `X-Forwarded-For`.
    async fn sign_in(
        &self,
        client: &Client,
        username: &str,
        password: &str,
        forwarded_for: &str,
    ) -> StatusCode {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("username", username)
            .append_pair("password", password)
            .finish();
        client
            .post(self.url("/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-forwarded-for", forwarded_for)
            .body(form)
            .send()
            .await
            .unwrap()
            .status()
    }
}

/// What must hold behind any proxy that the guide describes.
async fn passes_requests_on_and_counts_failures_by_the_clients_address(proxied: &Proxied) {
    let (guesser, neighbour) = (proxied.client(2), proxied.client(3));
    let ready = neighbour.get(proxied.url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 200);
    assert!(ready.headers().contains_key("strict-transport-security"));
    assert!(ready.headers().contains_key("x-request-id"));
    // What the server refuses, it says itself.
    let large = neighbour
        .post(proxied.url("/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("x".repeat(100_000));
    let large = large.send().await.unwrap();
    assert_eq!(large.status(), 413);
    assert_eq!(large.headers()["content-type"], "application/json");

    // One address guesses at many accounts, and pretends to be another address each time.
    let mut limited = false;
    for number in 0..130_u8 {
        let username = format!("u{number}@example.com");
        let pretended = format!("203.0.113.{number}");
        let status = proxied
            .sign_in(&guesser, &username, "wrong", &pretended)
            .await;
        match status.as_u16() {
            401 => {}
            429 => limited = true,
            status => panic!("{status}"),
        }
    }
    assert!(limited, "an address that is forged in the header counts");
    let pretended = proxied
        .sign_in(&guesser, DEMO.0, DEMO.1, "198.51.100.1")
        .await;
    assert_eq!(pretended, 429);
    // Behind the same proxy, somebody else is not held to account for it.
    let other = proxied
        .sign_in(&neighbour, DEMO.0, DEMO.1, "127.0.0.2")
        .await;
    assert_eq!(other, 200);
    assert!(proxied.program.log().contains("answered"));
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_nginx_as_the_guide_configures_it_failures_count_for_the_clients_address() {
    passes_requests_on_and_counts_failures_by_the_clients_address(&Proxied::nginx()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_they_do_under_a_path_with_the_guides_location() {
    let (_, location) = GUIDE
        .split_once("\n```nginx\n    location /auth/ {")
        .unwrap();
    let (location, _) = location.split_once("\n```").unwrap();
    let proxied = Proxied::nginx_under("/auth", |text| {
        let (server, _) = text.split_once("    location / {").unwrap();
        format!("{server}    location /auth/ {{{location}\n}}\n")
    });
    passes_requests_on_and_counts_failures_by_the_clients_address(&proxied).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_caddy_as_the_guide_configures_it_failures_count_for_the_clients_address() {
    passes_requests_on_and_counts_failures_by_the_clients_address(&Proxied::caddy()).await;
}
