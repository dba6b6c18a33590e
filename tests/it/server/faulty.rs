//! A store that fails or panics on demand: what can't be provoked in a real one.

use super::raw::PATIENCE;
use super::written::Written;
use super::{NEW_PASSWORD, PASSWORD, Town, config, request};
use portcullis::directory::{DirectoryError, Listing, NewUser, Page, UserChanges, UserDirectory};
use portcullis::stores::memory::{MemoryError, MemoryStore};
use portcullis::user::{Role, TenantId, User};
use portcullis::{Account, PasswordHash, UserId, UserStore};
use serde_json::json;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

#[derive(Clone, Default)]
struct Faulty {
    inner: MemoryStore,
    down: Arc<AtomicBool>,
    panicking: Arc<AtomicBool>,
    /// Whether changes that are made are not answered.
    silent: Arc<watch::Sender<bool>>,
    /// How many changes were made.
    made: Arc<watch::Sender<u32>>,
}

impl Faulty {
    fn fail(&self) -> io::Result<()> {
        assert!(
            !self.panicking.load(Ordering::Relaxed),
            "the store panics, as the test asked"
        );
        if self.down.load(Ordering::Relaxed) {
            return Err(io::Error::other("disk on fire at /secret/place"));
        }
        Ok(())
    }

    /// A change is made; the answer comes when the store is no longer silent.
    async fn made<T>(&self, answer: T) -> T {
        self.made.send_modify(|made| *made += 1);
        let mut silent = self.silent.subscribe();
        silent.wait_for(|silent| !silent).await.unwrap();
        answer
    }
}

fn other(error: &DirectoryError<MemoryError>) -> DirectoryError<io::Error> {
    match error {
        DirectoryError::Duplicate => DirectoryError::Duplicate,
        DirectoryError::NotFound => DirectoryError::NotFound,
        DirectoryError::LastOfRole => DirectoryError::LastOfRole,
        _ => DirectoryError::Store(io::Error::other("memory")),
    }
}

impl UserStore for Faulty {
    type User = User;
    type Error = io::Error;

    async fn find_by_login(&self, login: &str) -> io::Result<Option<Account<User>>> {
        self.fail()?;
        let found = self.inner.find_by_login(login).await;
        found.map_err(io::Error::other)
    }
    async fn find_by_id(&self, id: &UserId) -> io::Result<Option<Account<User>>> {
        self.fail()?;
        self.inner.find_by_id(id).await.map_err(io::Error::other)
    }
    async fn replace_password_hash(
        &self,
        id: &UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> io::Result<bool> {
        self.fail()?;
        let replaced = self.inner.replace_password_hash(id, old, new).await;
        replaced.map_err(io::Error::other)
    }
}

impl UserDirectory for Faulty {
    async fn list(&self, tenant: Option<&TenantId>, page: Page) -> io::Result<Listing> {
        self.fail()?;
        let listing = self.inner.list(tenant, page).await;
        listing.map_err(io::Error::other)
    }
    async fn create(&self, new: NewUser) -> Result<User, DirectoryError<io::Error>> {
        self.fail()?;
        let created = self.inner.create(new).await;
        self.made(created.map_err(|error| other(&error))).await
    }
    async fn create_first(&self, new: NewUser) -> Result<Option<User>, DirectoryError<io::Error>> {
        self.fail()?;
        self.inner
            .create_first(new)
            .await
            .map_err(|error| other(&error))
    }
    async fn update(
        &self,
        tenant: Option<&TenantId>,
        id: &UserId,
        changes: UserChanges,
        keep: Option<&Role>,
    ) -> Result<User, DirectoryError<io::Error>> {
        self.fail()?;
        let updated = self.inner.update(tenant, id, changes, keep).await;
        self.made(updated.map_err(|error| other(&error))).await
    }
    async fn delete(
        &self,
        tenant: Option<&TenantId>,
        id: &UserId,
        keep: Option<&Role>,
    ) -> Result<(), DirectoryError<io::Error>> {
        self.fail()?;
        let deleted = self.inner.delete(tenant, id, keep).await;
        self.made(deleted.map_err(|error| other(&error))).await
    }
    async fn ping(&self) -> io::Result<()> {
        self.fail()
    }
}

/// Each way to the store: method, path, body.
fn ways(town: &Town<Faulty>) -> Vec<(&'static str, String, &'static str)> {
    let max = format!("/users/{}", town.max.id);
    vec![
        ("GET", "/users".into(), ""),
        (
            "POST",
            "/users".into(),
            r#"{"email":"x@example.com","password":"canary of quite another feather"}"#,
        ),
        ("GET", max.clone(), ""),
        ("PATCH", max.clone(), r#"{"role":"admin"}"#),
        ("DELETE", max, ""),
        ("GET", "/users/me".into(), ""),
        ("GET", "/agent".into(), ""),
        ("GET", "/readyz".into(), ""),
    ]
}

#[tokio::test]
async fn a_store_that_is_down_is_503_and_never_not_found_or_anonymous() {
    let store = Faulty::default();
    let town = Town::with(store.clone(), &config(&[])).await;
    let token = town.token(&town.anna).await;
    store.down.store(true, Ordering::Relaxed);
    let form = format!("username=anna@example.com&password={PASSWORD}");
    let mut answers = vec![("/token".to_owned(), town.form(&form).await)];
    for (method, path, body) in ways(&town) {
        let answer = town.json(method, &path, &token, body).await;
        answers.push((path, answer));
    }
    for (path, answer) in answers {
        assert_eq!(answer.status, 503, "{path}");
        assert_eq!(answer.header("retry-after"), Some("1"), "{path}");
        assert_eq!(
            answer.json()["detail"],
            "Service temporarily unavailable",
            "{path}"
        );
        assert!(!answer.text.contains("fire"), "{path}: {}", answer.text);
    }
    assert_eq!(town.call("GET", "/healthz", "").await.status, 200);
    store.down.store(false, Ordering::Relaxed);
    assert_eq!(town.call("GET", "/readyz", "").await.status, 200);
    assert_eq!(town.call("GET", "/users", &token).await.status, 200);
}

#[tokio::test]
async fn a_panic_is_a_plain_500_with_all_headers_and_the_server_lives_on() {
    let store = Faulty::default();
    let town = Town::with(store.clone(), &config(&[])).await;
    let token = town.token(&town.anna).await;
    store.panicking.store(true, Ordering::Relaxed);
    for (method, path, body) in ways(&town) {
        let answer = town.json(method, &path, &token, body).await;
        assert_eq!(answer.status, 500, "{path}");
        assert_eq!(answer.text, r#"{"detail":"Internal Server Error"}"#);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert!(answer.header("x-request-id").is_some());
    }
    store.panicking.store(false, Ordering::Relaxed);
    assert_eq!(town.call("GET", "/users", &token).await.status, 200);
}

#[tokio::test]
async fn a_client_that_hangs_up_during_a_change_loses_neither_its_log_line_nor_what_it_forgets() {
    let store = Faulty::default();
    let town = Town::with(store.clone(), &config(&[])).await;
    let token = town.token(&town.anna).await;
    let (written, subscriber) = Written::subscriber();
    let _log = tracing::subscriber::set_default(subscriber);
    let new = json!({"email": "new@example.com", "password": NEW_PASSWORD});
    let password = json!({"password": NEW_PASSWORD});
    for (method, name, id, body, line) in [
        ("POST", "new", None, new, "user created"),
        ("PATCH", "max", Some(&town.max.id), password, "user changed"),
        (
            "DELETE",
            "nobody",
            Some(&town.nobody.id),
            json!({}),
            "user deleted",
        ),
    ] {
        let sign_in = format!("username={name}@example.com&password=wrong");
        if id.is_some() {
            while town.form(&sign_in).await.status != 429 {}
        }
        let path = id.map_or("/users".to_owned(), |id| format!("/users/{id}"));
        let body = body.to_string();
        let call = town.send(request(method, &path, &token, Some(&body)));
        store.silent.send_replace(true);
        let mut made = store.made.subscribe();
        let change = async {
            made.changed().await.unwrap();
        };
        // The store has made the change, and the client goes away before it says so.
        tokio::select! {
            answer = call => panic!("{method}: {answer:?}"),
            () = change => {}
        }
        store.silent.send_replace(false);
        let logged = async {
            while !written.text().contains(line) {
                tokio::task::yield_now().await;
            }
        };
        let logged = tokio::time::timeout(PATIENCE / 10, logged).await;
        assert!(logged.is_ok(), "{method}: {}", written.text());
        // The line belongs to the request and its caller.
        let text = written.text();
        let line = text.lines().find(|text| text.contains(line)).unwrap();
        assert!(
            line.contains("request{") && line.contains("caller="),
            "{line}"
        );
        assert_eq!(town.form(&sign_in).await.status, 401, "{method}");
    }
}
