//! The stack itself: what it promises to the tests that run on it.

mod door;
mod fault;
mod life;
mod rest;
mod rpc;

use super::{Place, Stack};
use reqwest::{Client, Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::Value;
use std::sync::OnceLock;

/// A stack whose places hold a plain table, open to each role as Supabase leaves tables but for row level security.
fn plain() -> &'static Stack {
    static PLAIN: OnceLock<Stack> = OnceLock::new();
    PLAIN.get_or_init(|| {
        Stack::start(64, |_schema| {
            String::from(
                "create table users (
                    id uuid primary key default gen_random_uuid(),
                    email text not null unique,
                    role text,
                    tenant_id uuid,
                    created_at timestamptz not null default now()
                );
                alter table users enable row level security;",
            )
        })
    })
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// The status, and the code in the body.
    fn code(&self) -> (u16, String) {
        let code = self.json()["code"].as_str().unwrap_or_default().to_owned();
        (self.status.as_u16(), code)
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

fn client() -> Client {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap()
}

/// A request without a key.
fn bare(place: &Place, method: Method, path: &str) -> RequestBuilder {
    client().request(method, format!("{}{path}", place.url))
}

/// A request below `/rest/v1`, with the secret key of the new kind.
fn ask(place: &Place, method: Method, path: &str) -> RequestBuilder {
    bare(place, method, &format!("/rest/v1{path}")).header("apikey", &place.secret_key)
}

async fn send(request: RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    Answer {
        status: answer.status(),
        headers: answer.headers().clone(),
        text: answer.text().await.unwrap(),
    }
}

/// A request with a JSON body.
fn with(request: RequestBuilder, body: &Value) -> RequestBuilder {
    request
        .header("content-type", "application/json")
        .body(body.to_string())
}
