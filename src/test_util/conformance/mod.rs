//! The suite any store must pass: each promise of [`UserStore`] and [`UserDirectory`], one check each.
//!
//! Give it a way to make an empty store, and it makes a fresh one for each check:
//!
//! ```
//! use portcullis::stores::memory::MemoryStore;
//! use portcullis::test_util::conformance;
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! // in a #[tokio::test]
//! conformance::user_directory(async || MemoryStore::new()).await.unwrap();
//! # });
//! ```
//!
//! Look-ups are also made with [`hostile_texts`]: a text that the database cannot hold must find nobody, without
//! an error.
//!
//! The checks that make many calls at once make them from one task. Run the suite on the kind of runtime your
//! server has, so that the calls meet in your database as they will there.

mod accounts;
mod changes;
mod rules;
mod store;
mod texts;

pub use texts::hostile_texts;

use crate::directory::{NewUser, UserChanges, UserDirectory};
use crate::password::PasswordHash;
use crate::store::{AccountStatus, UserStore};
use crate::user::{Email, Role, TenantId};
use core::fmt;
use core::pin::Pin;
use core::task::Poll;

/// How many calls are made at once where exactly one may succeed.
const RIVALS: u8 = 20;

/// An account that a store must hold before a check of [`user_store`] begins.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Seed {
    /// What the person signs in with: an e-mail address in canonical form.
    pub login: String,
    /// The stored hash, to be kept byte for byte.
    pub password_hash: Option<PasswordHash>,
    /// Whether the person may sign in.
    pub status: AccountStatus,
}

/// The promises a store broke, each with what was seen. Its `Debug` reads like its `Display`, for `unwrap`.
#[derive(Clone, PartialEq, Eq)]
pub struct Broken {
    promises: Vec<(&'static str, String)>,
}

impl Broken {
    /// The names of the broken promises.
    pub fn promises(&self) -> impl Iterator<Item = &'static str> {
        self.promises.iter().map(|(promise, _)| *promise)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store broke {} of its promises", self.promises.len())?;
        self.promises
            .iter()
            .try_for_each(|(promise, seen)| write!(f, "\n  {promise}: {seen}"))
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::error::Error for Broken {}

/// Makes a fresh store for each check and notes which of them fail.
macro_rules! check {
    ($broken:ident, $fresh:expr, $($module:ident::$promise:ident),+ $(,)?) => {$(
        let kept = match $fresh.await {
            Ok(store) => $module::$promise(&store).await,
            Err(fault) => Err(fault),
        };
        if let Err(Fault(seen)) = kept {
            $broken.push((stringify!($promise), seen));
        }
    )+};
}

/// Ends a check with what was seen, unless the condition holds.
macro_rules! promise {
    ($holds:expr, $($seen:tt)+) => {
        if !$holds {
            return Err($crate::test_util::conformance::Fault(format!($($seen)+)));
        }
    };
}
use promise;

/// Checks a store that only looks people up. `fresh` makes one that holds exactly the given accounts.
///
/// ```
/// # use portcullis::directory::{NewUser, UserChanges, UserDirectory};
/// # use portcullis::stores::memory::MemoryStore;
/// use portcullis::test_util::conformance::{Seed, user_store};
///
/// async fn store_with(seeds: Vec<Seed>) -> MemoryStore {
///     // empty the table, insert a row for each seed
///     # let store = MemoryStore::new();
///     # for seed in seeds {
///     #     let mut new = NewUser::new(seed.login.parse().unwrap());
///     #     new.password_hash = seed.password_hash;
///     #     let user = store.create(new).await.unwrap();
///     #     let mut changes = UserChanges::default();
///     #     changes.status = Some(seed.status);
///     #     store.update(None, &user.id, changes, None).await.unwrap();
///     # }
///     # store
/// }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// user_store(store_with).await.unwrap();
/// # });
/// ```
///
/// # Errors
/// [`Broken`] names the promises that were not kept.
pub async fn user_store<S: UserStore>(fresh: impl AsyncFn(Vec<Seed>) -> S) -> Result<(), Broken> {
    verdict(user_store_checks(async |seeds| Ok(fresh(seeds).await)).await)
}

/// Checks a store that can be administered, as [`user_store`] does and more. `fresh` makes an empty one.
///
/// # Errors
/// [`Broken`] names the promises that were not kept.
pub async fn user_directory<S: UserDirectory>(fresh: impl AsyncFn() -> S) -> Result<(), Broken> {
    let seeded = async |seeds| {
        let store = fresh().await;
        plant(&store, seeds).await?;
        Ok(store)
    };
    let mut broken = user_store_checks(seeded).await;
    let fresh = async || Ok(fresh().await);
    check!(
        broken,
        fresh(),
        accounts::a_new_user_is_what_was_asked_for,
        accounts::an_address_is_found_by_every_spelling,
        accounts::an_address_is_taken_once_over_all_tenants,
        accounts::of_many_concurrent_creations_of_an_address_one_wins,
        accounts::the_first_user_is_created_once,
        accounts::a_list_is_complete_ordered_and_in_pages,
        accounts::a_deleted_user_is_gone,
        accounts::a_working_store_answers_a_ping,
        changes::each_set_of_fields_changes_and_no_other,
        changes::a_role_is_given_taken_away_or_left,
        changes::the_epoch_grows_with_password_and_status_only,
        changes::concurrent_changes_of_different_fields_all_hold,
        texts::odd_addresses_are_kept_as_they_are,
        rules::tenants_do_not_see_each_other,
        rules::hostile_names_are_only_names,
        rules::the_last_of_a_role_stays,
        rules::who_does_not_count_cannot_be_the_last,
        rules::two_administrators_cannot_remove_each_other,
    );
    verdict(broken)
}

async fn user_store_checks<S: UserStore>(
    fresh: impl AsyncFn(Vec<Seed>) -> Result<S, Fault>,
) -> Vec<(&'static str, String)> {
    let mut broken = Vec::new();
    check!(
        broken,
        fresh(store::seeds()),
        store::everybody_is_found_by_login_and_by_id,
        store::unknown_logins_and_ids_find_nobody,
        store::a_hash_is_replaced_only_in_the_place_of_the_old_one,
        store::of_many_concurrent_replacements_one_wins,
    );
    broken
}

fn verdict(promises: Vec<(&'static str, String)>) -> Result<(), Broken> {
    if promises.is_empty() {
        Ok(())
    } else {
        Err(Broken { promises })
    }
}

/// What a check saw that should not be.
struct Fault(String);

type Kept = Result<(), Fault>;

/// An error where none was due, with its causes.
impl<E: core::error::Error> From<E> for Fault {
    fn from(error: E) -> Self {
        let mut seen = format!("failed: {error}");
        let mut cause = error.source();
        while let Some(inner) = cause {
            seen = format!("{seen}: {inner}");
            cause = inner.source();
        }
        Self(seen)
    }
}

async fn plant<S: UserDirectory>(store: &S, seeds: Vec<Seed>) -> Kept {
    for seed in seeds {
        let mut new = NewUser::new(seed.login.parse()?);
        new.password_hash = seed.password_hash;
        let user = store.create(new).await?;
        let status = UserChanges {
            status: Some(seed.status),
            ..UserChanges::default()
        };
        store.update(None, &user.id, status, None).await?;
    }
    Ok(())
}

/// A stored hash as the default parameters make it; another for each number.
fn hash(number: u8) -> PasswordHash {
    let salt = "c2FsdHNhbHRzYWx0c2FsdA";
    PasswordHash::from_stored(format!(
        "$argon2id$v=19$m=19456,t=2,p=1${salt}${number:042}A"
    ))
}

fn email(text: &str) -> Result<Email, Fault> {
    Ok(Email::parse(text)?)
}

fn role(text: &str) -> Result<Role, Fault> {
    Ok(Role::new(text)?)
}

fn tenant(text: &str) -> Result<TenantId, Fault> {
    Ok(TenantId::new(text)?)
}

/// Runs futures at once, from one task, and gives their outputs in order.
async fn join<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    core::future::poll_fn(move |context| {
        let mut pending = false;
        for (future, output) in running.iter_mut().zip(&mut done) {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(value) => *output = Some(value),
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            Poll::Pending
        } else {
            Poll::Ready(done.drain(..).flatten().collect())
        }
    })
    .await
}
