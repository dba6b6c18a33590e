//! Load on a server over loopback: so many connections, each with one request after the other, for so long.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Requests at one time: what a small site sees at its busiest.
pub(crate) const CONNECTIONS: usize = 32;

/// One connection, on which a request is sent as often as asked.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        Self(BufReader::new(stream))
    }

    /// Sends it, reads the whole answer, and gives its status and body.
    fn ask(&mut self, request: &[u8]) -> (u16, Vec<u8>) {
        self.0.get_mut().write_all(request).unwrap();
        let (mut status, mut length) = (0, 0);
        let mut line = String::new();
        loop {
            line.clear();
            self.0.read_line(&mut line).unwrap();
            let text = line.trim_end();
            if text.is_empty() {
                break;
            }
            match text.split_once(':') {
                None => status = text.split(' ').nth(1).unwrap().parse().unwrap(),
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().unwrap();
                }
                Some(_) => {}
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        (status, body)
    }
}

/// One request and what comes of it.
pub(crate) fn once(address: SocketAddr, request: &str) -> (u16, String) {
    let (status, body) = Connection::to(address).ask(request.as_bytes());
    (status, String::from_utf8(body).unwrap())
}

/// Requests a second. Each answer must be 200.
pub(crate) fn run(address: SocketAddr, request: &str, time: Duration) -> f64 {
    let count = AtomicUsize::new(0);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut connection = Connection::to(address);
                while started.elapsed() < time {
                    assert_eq!(connection.ask(request.as_bytes()).0, 200);
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let count = u32::try_from(count.into_inner()).unwrap();
    f64::from(count) / started.elapsed().as_secs_f64()
}
