//! A client that sends exactly the bytes it is told to.

use core::time::Duration;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use tokio::net::TcpSocket;

/// How long anything may take before a test gives up.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

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
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// Connects from another address of this machine. Linux has all of 127.0.0.0/8; elsewhere it is the usual one.
    pub(crate) fn from(source: Ipv4Addr, address: SocketAddr) -> Self {
        if source == Ipv4Addr::LOCALHOST || !cfg!(target_os = "linux") {
            return Self::to(address);
        }
        let connect = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .build()?;
            runtime.block_on(async {
                let socket = TcpSocket::new_v4()?;
                socket.bind((source, 0).into())?;
                socket.connect(address).await?.into_std()
            })
        };
        // On a thread of its own, since a test may run within a runtime already.
        let connected = std::thread::scope(|scope| scope.spawn(connect).join().unwrap());
        let stream: TcpStream = connected.unwrap();
        stream.set_nonblocking(false).unwrap();
        Self::over(stream)
    }

    fn over(stream: TcpStream) -> Self {
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

    /// Reads at most so many bytes of whatever comes; 0 at the end.
    pub(crate) fn take(&mut self, most: usize) -> io::Result<usize> {
        let mut bytes = vec![0; most];
        self.0.read(&mut bytes)
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

/// The `Authorization` that a sign-in has given.
pub(crate) fn token(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.body);
    format!("Bearer {}", reply.json()["access_token"].as_str().unwrap())
}

/// Asks as somebody with this `Authorization`.
pub(crate) fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    token: &str,
    body: &str,
) -> Reply {
    let headers = [
        ("Authorization", token),
        ("Content-Type", "application/json"),
    ];
    ask(address, method, path, &headers, body)
}
