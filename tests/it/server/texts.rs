//! Hostile texts wherever a request carries text, over real connections: none matches a user, and none is a
//! server error.

use super::raw::{Reply, Wire, token};
use super::site::{Site, on_each_store};
use super::{NEW_PASSWORD, PASSWORD, Town, config, forged};
use crate::serve::serve;
use portcullis::test_util::conformance::hostile_texts;
use portcullis::user::Email;
use std::fmt::Write as _;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

on_each_store![
    a_hostile_login_signs_nobody_in,
    a_hostile_text_in_the_address_names_nobody,
    a_hostile_text_in_a_body_is_refused_or_kept_as_it_is,
    a_lone_surrogate_is_refused_in_every_member,
    a_token_with_a_hostile_subject_is_refused,
];

/// The router on a real socket. It stops serving when this value is dropped.
struct TestServer<S> {
    town: Town<S>,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl<S> Drop for TestServer<S> {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn served<T: Site>(site: &T) -> TestServer<T::Store> {
    let town = site.town(&[]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = config(&[]).limits;
    let serving = serve(
        listener,
        town.router.clone(),
        limits,
        core::future::pending(),
    );
    TestServer {
        town,
        address,
        serving: tokio::spawn(serving),
    }
}

impl<S> TestServer<S> {
    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let length = body.len();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {length}\r\n"
        );
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n").unwrap();
        }
        request += "\r\n";
        request += body;
        let mut wire = Wire::to(self.address);
        // The server answers an oversized request before it has read all of it.
        drop(wire.try_send(request));
        wire.reply().unwrap()
    }

    fn form(&self, form: &str) -> Reply {
        let content_type = ("Content-Type", "application/x-www-form-urlencoded");
        self.ask("POST", "/token", &[content_type], form)
    }

    fn call(&self, method: &str, path: &str, bearer: &str, body: &str) -> Reply {
        let content_type = ("Content-Type", "application/json");
        self.ask(
            method,
            path,
            &[("Authorization", bearer), content_type],
            body,
        )
    }

    /// The `Authorization` of the administrator.
    fn admin(&self) -> String {
        token(&self.form(&login("anna@example.com")))
    }

    /// The store still answers and holds this many users.
    fn expect_users(&self, count: usize) {
        let users = self.call("GET", "/users", &self.admin(), "");
        assert_eq!(users.status, 200, "{}", users.body);
        assert_eq!(users.json().as_array().unwrap().len(), count);
    }
}

fn login(username: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("username", username)
        .append_pair("password", PASSWORD)
        .finish()
}

/// The start of a text, for messages.
fn shown(text: &str) -> String {
    let start: String = text.chars().take(60).collect();
    start.escape_debug().to_string()
}

/// Every byte as `%XX`.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        write!(encoded, "%{byte:02X}").unwrap();
        encoded
    })
}

/// Every character as `\uXXXX`.
fn json_escaped(text: &str) -> String {
    text.encode_utf16()
        .fold(String::new(), |mut escaped, unit| {
            write!(escaped, "\\u{unit:04x}").unwrap();
            escaped
        })
}

/// Those that fit into an address or a token.
fn short_texts() -> impl Iterator<Item = String> {
    let texts = hostile_texts().into_iter();
    texts.filter(|text| text.len() <= 8 * 1024)
}

async fn a_hostile_login_signs_nobody_in(site: impl Site) {
    let served = served(&site).await;
    let mut forms: Vec<String> = hostile_texts().iter().map(|text| login(text)).collect();
    // Bytes that are not UTF-8: a lone continuation byte, an overlong NUL, a surrogate.
    for bytes in ["%80", "%C0%80", "anna%ED%A0%80@example.com", "%FF"] {
        forms.push(format!("username={bytes}&password=wrong"));
    }
    assert!(forms.len() < 95, "more failures than one address may have");
    for form in forms {
        let reply = served.form(&form);
        let expected = if form.len() > 16 * 1024 { 413 } else { 401 };
        assert_eq!(reply.status, expected, "{}: {}", shown(&form), reply.body);
        assert!(!reply.body.contains("example"), "{}", reply.body);
    }
    served.expect_users(3);
}

async fn a_hostile_text_in_the_address_names_nobody(site: impl Site) {
    let served = served(&site).await;
    let admin = served.admin();
    let change = format!(r#"{{"password":"{NEW_PASSWORD}"}}"#);
    for text in short_texts() {
        let encoded = percent_encoded(&text);
        // The nil UUID is an id that nobody has; no route has an encoded slash.
        let absent = text == "00000000-0000-0000-0000-000000000000" || text.contains('/');
        let expected = if absent { 404 } else { 422 };
        let id = format!("/users/{encoded}");
        let mut asked = vec![
            ("GET", id.clone(), "", expected),
            ("PATCH", id.clone(), change.as_str(), expected),
            ("DELETE", id, "", expected),
            ("GET", format!("/users?{encoded}={encoded}"), "", 200),
        ];
        for name in ["limit", "offset"] {
            asked.push(("GET", format!("/users?{name}={encoded}"), "", 422));
        }
        for (method, path, body, expected) in asked {
            let reply = served.call(method, &path, &admin, body);
            let what = format!("{method} {}: {}", shown(&path), reply.body);
            assert_eq!(reply.status, expected, "{what}");
        }
    }
    served.expect_users(3);
}

async fn a_hostile_text_in_a_body_is_refused_or_kept_as_it_is(site: impl Site) {
    let served = served(&site).await;
    let admin = served.admin();
    let max = format!("/users/{}", served.town.max.id);
    let mut users = 3;
    for text in hostile_texts() {
        let escaped = json_escaped(&text);
        let body = format!(r#"{{"email":"{escaped}","password":"{NEW_PASSWORD}"}}"#);
        let reply = served.call("POST", "/users", &admin, &body);
        if let Ok(email) = Email::parse(&text) {
            assert_eq!(reply.status, 201, "{email}: {}", reply.body);
            assert_eq!(reply.json()["email"], email.as_str());
            users += 1;
        } else {
            refused(&reply, &body);
        }
        let x = r#""email":"x@example.com""#;
        for (method, path, body) in [
            (
                "POST",
                "/users",
                format!(r#"{{{x},"password":"{NEW_PASSWORD}","role":"{escaped}"}}"#),
            ),
            (
                "POST",
                "/users",
                format!(r#"{{{x},"password":"{escaped}\u0000"}}"#),
            ),
            (
                "POST",
                "/users",
                format!(r#"{{{x},"{escaped}":"{escaped}"}}"#),
            ),
            ("PATCH", &max, format!(r#"{{"role":"{escaped}"}}"#)),
            ("PATCH", &max, format!(r#"{{"{escaped}":null}}"#)),
        ] {
            refused(&served.call(method, path, &admin, &body), &body);
        }
    }
    served.expect_users(users);
}

fn refused(reply: &Reply, body: &str) {
    let expected = if body.len() > 64 * 1024 { 413 } else { 422 };
    assert_eq!(reply.status, expected, "{}: {}", shown(body), reply.body);
    assert!(!reply.body.contains("example"), "{}", reply.body);
}

async fn a_lone_surrogate_is_refused_in_every_member(site: impl Site) {
    let served = served(&site).await;
    let admin = served.admin();
    let max = format!("/users/{}", served.town.max.id);
    for surrogate in [
        r"\ud800",
        r"\udfff@example.com",
        r"\udc00\ud800",
        r"x\ud83dx",
    ] {
        for member in ["email", "password", "role", "current_password", "other"] {
            for body in [
                format!(r#"{{"{member}":"{surrogate}"}}"#),
                format!(r#"{{"{surrogate}{member}":null}}"#),
            ] {
                for (method, path) in [("POST", "/users"), ("PATCH", max.as_str())] {
                    let reply = served.call(method, path, &admin, &body);
                    assert_eq!(reply.status, 422, "{body}: {}", reply.body);
                    let kind = &reply.json()["detail"][0]["type"];
                    assert_eq!(kind, "json_invalid", "{body}");
                }
            }
        }
    }
    served.expect_users(3);
}

async fn a_token_with_a_hostile_subject_is_refused(site: impl Site) {
    let served = served(&site).await;
    let escaped = short_texts().map(|text| json_escaped(&text));
    // Unpaired surrogates are not text.
    for subject in escaped.chain([r"\ud800".to_owned(), r"\udc00\ud800".to_owned()]) {
        let bearer = format!("Bearer {}", forged::token_of(&subject));
        for path in ["/users/me", "/users"] {
            let reply = served.call("GET", path, &bearer, "");
            assert_eq!(reply.status, 401, "{}: {}", shown(&subject), reply.body);
        }
    }
    served.expect_users(3);
}
