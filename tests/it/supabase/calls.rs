//! Each call that the store and its throttle make, for tests that go through them all.

use super::builder_at;
use crate::server::SECRET;
use crate::stack::Place;
use core::error::Error;
use core::fmt::Write as _;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use portcullis::directory::{DirectoryError, NewUser, Page, UserChanges, UserDirectory};
use portcullis::opaque::ServerSecret;
use portcullis::stores::supabase::{SupabaseError, SupabaseStore, SupabaseThrottle};
use portcullis::throttle::{Attempt, Forget, Throttle, ThrottleError};
use portcullis::user::{Role, TenantId, User};
use portcullis::{PasswordHash, UserId, UserStore};

/// Made of letters that no other text has, to be looked for where no hash belongs.
pub(super) const HASH: &str = "$argon2id$v=19$canary-hash";
pub(super) const LOGIN: &str = "canary-login@example.com";
pub(super) const TENANT: &str = "canary-tenant";
pub(super) const SOURCE: [u8; 4] = [192, 0, 2, 77];

/// The id of nobody, whom everything may be done to.
pub(super) const NOBODY: &str = "00000000-0000-4000-8000-0000000000aa";

/// What can be asked of the store and its throttle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    FindByLogin,
    FindById,
    List,
    Ping,
    ReplaceHash,
    Create,
    CreateFirst,
    Update,
    Delete,
    Acquire,
    Forgive,
}

/// Those that change nothing.
pub(super) const READS: [Ask; 4] = [Ask::FindByLogin, Ask::FindById, Ask::List, Ask::Ping];

pub(super) const WRITES: [Ask; 7] = [
    Ask::ReplaceHash,
    Ask::Create,
    Ask::CreateFirst,
    Ask::Update,
    Ask::Delete,
    Ask::Acquire,
    Ask::Forgive,
];

pub(super) fn every() -> impl Iterator<Item = Ask> {
    READS.into_iter().chain(WRITES)
}

pub(super) type Failure = Box<dyn Error + Send + Sync>;

/// A store and its throttle.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) store: SupabaseStore,
    pub(super) throttle: SupabaseThrottle,
}

impl Desk {
    pub(super) fn at(place: &Place, timeout: Duration) -> Self {
        Self::on(
            builder_at(&place.url, place)
                .timeout(timeout)
                .build()
                .unwrap(),
        )
    }

    pub(super) fn on(store: SupabaseStore) -> Self {
        Self {
            throttle: SupabaseThrottle::new(&store, ServerSecret::new(SECRET.as_bytes()).unwrap())
                .legacy_secret(SECRET.as_bytes()),
            store,
        }
    }

    /// Asks in vain.
    pub(super) async fn fails(&self, ask: Ask) -> Failure {
        match self.ask(ask).await {
            Ok(()) => panic!("{ask:?} was answered"),
            Err(error) => error,
        }
    }

    /// Asks, and tells whether there was an answer: that nobody is there is one, too.
    pub(super) async fn ask(&self, ask: Ask) -> Result<(), Failure> {
        let store = &self.store;
        let (nobody, tenant) = (UserId::new(NOBODY).unwrap(), TenantId::new(TENANT).unwrap());
        let (hash, admin) = (PasswordHash::from_stored(HASH), admin());
        let attempt = Attempt::new(LOGIN, Some(SOURCE.into()));
        match ask {
            Ask::FindByLogin => Ok(store.find_by_login(LOGIN).await.map(drop)?),
            Ask::FindById => Ok(store.find_by_id(&nobody).await.map(drop)?),
            Ask::List => Ok(store
                .list(Some(&tenant), Page::new(0, 10))
                .await
                .map(drop)?),
            Ask::Ping => Ok(store.ping().await?),
            Ask::ReplaceHash => {
                let replaced = store.replace_password_hash(&nobody, &hash, &hash);
                Ok(replaced.await.map(drop)?)
            }
            Ask::Create => answered(store.create(somebody()).await),
            Ask::CreateFirst => answered(store.create_first(somebody()).await),
            Ask::Update => {
                let changed = store.update(Some(&tenant), &nobody, changes(), Some(&admin));
                answered(changed.await)
            }
            Ask::Delete => {
                let deleted = store.delete(Some(&tenant), &nobody, Some(&admin));
                answered(deleted.await)
            }
            Ask::Acquire => counted(self.throttle.acquire(&attempt).await),
            Ask::Forgive => {
                let forgiven = self.throttle.forgive(&nobody, &[LOGIN], Forget::Everything);
                counted(forgiven.await)
            }
        }
    }
}

fn admin() -> Role {
    Role::new("admin").unwrap()
}

/// Somebody new each time.
pub(super) fn somebody() -> NewUser {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut new = NewUser::new(format!("canary-{number}@example.com").parse().unwrap());
    new.role = Some(admin());
    new.tenant_id = Some(TenantId::new(TENANT).unwrap());
    new.password_hash = Some(PasswordHash::from_stored(HASH));
    new
}

pub(super) fn changes() -> UserChanges {
    let mut changes = UserChanges::default();
    changes.email = Some("canary-changed@example.com".parse().unwrap());
    changes.role = Some(None);
    changes.password_hash = Some(PasswordHash::from_stored(HASH));
    changes
}

fn answered<T>(outcome: Result<T, DirectoryError<SupabaseError>>) -> Result<(), Failure> {
    match outcome {
        Ok(_) | Err(DirectoryError::NotFound) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn counted<T>(outcome: Result<T, ThrottleError>) -> Result<(), Failure> {
    match outcome {
        Ok(_) | Err(ThrottleError::Limited { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Makes a user by SQL's own hand.
pub(super) fn insert(place: &Place, email: &str) -> UserId {
    let row = format!(
        "insert into users (email, role, tenant_id, password_hash)
            values ('{email}', 'admin', '{TENANT}', '{HASH}') returning id"
    );
    UserId::new(place.sql(&row)).unwrap()
}

/// All that an error tells: its text, its `Debug` form, and those of everything behind it.
pub(super) fn told(error: &(dyn Error + 'static)) -> String {
    let mut told = String::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        write!(told, "{error} {error:?} {error:#?} ").unwrap();
        cause = error.source();
    }
    told
}

/// Whether this user is among those listed.
pub(super) fn emails(users: &[User]) -> Vec<&str> {
    users.iter().map(|user| user.email.as_str()).collect()
}
