//! Clients of `POST /token`: one connection each, and whatever address they say behind a trusted proxy.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

/// What came of a request.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: String,
}

impl Answer {
    /// A member of the JSON body.
    pub(crate) fn member(&self, name: &str) -> String {
        let json: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        json[name].as_str().unwrap_or_default().to_owned()
    }
}

/// One client; connects again when the server has closed its connection.
pub(crate) struct Client {
    server: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    pub(crate) fn of(server: SocketAddr) -> Self {
        Self {
            server,
            connection: None,
        }
    }

    /// Signs in from an address; `token` is the form field `device_token`.
    pub(crate) fn sign_in(
        &mut self,
        from: IpAddr,
        login: &str,
        password: &str,
        token: Option<&str>,
    ) -> Answer {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("username", login)
            .append_pair("password", password);
        if let Some(token) = token {
            form.append_pair("device_token", token);
        }
        let form = form.finish();
        self.ask(&format!(
            "POST /token HTTP/1.1\r\nHost: flood\r\nX-Forwarded-For: {from}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        ))
    }

    /// Sends a request and reads the whole answer; tries once more on a new connection if the old one is gone.
    pub(crate) fn ask(&mut self, request: &str) -> Answer {
        for _ in 0..2 {
            if self.connection.is_none() {
                let Ok(stream) = TcpStream::connect(self.server) else {
                    continue;
                };
                stream.set_nodelay(true).unwrap();
                let limit = Some(Duration::from_secs(30));
                stream.set_read_timeout(limit).unwrap();
                self.connection = Some(BufReader::new(stream));
            }
            if let Some(answer) = self.connection.as_mut().and_then(|c| exchange(c, request)) {
                return answer;
            }
            self.connection = None;
        }
        Answer {
            status: 0,
            retry_after: None,
            body: String::new(),
        }
    }
}

fn exchange(connection: &mut BufReader<TcpStream>, request: &str) -> Option<Answer> {
    connection.get_mut().write_all(request.as_bytes()).ok()?;
    let (mut status, mut length, mut retry_after) = (0, 0, None);
    let mut line = String::new();
    loop {
        line.clear();
        if connection.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let text = line.trim_end();
        if text.is_empty() {
            break;
        }
        match text.split_once(':') {
            None => status = text.split(' ').nth(1)?.parse().ok()?,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().ok()?;
            }
            Some((name, value)) if name.eq_ignore_ascii_case("retry-after") => {
                retry_after = value.trim().parse().ok();
            }
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).ok()?;
    Some(Answer {
        status,
        retry_after,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}
