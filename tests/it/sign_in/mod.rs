//! The order and the equality of sign-in: the same work and the same answer for each failure, status only after
//! proof, counted by verdict, and never let in when something can't be asked.
#![expect(clippy::panic, reason = "a test stops at the first surprise")]

use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use portcullis::authenticator::{Authenticator, Credentials, HashError, SignInError, SignedIn};
use portcullis::directory::{NewUser, UserChanges, UserDirectory as _};
use portcullis::event::{Event, Observer, RefusedBecause};
use portcullis::offload::{HashPool, Job, Lost, Offload};
use portcullis::opaque::ServerSecret;
use portcullis::password::{HashParams, Password, PasswordHash, PasswordHasher, Verdict};
use portcullis::store::{Account, AccountStatus, UserStore};
use portcullis::stores::memory::MemoryStore;
use portcullis::test_util::{ManualClock, cheap_hash_params};
use portcullis::throttle::{
    Acquired, Attempt, Counter, Forget, MemoryThrottle, Success, Throttle, ThrottleError,
};
use portcullis::user::{User, UserId};
use portcullis::{Refusal, password};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use tokio::sync::Barrier;

mod devices;
mod dropped;
mod hanging_up;
mod parallel;
mod queue;

const RIGHT: &str = "correct horse battery staple";

/// The memory store, with faults.
#[derive(Clone, Default)]
struct Staged {
    users: MemoryStore,
    down: Arc<AtomicBool>,
    /// Somebody else's new password, set just before a re-hash is stored.
    changed_meanwhile: Option<PasswordHash>,
    replace_fails: bool,
    look_ups: Arc<AtomicUsize>,
}

#[derive(Debug, thiserror::Error)]
#[error("the database is down")]
struct Down;

impl UserStore for Staged {
    type User = User;
    type Error = Down;

    async fn find_by_login(&self, login: &str) -> Result<Option<Account<User>>, Down> {
        self.look_ups.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(Down);
        }
        self.users.find_by_login(login).await.map_err(|_| Down)
    }

    async fn find_by_id(&self, id: &UserId) -> Result<Option<Account<User>>, Down> {
        self.users.find_by_id(id).await.map_err(|_| Down)
    }

    async fn replace_password_hash(
        &self,
        id: &UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, Down> {
        if self.replace_fails {
            return Err(Down);
        }
        if let Some(newer) = &self.changed_meanwhile {
            let mut changes = UserChanges::default();
            changes.password_hash = Some(newer.clone());
            self.users.update(None, id, changes, None).await.unwrap();
        }
        self.users
            .replace_password_hash(id, old, new)
            .await
            .map_err(|_| Down)
    }
}

/// Hashes at once, counts how often, and refuses if told to.
#[derive(Clone, Debug, Default)]
struct Counting {
    jobs: Arc<AtomicUsize>,
    full: Arc<AtomicBool>,
}

impl Offload for Counting {
    fn submit(&self, job: Job) -> Result<(), Lost> {
        if self.full.load(Ordering::SeqCst) {
            return Err(Lost::default());
        }
        self.jobs.fetch_add(1, Ordering::SeqCst);
        job();
        Ok(())
    }

    fn threads(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }
}

/// What was observed, as text.
#[derive(Clone, Debug, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Observer for Seen {
    fn observe(&self, event: Event<'_>) {
        let known = |id: Option<&UserId>| if id.is_some() { "known" } else { "unknown" };
        let text = match event {
            Event::SignedIn { .. } => "signed in".to_owned(),
            Event::Refused { id, reason, .. } => format!("{} {reason:?}", known(id)),
            Event::Rehashed { .. } => "rehashed".to_owned(),
            Event::RehashFailed { error, .. } => format!("rehash failed: {error}"),
            Event::Unavailable { error, .. } => format!("unavailable: {error}"),
            other => panic!("{other:?}"),
        };
        self.0.lock().unwrap().push(text);
    }
}

impl Seen {
    fn take(&self) -> Vec<String> {
        core::mem::take(&mut *self.0.lock().unwrap())
    }
}

struct Stage {
    store: Staged,
    offload: Counting,
    seen: Seen,
    clock: ManualClock,
    authenticator: Authenticator<Staged>,
}

impl Stage {
    async fn new() -> Self {
        Self::with(Staged::default()).await
    }

    /// Anna has a password; Dora too, but is disabled; Nora has none; Ulla's can't be used.
    async fn with(store: Staged) -> Self {
        let hasher = cheap();
        let (offload, seen, clock) = (Counting::default(), Seen::default(), ManualClock::default());
        let hash = |hasher: &PasswordHasher| hasher.hash(&Password::new(RIGHT)).unwrap();
        add(&store, "anna", Some(hash(&hasher))).await;
        let dora = add(&store, "dora", Some(hash(&hasher))).await;
        let mut changes = UserChanges::default();
        changes.status = Some(AccountStatus::Disabled);
        store
            .users
            .update(None, &dora, changes, None)
            .await
            .unwrap();
        add(&store, "nora", None).await;
        let unusable = PasswordHash::from_stored("$2b$12$R9h/cIPz0gi.URNNX3kh2O");
        add(&store, "ulla", Some(unusable)).await;
        let authenticator = Authenticator::builder(store.clone())
            .hasher(hasher)
            .offload(offload.clone())
            .observer(seen.clone())
            .throttle(MemoryThrottle::default().clock(clock.clone()))
            .build()
            .unwrap();
        Self {
            store,
            offload,
            seen,
            clock,
            authenticator,
        }
    }

    async fn sign_in(&self, name: &str, password: &str) -> Result<SignedIn<User>, SignInError> {
        let login = format!("{name}@example.com");
        self.authenticator
            .sign_in(Credentials::new(login, password))
            .await
    }

    fn hashings(&self) -> usize {
        self.offload.jobs.swap(0, Ordering::SeqCst)
    }

    async fn stored(&self, name: &str) -> Account<User> {
        let login = format!("{name}@example.com");
        self.store
            .users
            .find_by_login(&login)
            .await
            .unwrap()
            .unwrap()
    }
}

fn cheap() -> PasswordHasher {
    PasswordHasher::new(cheap_hash_params()).unwrap()
}

async fn add(store: &Staged, name: &str, hash: Option<PasswordHash>) -> UserId {
    let mut new = NewUser::new(format!("{name}@example.com").parse().unwrap());
    new.password_hash = hash;
    store.users.create(new).await.unwrap().id
}

#[tokio::test]
async fn the_right_password_signs_in_whatever_the_spelling_of_the_login() {
    let stage = Stage::new().await;
    for login in ["anna@example.com", " Anna@EXAMPLE.com\t"] {
        let signed_in = stage
            .authenticator
            .sign_in(Credentials::new(login, RIGHT))
            .await
            .unwrap();
        assert_eq!(signed_in.id, signed_in.user.id);
        assert_eq!(signed_in.user.email.as_str(), "anna@example.com");
        assert_eq!(stage.seen.take(), ["signed in"]);
        assert_eq!(stage.hashings(), 1);
    }
}

#[tokio::test]
async fn every_failure_has_the_same_work_and_the_same_answer_and_its_own_event() {
    let stage = Stage::new().await;
    let long = "x".repeat(2000);
    let mut answers = Vec::new();
    for (name, password, event) in [
        ("nobody", RIGHT, "unknown UnknownLogin"),
        ("anna", "wrong", "known WrongPassword"),
        ("anna", "", "known WrongPassword"),
        ("anna", &*long, "known WrongPassword"),
        ("nora", RIGHT, "known NoPassword"),
        ("nora", "", "known NoPassword"),
        ("ulla", RIGHT, "known UnusableHash"),
        ("dora", "wrong", "known WrongPassword"),
        ("dora", RIGHT, "known Disabled"),
        (&*long, RIGHT, "unknown UnknownLogin"),
        ("", "", "unknown UnknownLogin"),
    ] {
        let error = stage.sign_in(name, password).await.unwrap_err();
        assert_eq!(stage.hashings(), 1, "{event}");
        assert_eq!(stage.seen.take(), [event]);
        answers.push(Refusal::from(&error));
        let disabled = event == "known Disabled";
        assert_eq!(matches!(error, SignInError::Disabled), disabled, "{event}");
        let invalid = matches!(error, SignInError::InvalidCredentials);
        assert_eq!(invalid, !disabled, "{event}");
    }
    answers.dedup();
    assert_eq!(answers, [Refusal::INVALID_CREDENTIALS]);
}

#[tokio::test]
async fn a_disabled_account_is_told_so_only_after_proof_and_signs_in_when_active_again() {
    let stage = Stage::new().await;
    let guessed = stage.sign_in("dora", "wrong").await.unwrap_err();
    assert!(matches!(guessed, SignInError::InvalidCredentials));
    let proven = stage.sign_in("dora", RIGHT).await.unwrap_err();
    assert!(matches!(proven, SignInError::Disabled));
    let mut changes = UserChanges::default();
    changes.status = Some(AccountStatus::Active);
    let id = stage.stored("dora").await.id;
    stage
        .store
        .users
        .update(None, &id, changes, None)
        .await
        .unwrap();
    assert_eq!(stage.sign_in("dora", RIGHT).await.unwrap().id, id);
}

#[tokio::test]
async fn each_kind_of_failure_counts_and_the_eleventh_attempt_is_not_looked_at() {
    for name in ["anna", "nobody", "nora", "ulla", "dora"] {
        let stage = Stage::new().await;
        let password = if name == "anna" { "wrong" } else { RIGHT };
        for _ in 0..10 {
            let error = stage.sign_in(name, password).await.unwrap_err();
            assert!(!matches!(error, SignInError::Throttled { .. }), "{name}");
        }
        stage.hashings();
        stage.seen.take();
        let look_ups = stage.store.look_ups.load(Ordering::SeqCst);
        let error = stage.sign_in(name, RIGHT).await.unwrap_err();
        let SignInError::Throttled { retry_after } = error else {
            panic!("{name} {error:?}");
        };
        assert_eq!(retry_after, Duration::from_secs(1));
        assert_eq!(stage.hashings(), 0);
        assert_eq!(stage.store.look_ups.load(Ordering::SeqCst), look_ups);
        assert_eq!(stage.seen.take(), ["unknown Throttled"]);
        stage.clock.advance(retry_after);
        let later = stage.sign_in(name, RIGHT).await;
        assert_eq!(later.is_ok(), name == "anna");
    }
}

#[tokio::test]
async fn an_outdated_hash_is_replaced_after_a_good_sign_in_only() {
    let stage = Stage::new().await;
    let strong = PasswordHasher::new(HashParams::new(7168, 5, 1).unwrap()).unwrap();
    let old = strong.hash(&Password::new(RIGHT)).unwrap();
    add(&stage.store, "olga", Some(old.clone())).await;

    stage.sign_in("olga", "wrong").await.unwrap_err();
    let stored = stage.stored("olga").await;
    assert_eq!(stored.password_hash.unwrap().expose(), old.expose());
    assert_eq!((stage.hashings(), stage.seen.take().len()), (1, 1));

    let before = stage.sign_in("olga", RIGHT).await.unwrap();
    assert_eq!(stage.seen.take(), ["rehashed", "signed in"]);
    let stored = stage.stored("olga").await;
    let new = stored.password_hash.unwrap();
    assert_ne!(new.expose(), old.expose());
    assert_eq!(cheap().verify(&Password::new(RIGHT), &new), Verdict::Match);
    // The password is the same, so tokens live on.
    assert_eq!(stored.epoch, before.epoch);

    stage.sign_in("olga", RIGHT).await.unwrap();
    assert_eq!(stage.seen.take(), ["signed in"]);
}

#[tokio::test]
async fn a_password_changed_during_a_rehash_is_not_undone() {
    let newer = cheap().hash(&Password::new("a new password")).unwrap();
    let stage = Stage::with(Staged {
        changed_meanwhile: Some(newer.clone()),
        ..Staged::default()
    })
    .await;
    let strong = PasswordHasher::new(HashParams::new(7168, 5, 1).unwrap()).unwrap();
    let old = strong.hash(&Password::new(RIGHT)).unwrap();
    add(&stage.store, "olga", Some(old)).await;
    stage.sign_in("olga", RIGHT).await.unwrap();
    assert_eq!(stage.seen.take(), ["signed in"]);
    let stored = stage.stored("olga").await.password_hash.unwrap();
    assert_eq!(stored.expose(), newer.expose());
    stage.sign_in("olga", RIGHT).await.unwrap_err();
    stage.sign_in("olga", "a new password").await.unwrap();
}

#[tokio::test]
async fn a_rehash_that_fails_does_not_keep_anybody_out() {
    let stage = Stage::with(Staged {
        replace_fails: true,
        ..Staged::default()
    })
    .await;
    let strong = PasswordHasher::new(HashParams::new(7168, 5, 1).unwrap()).unwrap();
    let old = strong.hash(&Password::new(RIGHT)).unwrap();
    add(&stage.store, "olga", Some(old)).await;
    stage.sign_in("olga", RIGHT).await.unwrap();
    assert_eq!(
        stage.seen.take(),
        ["rehash failed: the database is down", "signed in"]
    );
}

#[tokio::test]
async fn a_store_that_is_down_is_unavailable_and_nobodys_wrong_password() {
    let stage = Stage::new().await;
    stage.store.down.store(true, Ordering::SeqCst);
    for _ in 0..20 {
        for name in ["anna", "nobody"] {
            let error = stage.sign_in(name, RIGHT).await.unwrap_err();
            assert!(matches!(error, SignInError::Unavailable(_)), "{error:?}");
            assert_eq!(Refusal::from(&error), Refusal::UNAVAILABLE);
            let source = core::error::Error::source(&error).unwrap();
            assert_eq!(source.to_string(), "the database is down");
            assert_eq!(stage.seen.take(), ["unavailable: the database is down"]);
            assert_eq!(stage.hashings(), 0);
        }
    }
    // It was no failure of theirs.
    stage.store.down.store(false, Ordering::SeqCst);
    stage.sign_in("anna", RIGHT).await.unwrap();
}

#[tokio::test]
async fn a_pool_that_takes_no_job_is_unavailable_and_nobodys_wrong_password() {
    let stage = Stage::new().await;
    stage.offload.full.store(true, Ordering::SeqCst);
    for _ in 0..20 {
        for name in ["anna", "nobody", "nora"] {
            let error = stage.sign_in(name, RIGHT).await.unwrap_err();
            assert!(matches!(error, SignInError::Unavailable(_)), "{error:?}");
            assert_eq!(Refusal::from(&error), Refusal::UNAVAILABLE);
            assert_eq!(
                stage.seen.take(),
                ["unavailable: password hashing is overloaded"]
            );
        }
    }
    let hashed = stage.authenticator.hash_password(RIGHT.into()).await;
    assert!(matches!(hashed, Err(HashError::Overloaded(_))));
    stage.offload.full.store(false, Ordering::SeqCst);
    stage.sign_in("anna", RIGHT).await.unwrap();
}

/// Counters that cannot be reached at one of the steps.
struct Unreachable(&'static str, Arc<AtomicUsize>);

impl Unreachable {
    fn at(&self, step: &str) -> Result<(), ThrottleError> {
        if self.0 == step {
            return Err(ThrottleError::Unavailable(Box::new(Down)));
        }
        Ok(())
    }
}

impl Throttle for Unreachable {
    type Charge = ();

    fn server_secret(&self) -> Option<&ServerSecret> {
        None
    }
    async fn acquire(&self, _: &Attempt) -> Result<Acquired<()>, ThrottleError> {
        self.at("acquire")
            .map(|()| Acquired::new((), Counter::Account, 0))
    }
    async fn success(&self, (): &(), _: Success<'_>) -> Result<(), ThrottleError> {
        self.at("success")
    }
    fn not_made(&self, (): ()) {
        self.1.fetch_add(1, Ordering::SeqCst);
    }
    async fn forgive(&self, _: &UserId, _: &[&str], _: Forget) -> Result<(), ThrottleError> {
        self.at("forgive")
    }
}

#[tokio::test]
async fn a_throttle_that_is_down_lets_nobody_in() {
    let stage = Stage::new().await;
    for (step, hashings, given_back) in [("acquire", 0, 0), ("success", 1, 1)] {
        let refunds = Arc::new(AtomicUsize::new(0));
        let authenticator = Authenticator::builder(stage.store.clone())
            .hasher(cheap())
            .offload(stage.offload.clone())
            .observer(stage.seen.clone())
            .throttle(Unreachable(step, Arc::clone(&refunds)))
            .build()
            .unwrap();
        let credentials = Credentials::new("anna@example.com", RIGHT);
        let error = authenticator.sign_in(credentials).await.unwrap_err();
        assert!(matches!(error, SignInError::Unavailable(_)), "{step}");
        assert_eq!(stage.seen.take(), ["unavailable: the database is down"]);
        assert_eq!(stage.hashings(), hashings, "{step}");
        assert_eq!(refunds.load(Ordering::SeqCst), given_back, "{step}");
    }
}

#[tokio::test]
async fn a_login_with_characters_that_do_not_show_names_nobody_and_costs_the_same() {
    let stage = Stage::new().await;
    for login in ["anna\0@example.com", "\u{1b}anna", "an\nna", "a\u{0}"] {
        let credentials = Credentials::new(login, RIGHT);
        let error = stage.authenticator.sign_in(credentials).await.unwrap_err();
        assert!(
            matches!(error, SignInError::InvalidCredentials),
            "{error:?}"
        );
        assert_eq!(stage.hashings(), 1);
        assert_eq!(stage.seen.take(), ["unknown UnknownLogin"]);
        assert_eq!(stage.store.look_ups.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn new_passwords_are_hashed_with_the_authenticators_parameters() {
    let stage = Stage::new().await;
    let hash = stage
        .authenticator
        .hash_password(RIGHT.into())
        .await
        .unwrap();
    assert_eq!(hash.params().unwrap(), cheap_hash_params());
    let oversize = Password::new("x".repeat(password::MAX_PASSWORD_BYTES + 1));
    let refused = stage.authenticator.hash_password(oversize).await;
    assert!(matches!(refused, Err(HashError::Failed(_))));
}

#[tokio::test]
async fn what_was_typed_shows_in_no_debug_and_no_error() {
    let stage = Stage::new().await;
    let credentials = Credentials::new("canary-login", "canary-password");
    let shown = format!("{credentials:?} {:?}", stage.authenticator);
    assert!(!shown.contains("canary"), "{shown}");
    let error = stage.authenticator.sign_in(credentials).await.unwrap_err();
    let told = format!("{error} {error:?} {:?}", RefusedBecause::UnknownLogin);
    assert!(!told.contains("canary"), "{told}");
}
