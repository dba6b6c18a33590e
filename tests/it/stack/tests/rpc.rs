//! How functions are called through the whole stack: what the store may count on.

use super::{Answer, Place, ask, bare, plain, send, with};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::LazyLock;

const FUNCTIONS: &str = "
    insert into users (email) values ('a@x.example'), ('b@x.example');
    create function f_jsonb(a int, b text) returns jsonb language sql as $$ select jsonb_build_object('a', a, 'b', b) $$;
    create function f_bool(a int) returns boolean language sql as $$ select a > 1 $$;
    create function f_void() returns void language plpgsql as $$ begin perform 1; end $$;
    create function f_users(e text) returns setof users language sql stable
        as $$ select * from users where email = e or e = '*' order by email $$;
    create function f_user(e text) returns users language sql stable as $$ select * from users where email = e $$;
    create function f_table(x int) returns table (id int, name text) language sql
        as $$ select 1, 'one' where x > 0 union all select 2, 'two' where x > 1 $$;
    create function f_insert(e text) returns setof users language sql as $$ insert into users (email) values (e) returning * $$;
    create function f_raise(code text) returns void language plpgsql
        as $$ begin raise exception 'words' using errcode = code, detail = 'more', hint = 'a hint'; end $$;
    create function f_default(t uuid default null) returns boolean language sql as $$ select t is null $$;
    create function f_null(t uuid) returns boolean language sql as $$ select t is null $$;
    create function f_same(a int) returns text language sql as $$ select 'int' $$;
    create function f_same(a text) returns text language sql as $$ select 'text' $$;
    create function f_more(a int) returns text language sql as $$ select 'one' $$;
    create function f_more(a int, b int) returns text language sql as $$ select 'two' $$;
    create function f_count() returns bigint language sql stable as $$ select count(*) from users $$;
    create function f_definer() returns bigint language sql stable security definer as $$ select count(*) from users $$;
    create function f_stable() returns int language plpgsql stable
        as $$ begin insert into users (email) values ('z'); return 1; end $$;
    -- With a setting of its own a function is not written into its caller's plan, which PostgreSQL may keep and use for another
    -- role without asking for the right again. The store's functions have one too.
    create function f_closed() returns int language sql set search_path = '' as $$ select 1 $$;
    revoke execute on function f_closed() from public, anon, authenticated;
    create function f_shut() returns int language sql set search_path = '' as $$ select 1 $$;
    revoke execute on function f_shut() from public, anon, authenticated, service_role;
";

/// One for all tests here, as none of them changes a row and a reload takes its time.
static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let place = plain().place();
    place.sql(FUNCTIONS);
    place.reload();
    place
});

async fn call(function: &str, arguments: Value) -> Answer {
    let request = ask(&PLACE, Method::POST, &format!("/rpc/{function}"));
    send(with(request, &arguments)).await
}

#[tokio::test]
async fn what_a_function_returns_decides_the_shape_of_the_answer() {
    let cases = [
        (
            "f_jsonb",
            json!({"a": 1, "b": "x"}),
            200,
            r#"{"a":1,"b":"x"}"#,
        ),
        ("f_bool", json!({"a": 2}), 200, "true"),
        ("f_void", json!({}), 204, ""),
        (
            "f_table",
            json!({"x": 2}),
            200,
            r#"[{"id":1,"name":"one"},{"id":2,"name":"two"}]"#,
        ),
        ("f_table", json!({"x": 0}), 200, "[]"),
        // Not honoured here: PostgREST would leave `id` out.
        (
            "f_table?select=name",
            json!({"x": 1}),
            200,
            r#"[{"id":1,"name":"one"}]"#,
        ),
        (
            "f_users?select=email",
            json!({"e": "*"}),
            200,
            r#"[{"email":"a@x.example"},{"email":"b@x.example"}]"#,
        ),
        ("f_users?select=email", json!({"e": "nobody"}), 200, "[]"),
        (
            "f_users?select=email&email=eq.b@x.example",
            json!({"e": "*"}),
            200,
            r#"[{"email":"b@x.example"}]"#,
        ),
        (
            "f_user?select=email",
            json!({"e": "a@x.example"}),
            200,
            r#"{"email":"a@x.example"}"#,
        ),
        // One row that isn't there is a row of nulls, not an empty array.
        (
            "f_user?select=email",
            json!({"e": "nobody"}),
            200,
            r#"{"email":null}"#,
        ),
    ];
    for (function, arguments, status, text) in cases {
        let answer = call(function, arguments).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text.as_str()),
            (status, text),
            "{function}"
        );
    }
}

#[tokio::test]
async fn a_function_is_chosen_by_the_names_of_its_arguments() {
    assert_eq!(call("f_more", json!({"a": 1})).await.text, r#""one""#);
    assert_eq!(
        call("f_more", json!({"a": 1, "b": 1})).await.text,
        r#""two""#
    );
    assert_eq!(
        call("f_same", json!({"a": 1})).await.code(),
        (300, "PGRST203".into())
    );
    for (function, arguments) in [
        ("f_nothing", json!({})),
        ("f_bool", json!({})),
        ("f_bool", json!({"b": 1})),
        ("f_bool", json!({"a": 1, "b": 1})),
    ] {
        let answer = call(function, arguments).await;
        assert_eq!(answer.code(), (404, "PGRST202".into()), "{function}");
    }
}

/// The server's own fault, which PostgREST doesn't have: so a null is best left out, which works on both.
#[tokio::test]
async fn a_null_argument_arrives_as_empty_text_and_an_absent_one_is_its_default() {
    assert_eq!(
        call("f_null", json!({"t": null})).await.code(),
        (400, "22P02".into())
    );
    assert_eq!(call("f_default", json!({})).await.text, "true");
}

#[tokio::test]
async fn errors_of_a_function_keep_their_codes_and_pt_chooses_the_status() {
    let duplicate = call("f_insert", json!({"e": "a@x.example"})).await;
    assert_eq!(duplicate.code(), (409, "23505".into()));
    for (code, status) in [
        ("PT409", 409),
        ("PT404", 404),
        ("PT503", 503),
        ("P0001", 400),
        ("PC001", 400),
        ("23514", 400),
        ("40001", 500),
        ("40P01", 500),
        ("57014", 500),
        ("53300", 503),
    ] {
        let answer = call("f_raise", json!({"code": code})).await;
        assert_eq!(answer.code(), (status, code.into()));
        assert_eq!(answer.json()["details"], "more");
    }
}

#[tokio::test]
async fn a_stable_function_can_not_write() {
    assert_eq!(
        call("f_stable", json!({})).await.code(),
        (400, "0A000".into())
    );
}

#[tokio::test]
async fn what_is_revoked_is_refused() {
    assert_eq!(
        call("f_shut", json!({})).await.code(),
        (401, "42501".into())
    );
    assert_eq!(call("f_closed", json!({})).await.text, "1");
    let anon = |function: &str| {
        let request = bare(&PLACE, Method::POST, &format!("/rest/v1/rpc/{function}"))
            .header("apikey", &PLACE.publishable_key);
        send(with(request, &json!({})))
    };
    assert_eq!(anon("f_closed").await.code(), (401, "42501".into()));
    // Row level security holds inside a function, unless it runs as its owner.
    assert_eq!(anon("f_count").await.text, "0");
    assert_eq!(anon("f_definer").await.text, "2");
}

#[tokio::test]
async fn the_schema_of_a_call_is_that_of_content_profile() {
    let other = plain().place();
    let elsewhere =
        ask(&PLACE, Method::POST, "/rpc/f_count").header("content-profile", &other.schema);
    assert_eq!(
        send(with(elsewhere, &json!({}))).await.code(),
        (404, "PGRST202".into())
    );
    let here = ask(&other, Method::POST, "/rpc/f_count").header("content-profile", &PLACE.schema);
    let here = here.header("accept-profile", &other.schema);
    assert_eq!(send(with(here, &json!({}))).await.text, "2");
}
