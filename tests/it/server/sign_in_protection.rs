//! What keeps an owner signing in while others fail on the account: device tokens, what ends a delay, and `server unlock`.

use super::forms::GOOD;
use super::site::{Site, on_each_store};
use super::{NEW_PASSWORD, PASSWORD, Town};
use portcullis::directory::UserDirectory;
use serde_json::json;

on_each_store![
    a_device_token_is_given_to_who_asks_and_lets_its_device_go_on,
    what_changes_the_owner_or_their_password_ends_delays_and_devices,
];

/// Fails until the account has to wait.
async fn lock<S: UserDirectory + Clone>(town: &Town<S>, name: &str) {
    let form = format!("username={name}@example.com&password=wrong");
    for _ in 0..30 {
        if town.form(&form).await.status == 429 {
            return;
        }
    }
    panic!("{name} can guess without end");
}

async fn a_device_token_is_given_to_who_asks_and_lets_its_device_go_on(site: impl Site) {
    let town = site.town(&[]).await;
    let form = async |token: &str, password: &str| {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("username", "anna@example.com")
            .append_pair("password", password)
            .append_pair("device_token", token)
            .finish();
        town.form(&form).await
    };
    let plain = town.form(GOOD).await;
    assert!(plain.json().get("device_token").is_none());
    let answer = form("", PASSWORD).await;
    let token = answer.json()["device_token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("pdt_"), "{token}");
    // A wrong password gets none.
    assert!(!form("", "wrong").await.text.contains("pdt_"));

    lock(&town, "anna").await;
    assert_eq!(town.form(GOOD).await.status, 429);
    let kept = form(&token, PASSWORD).await;
    assert_eq!(kept.status, 200, "{}", kept.text);
    assert!(kept.json().get("device_token").is_none(), "it stays valid");
    for stale in ["pdt_x", "x", &token[..80], &token.to_lowercase()] {
        assert_eq!(form(stale, PASSWORD).await.status, 429, "{stale}");
    }
    // Another account: as if there were none, and a new one is given.
    let foreign = form_urlencoded::Serializer::new(String::new())
        .append_pair("username", "max@example.com")
        .append_pair("password", PASSWORD)
        .append_pair("device_token", &token)
        .finish();
    let foreign = town.form(&foreign).await;
    assert_eq!(foreign.status, 200);
    assert_ne!(foreign.json()["device_token"], token.as_str());
    assert!(foreign.json()["device_token"].is_string());

    // Not more than one, and text.
    let twice = format!("{GOOD}&device_token=&device_token=");
    assert_eq!(town.form(&twice).await.status, 422);
}

async fn what_changes_the_owner_or_their_password_ends_delays_and_devices(site: impl Site) {
    let town = site.town(&[]).await;
    let bearer = town.token(&town.anna).await;
    let path = format!("/users/{}", town.max.id);
    let status = async |name: &str, password: &str| {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("username", &format!("{name}@example.com"))
            .append_pair("password", password)
            .finish();
        town.form(&form).await.status.as_u16()
    };
    let with_device = |name: &str, password: &str, token: &str| {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("username", &format!("{name}@example.com"))
            .append_pair("password", password)
            .append_pair("device_token", token)
            .finish();
        let town = &town;
        async move { town.form(&form).await }
    };
    let device = with_device("max", PASSWORD, "").await.json()["device_token"].clone();
    let device = device.as_str().unwrap();
    lock(&town, "max").await;
    assert_eq!(status("max", PASSWORD).await, 429);
    assert_eq!(with_device("max", PASSWORD, device).await.status, 200);
    // Another role is no reason.
    let body = json!({"role": "member"}).to_string();
    assert_eq!(town.json("PATCH", &path, &bearer, &body).await.status, 200);
    lock(&town, "max").await;
    let body = json!({"password": NEW_PASSWORD}).to_string();
    let changed = town.json("PATCH", &path, &bearer, &body).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(status("max", NEW_PASSWORD).await, 200);

    lock(&town, "max").await;
    let void = with_device("max", NEW_PASSWORD, device).await;
    assert_eq!(void.status, 429, "it was given for the password of before");
    lock(&town, "moritz").await;
    let body = json!({"email": "moritz@example.com"}).to_string();
    let changed = town.json("PATCH", &path, &bearer, &body).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(status("moritz", NEW_PASSWORD).await, 200);
    assert_eq!(status("max", NEW_PASSWORD).await, 401, "nobody's, and free");

    lock(&town, "moritz").await;
    assert_eq!(town.call("DELETE", &path, &bearer).await.status, 200);
    assert_eq!(status("moritz", NEW_PASSWORD).await, 401);
}

#[cfg(unix)]
mod process {
    use super::super::program::{Program, finish};
    use super::super::raw::sign_in;
    use super::super::site::Supabase;
    use super::super::{PASSWORD, SECRET};
    use crate::stack::{Place, Stack};
    use std::path::Path;
    use tempfile::TempDir;

    const ADMIN: &str = "root@example.com";
    const VARIABLES: [(&str, &str); 3] = [
        ("ADMIN_EMAIL", ADMIN),
        ("ADMIN_PASSWORD", PASSWORD),
        ("DATABASE", "users.db"),
    ];

    /// Makes the delay of the failures so far an hour, to ask at leisure.
    async fn make_the_delay_long(file: &Path) {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
        let sql = sqlx::SqlitePool::connect_with(options).await.unwrap();
        sqlx::raw_sql(
            "UPDATE portcullis_counters SET failures = 30 WHERE failures >= 10 AND kind = 0",
        )
        .execute(&sql)
        .await
        .unwrap();
        sql.close().await;
    }

    fn unlock(place: &Path, email: &str, more: &[(&str, &str)]) -> Result<String, String> {
        let mut variables = vec![("SECRET_KEY", SECRET)];
        variables.extend(more);
        let output = finish(place, &["unlock", email], &variables);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        if output.status.success() {
            Ok(text(output.stdout))
        } else {
            Err(text(output.stderr))
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lock_on_an_sqlite_file_survives_kill_9_and_unlock_lifts_it_under_a_running_server() {
        let program = Program::start(TempDir::new().unwrap(), &[], &VARIABLES);
        let statuses: Vec<u16> = (0..12)
            .map(|_| sign_in(program.address, ADMIN, "wrong").status)
            .collect();
        assert_eq!(statuses[..10], [401; 10]);
        assert!(program.log().contains("SERVER_SECRET is not set"));
        make_the_delay_long(&program.place.path().join("users.db")).await;
        assert_eq!(sign_in(program.address, ADMIN, PASSWORD).status, 429);
        let place = program.kill();
        let program = Program::start(place, &[], &VARIABLES);
        assert_eq!(sign_in(program.address, ADMIN, PASSWORD).status, 429);

        let file = [("DATABASE", "users.db")];
        let nobody = unlock(program.place.path(), "no@example.com", &file).unwrap_err();
        assert!(
            nobody.contains("no user has this e-mail address"),
            "{nobody}"
        );
        assert_eq!(sign_in(program.address, ADMIN, PASSWORD).status, 429);
        let said = unlock(program.place.path(), " Root@example.com", &file).unwrap();
        let account = user_id(&program.place.path().join("users.db")).await;
        assert!(
            said.starts_with(&format!("{ADMIN}, user {account}: ")),
            "{said}"
        );
        assert!(said.contains("SERVER_SECRET is not set here"), "{said}");
        assert_eq!(sign_in(program.address, ADMIN, PASSWORD).status, 200);

        let elsewhere = [("DATABASE", "no.db")];
        let error = unlock(program.place.path(), ADMIN, &elsewhere).unwrap_err();
        assert!(error.contains("no.db"), "{error}");
        assert!(!program.place.path().join("no.db").exists());
    }

    async fn user_id(file: &Path) -> String {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
        let sql = sqlx::SqlitePool::connect_with(options).await.unwrap();
        let id = sqlx::query_scalar("SELECT id FROM portcullis_users").fetch_one(&sql);
        let id = id.await.unwrap();
        sql.close().await;
        id
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn unlock_says_under_which_secret_it_forgave_and_has_no_effect_under_another() {
        let secret = ("SERVER_SECRET", "of this server and of 32 bytes or more");
        let mut variables = VARIABLES.to_vec();
        variables.push(secret);
        let program = Program::start(TempDir::new().unwrap(), &[], &variables);
        for _ in 0..10 {
            sign_in(program.address, ADMIN, "wrong");
        }
        make_the_delay_long(&program.place.path().join("users.db")).await;
        let place = program.place.path();
        let other = ("SERVER_SECRET", "of another server and of 32 bytes or more");
        for (more, status) in [(&[][..], 429), (&[other], 429), (&[secret], 200)] {
            let mut all = vec![("DATABASE", "users.db")];
            all.extend(more);
            let said = unlock(place, ADMIN, &all).unwrap();
            assert!(said.contains("under this SERVER_SECRET"), "{said}");
            let is_derived = said.contains("if the server has one, set the same");
            assert_eq!(is_derived, more.is_empty(), "{said}");
            assert_eq!(sign_in(program.address, ADMIN, PASSWORD).status, status);
        }
    }

    #[test]
    fn a_command_beside_a_server_asks_for_the_servers_secrets_and_not_for_new_ones() {
        let folder = TempDir::new().unwrap();
        for file in ["there is no .env", "lacks it"] {
            for command in ["unlock", "set-password"] {
                let output = finish(folder.path(), &[command, ADMIN], &[]);
                let error = String::from_utf8(output.stderr).unwrap();
                for words in [file, "SERVER_SECRET to the same as the server's"] {
                    assert!(error.contains(words), "{error}");
                }
                assert!(!error.contains("openssl"), "{error}");
                assert_eq!(error.lines().count(), 1, "{error}");
            }
            std::fs::write(folder.path().join(".env"), "DATABASE=users.db\n").unwrap();
        }
    }

    #[test]
    fn with_a_server_secret_there_is_no_warning() {
        let mut variables = VARIABLES.to_vec();
        variables.push(("SERVER_SECRET", "of this server and of 32 bytes or more"));
        let program = Program::start(TempDir::new().unwrap(), &[], &variables);
        assert_eq!(sign_in(program.address, ADMIN, PASSWORD).status, 200);
        assert!(!program.log().contains("SERVER_SECRET is not set"));
        let demo = Program::demo(&[]);
        assert!(!demo.log().contains("SERVER_SECRET is not set"));
    }

    #[test]
    fn unlock_lifts_a_lock_on_supabase_for_all_servers() {
        let place: Place = Stack::shared().place();
        let mut variables = VARIABLES[..2].to_vec();
        variables.extend(Supabase::variables(&place));
        let servers = [0, 1].map(|_| Program::start(TempDir::new().unwrap(), &[], &variables));
        // One at a time would not reach a long delay soon.
        for _ in 0..12 {
            sign_in(servers[0].address, ADMIN, "wrong");
        }
        place.sql("update portcullis_counters set failures = 30 where failures >= 10");
        assert_eq!(sign_in(servers[1].address, ADMIN, PASSWORD).status, 429);
        let folder = TempDir::new().unwrap();
        let more = Supabase::variables(&place);
        unlock(folder.path(), ADMIN, &more).unwrap();
        assert_eq!(sign_in(servers[1].address, ADMIN, PASSWORD).status, 200);
    }
}
