//! How rows are read and written through the whole stack: what the store may count on.

use super::{Answer, Place, ask, plain, send, with};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

const ONE: &str = "max-affected=1, handling=strict";

/// 1205 users, one a second; every second one in a tenant.
fn crowd() -> Place {
    let place = plain().place();
    place.sql(
        "insert into users (email, role, tenant_id, created_at)
         select 'u' || lpad(i::text, 4, '0') || '@x.example', 'user',
                case when i % 2 = 0 then '11111111-1111-4111-8111-111111111111'::uuid end,
                '2026-01-01T00:00:00Z'::timestamptz + i * interval '1 second'
         from generate_series(1, 1205) i",
    );
    place
}

fn counted(place: &Place, query: &str) -> RequestBuilder {
    ask(place, Method::GET, &format!("/users?select=email&{query}")).header("prefer", "count=exact")
}

/// Status, `Content-Range`, rows.
async fn page(request: RequestBuilder) -> (u16, String, usize) {
    let answer = send(request).await;
    let range = answer.header("content-range").to_owned();
    let rows = answer.json().as_array().map_or(0, Vec::len);
    (answer.status.as_u16(), range, rows)
}

async fn change(place: &Place, method: Method, query: &str, prefer: &str, body: &Value) -> Answer {
    let query = ["select=email", query].join(if query.is_empty() { "" } else { "&" });
    let request = ask(place, method, &format!("/users?{query}"));
    let prefer = format!("return=representation, {prefer}");
    send(with(request.header("prefer", prefer), body)).await
}

#[tokio::test]
async fn an_insert_answers_an_array_and_a_second_one_is_a_duplicate() {
    let place = plain().place();
    let body = json!({"email": "a@x.example", "role": null});
    let first = change(&place, Method::POST, "", "handling=strict", &body).await;
    assert_eq!(
        (first.status.as_u16(), first.text.as_str()),
        (201, r#"[{"email":"a@x.example"}]"#)
    );
    let second = change(&place, Method::POST, "", "handling=strict", &body).await;
    assert_eq!(second.code(), (409, "23505".into()));
}

#[tokio::test]
async fn null_is_asked_for_by_is() {
    let place = crowd();
    let query = "order=created_at,id&limit=2&tenant_id=";
    let free = send(ask(
        &place,
        Method::GET,
        &format!("/users?select=email&{query}is.null"),
    ))
    .await;
    assert_eq!(
        free.text,
        r#"[{"email":"u0001@x.example"},{"email":"u0003@x.example"}]"#
    );
    let wrong = send(ask(&place, Method::GET, &format!("/users?{query}eq.null"))).await;
    assert_eq!(wrong.code(), (400, "22P02".into()));
}

#[tokio::test]
async fn an_equality_takes_its_value_as_it_is_and_quotes_are_part_of_it() {
    let place = plain().place();
    place.sql(r#"insert into users (email) values ('a,b(c).d:e*"f@x.example')"#);
    let get = |value: &str| {
        ask(
            &place,
            Method::GET,
            &format!("/users?select=email&email=eq.{value}"),
        )
    };
    assert_eq!(
        page(get("a%2Cb%28c%29.d%3Ae%2A%22f%40x.example")).await.2,
        1
    );
    assert_eq!(
        page(get("%22a%2Cb%28c%29.d%3Ae%2A%5C%22f%40x.example%22"))
            .await
            .2,
        0
    );
}

#[tokio::test]
async fn a_count_comes_without_rows_and_a_page_past_the_end_is_refused() {
    let place = crowd();
    let cases = [
        ("limit=0", (206, "*/1205", 0)),
        ("limit=0&email=eq.nobody", (200, "*/0", 0)),
        ("limit=1", (206, "0-0/1205", 1)),
        ("limit=10&offset=1204", (206, "1204-1204/1205", 1)),
        ("limit=10&offset=1205", (206, "*/1205", 0)),
        ("limit=10&offset=1206", (416, "", 0)),
        ("limit=10&offset=0&email=eq.nobody", (200, "*/0", 0)),
        ("limit=10&offset=1&email=eq.nobody", (416, "", 0)),
        ("limit=2000", (206, "0-999/1205", 1000)),
        ("limit=2000&offset=1000", (206, "1000-1204/1205", 205)),
    ];
    for (query, (status, range, rows)) in cases {
        let got = page(counted(&place, query)).await;
        assert_eq!(got, (status, range.to_owned(), rows), "{query}");
    }
    let past = send(counted(&place, "limit=10&offset=1206")).await;
    assert_eq!(past.code(), (416, "PGRST103".into()));
    let uncounted = ask(&place, Method::GET, "/users?limit=10&offset=1206");
    assert_eq!(page(uncounted).await, (200, "*/*".into(), 0));
    let silent = ask(&place, Method::GET, "/users?select=email");
    assert_eq!(page(silent).await, (200, "0-999/*".into(), 1000));
}

#[tokio::test]
async fn a_change_of_more_rows_than_allowed_changes_none() {
    let place = crowd();
    let body = json!({"role": "changed"});
    for method in [Method::PATCH, Method::DELETE] {
        let many = change(&place, method.clone(), "role=eq.user", ONE, &body).await;
        assert_eq!(many.code(), (400, "PGRST124".into()));
        let none = change(&place, method, "role=eq.nobody", ONE, &body).await;
        assert_eq!((none.status.as_u16(), none.text.as_str()), (200, "[]"));
    }
    assert_eq!(
        place.sql("select count(*) from users where role = 'user'"),
        "1205"
    );
    let one = change(
        &place,
        Method::PATCH,
        "email=eq.u0001@x.example",
        ONE,
        &body,
    )
    .await;
    assert_eq!(one.text, r#"[{"email":"u0001@x.example"}]"#);
    assert_eq!(
        one.header("preference-applied"),
        "return=representation, handling=strict, max-affected=1"
    );
    let lenient = change(
        &place,
        Method::PATCH,
        "role=eq.user&email=lt.u0004",
        "max-affected=1",
        &body,
    )
    .await;
    assert_eq!(lenient.json().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn errors_carry_their_codes() {
    let place = plain().place();
    place.sql("insert into users (email) values ('a@x.example')");
    let get = |path: &'static str| send(ask(&place, Method::GET, path));
    assert_eq!(get("/nothing").await.code(), (404, "PGRST205".into()));
    assert_eq!(get("/users?id=eq.x").await.code(), (400, "22P02".into()));
    assert_eq!(
        get("/users?nothing=eq.x").await.code(),
        (400, "42703".into())
    );
    let unknown = change(
        &place,
        Method::PATCH,
        "email=eq.a@x.example",
        ONE,
        &json!({"nothing": 1}),
    )
    .await;
    assert_eq!(unknown.code(), (400, "PGRST204".into()));
    let strange = change(
        &place,
        Method::PATCH,
        "",
        "handling=strict, nothing=1",
        &json!({"role": "x"}),
    )
    .await;
    assert_eq!(strange.code(), (400, "PGRST122".into()));
}
