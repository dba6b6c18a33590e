//! A store that fails or panics on demand: what can't be provoked in a real one.

use super::{PASSWORD, Town, config};
use portcullis::directory::{DirectoryError, Listing, NewUser, Page, UserChanges, UserDirectory};
use portcullis::stores::memory::{MemoryError, MemoryStore};
use portcullis::user::{Role, TenantId, User};
use portcullis::{Account, PasswordHash, UserId, UserStore};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Clone, Default)]
struct Faulty {
    inner: MemoryStore,
    down: Arc<AtomicBool>,
    panicking: Arc<AtomicBool>,
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
        self.inner.create(new).await.map_err(|error| other(&error))
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
        updated.map_err(|error| other(&error))
    }
    async fn delete(
        &self,
        tenant: Option<&TenantId>,
        id: &UserId,
        keep: Option<&Role>,
    ) -> Result<(), DirectoryError<io::Error>> {
        self.fail()?;
        self.inner
            .delete(tenant, id, keep)
            .await
            .map_err(|error| other(&error))
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
