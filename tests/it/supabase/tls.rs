//! TLS: a server whose certificate nobody trusts gets no byte of a request, and no key.

use super::calls::{Desk, every, told};
use super::town::PATIENCE;
use crate::server::SECRET;
use crate::server::program::finish;
use crate::stack::Keys;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use futures_util::future::join_all;
use portcullis::Refusal;
use portcullis::stores::supabase::{SupabaseKey, SupabaseStore};
use rcgen::CertifiedKey;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A server with a certificate for one name. It notes what it gets, ciphered and not.
struct Impostor {
    port: u16,
    certificate: String,
    heard: Arc<Heard>,
}

#[derive(Default)]
struct Heard {
    connections: AtomicUsize,
    raw: Mutex<Vec<u8>>,
    plain: Mutex<Vec<u8>>,
}

impl Impostor {
    fn start(name: &str) -> Self {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (config, heard) = (Arc::new(config), Arc::<Heard>::default());
        let noted = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (config, noted) = (Arc::clone(&config), Arc::clone(&noted));
                std::thread::spawn(move || listen(stream.unwrap(), config, &noted));
            }
        });
        Self {
            port,
            certificate: pem(cert.der()),
            heard,
        }
    }

    fn heard(&self, word: &str) -> bool {
        let all = [&self.heard.raw, &self.heard.plain];
        all.into_iter().any(|bytes| {
            let bytes = bytes.lock().unwrap();
            String::from_utf8_lossy(&bytes).contains(word)
        })
    }

    fn plain(&self) -> usize {
        self.heard.plain.lock().unwrap().len()
    }
}

fn pem(der: &[u8]) -> String {
    let text = base64_simd::STANDARD.encode_to_string(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

/// Notes all bytes on their way in.
struct Noted<'a>(TcpStream, &'a Heard);

impl Read for Noted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1
            .raw
            .lock()
            .unwrap()
            .extend_from_slice(&buffer[..read]);
        Ok(read)
    }
}

impl Write for Noted<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Shakes hands, hears what is said, and answers nothing.
fn listen(stream: TcpStream, config: Arc<ServerConfig>, heard: &Heard) {
    heard.connections.fetch_add(1, Ordering::SeqCst);
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let mut stream = Noted(stream, heard);
    let mut connection = ServerConnection::new(config).unwrap();
    let mut tls = rustls::Stream::new(&mut connection, &mut stream);
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = tls.read(&mut bytes) {
        heard
            .plain
            .lock()
            .unwrap()
            .extend_from_slice(&bytes[..read]);
    }
}

fn keys() -> [String; 2] {
    let Keys {
        service, secret, ..
    } = Keys::of("canary-tls");
    [service, secret]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_nobody_trusts_is_502_and_the_key_stays_here() {
    for host in ["localhost", "127.0.0.1"] {
        for key in keys() {
            let impostor = Impostor::start(host);
            let url = format!("https://{host}:{}", impostor.port);
            let store = SupabaseStore::builder(url, SupabaseKey::new(&key).unwrap());
            let desk = Desk::on(store.timeout(PATIENCE).build().unwrap());
            join_all(every().map(async |ask| {
                let error = desk.fails(ask).await;
                assert_eq!(Refusal::store(&*error).status(), 502, "{ask:?}: {error}");
                let told = told(&*error);
                assert!(
                    told.contains("could not be reached")
                        && told.contains("invalid peer certificate"),
                    "{told}"
                );
                // Whom it asked, but not what the certificate says or the key is.
                assert!(
                    told.contains(&format!("(host {host}:{})", impostor.port)),
                    "{told}"
                );
                assert!(!told.contains("DnsName") && !told.contains(&key), "{told}");
            }))
            .await;
            assert!(impostor.heard.connections.load(Ordering::SeqCst) > 0);
            assert_eq!(impostor.plain(), 0, "a request came through");
            for word in [key.as_str(), "apikey", "rest/v1"] {
                assert!(!impostor.heard(word), "{word}");
            }
        }
    }
}

/// Runs the server against it; what it says when it can't start.
fn run(impostor: &Impostor, key: &str, trusted: bool) -> String {
    let place = tempfile::tempdir().unwrap();
    let url = format!("https://localhost:{}", impostor.port);
    fs::write(place.path().join("roots.pem"), &impostor.certificate).unwrap();
    let mut variables = vec![
        ("SECRET_KEY", SECRET),
        ("BIND", "127.0.0.1:0"),
        ("SUPABASE_URL", &url),
        ("SUPABASE_KEY", key),
    ];
    if trusted {
        variables.push(("SSL_CERT_FILE", "roots.pem"));
    }
    let output = finish(place.path(), &[], &variables);
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

/// What tells a refusal from a server that nobody could have talked to: trusted, it hears the key.
#[test]
fn the_certificate_alone_decides_and_it_must_be_for_this_name() {
    let [key, _] = keys();
    let impostor = Impostor::start("localhost");
    let said = run(&impostor, &key, false);
    let why = "error: the database could not be checked: supabase could not be reached: ";
    let host = format!("(host localhost:{})", impostor.port);
    assert!(said.starts_with(why) && said.contains(&host), "{said}");
    assert!(said.contains("invalid peer certificate"), "{said}");
    assert_eq!(impostor.plain(), 0);
    let said = run(&impostor, &key, true);
    assert!(
        said.contains("error: the database could not be checked"),
        "{said}"
    );
    assert!(
        impostor.heard(&key) && impostor.heard("GET /rest/v1/users?"),
        "{said}"
    );
    assert!(!said.contains(&key), "{said}");

    let other = Impostor::start("canary.internal.example");
    let said = run(&other, &key, true);
    assert!(said.contains("invalid peer certificate"), "{said}");
    assert_eq!(other.plain(), 0);
    assert!(!said.contains("canary.internal"), "{said}");
}
