//! Look-ups by id that meet share a question: each gets its own answer, and none an old one.

use super::builder_at;
use super::calls::{TENANT, insert};
use super::town::PATIENCE;
use crate::stack::{Fault, Place, Stack};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use futures_util::future::join_all;
use portcullis::directory::{UserChanges, UserDirectory as _};
use portcullis::stores::supabase::{SupabaseError, SupabaseStore};
use portcullis::user::{Role, TenantId, User};
use portcullis::{Account, Refusal, UserId, UserStore as _};
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinHandle;

pub(super) type Found = Result<Option<Account<User>>, SupabaseError>;

/// How many questions go at once; see the store's `lookups`.
pub(super) const AT_ONCE: usize = 4;

pub(super) fn store(place: &Place) -> SupabaseStore {
    builder_at(&place.url, place)
        .timeout(PATIENCE)
        .build()
        .unwrap()
}

/// Ids of users, and their addresses.
pub(super) fn people(place: &Place, number: usize) -> Vec<(UserId, String)> {
    let rows = place.sql(&format!(
        "insert into users (email, tenant_id)
            select 'u' || n || '@example.com', '{TENANT}' from generate_series(1, {number}) n returning id, email"
    ));
    let pair = |row: &str| {
        let (id, email) = row.split_once('|').unwrap();
        (UserId::new(id).unwrap(), email.to_owned())
    };
    rows.lines().map(pair).collect()
}

pub(super) fn find(store: &SupabaseStore, id: &UserId) -> JoinHandle<Found> {
    let (store, id) = (store.clone(), id.clone());
    tokio::spawn(async move { store.find_by_id(&id).await })
}

pub(super) fn email(found: Found) -> Option<String> {
    found.unwrap().map(|account| account.user.email.into())
}

/// Waits until so many requests have arrived.
pub(super) async fn arrived(place: &Place, requests: usize) {
    let started = Instant::now();
    while place.gateway.arrived() < requests {
        assert!(
            started.elapsed() < PATIENCE,
            "only {}",
            place.gateway.arrived()
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Look-ups whose questions are in flight, as many as may be: whoever asks now waits for company.
pub(super) async fn busy(
    place: &Place,
    store: &SupabaseStore,
    people: &[(UserId, String)],
) -> Vec<JoinHandle<Found>> {
    let mut found = Vec::new();
    for (id, _) in &people[..AT_ONCE] {
        let before = place.gateway.arrived();
        found.push(find(store, id));
        // One after the other, or two would share a question at once.
        arrived(place, before + 1).await;
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn many_look_ups_at_one_time_are_few_questions_and_each_gets_its_own_answer() {
    let place = Stack::shared().place();
    let store = store(&place);
    let mut people: Vec<(UserId, Option<String>)> = people(&place, 55)
        .into_iter()
        .map(|(id, email)| (id, Some(email)))
        .collect();
    // Some are nobody's, in the midst of the others.
    for number in 0..5 {
        let absent = format!("00000000-0000-4000-8000-00000000000{number}");
        people.insert(number * 7, (UserId::new(absent).unwrap(), None));
    }
    place.gateway.delay(Duration::from_millis(200));
    place.gateway.record();
    let asked = people.iter().cycle().take(200);
    let found = join_all(asked.clone().map(|(id, _)| find(&store, id))).await;
    for ((id, expected), found) in asked.zip(found) {
        assert_eq!(email(found.unwrap()), *expected, "{id}");
    }
    let taken = place.gateway.taken();
    assert!(
        taken.len() <= 40,
        "{} questions for 200 look-ups",
        taken.len()
    );
    for request in taken {
        let filter = &request
            .query
            .iter()
            .find(|(name, _)| name == "id")
            .unwrap()
            .1;
        let ids = filter.split(',').count();
        assert!(
            ids <= 50 && request.raw_query.len() < 4096,
            "{ids} ids in one address"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn look_ups_one_after_the_other_are_a_question_each() {
    let place = Stack::shared().place();
    let store = store(&place);
    for (id, address) in people(&place, 8) {
        assert_eq!(email(store.find_by_id(&id).await), Some(address));
    }
    assert_eq!(place.gateway.arrived(), 8);
}

/// Nobody may be shown what was read before it asked: a role that was taken away counts on the very next request.
#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_that_begins_after_a_write_was_answered_sees_it() {
    const CHANGES: usize = 120;
    let place = Stack::shared().place();
    let (store, tenant) = (store(&place), TenantId::new(TENANT).unwrap());
    let id = insert(&place, "known@example.com");
    let (written, done) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let mut changes = UserChanges::default();
    changes.role = Some(Some(Role::new("r0").unwrap()));
    store
        .update(Some(&tenant), &id, changes, None)
        .await
        .unwrap();
    // Another way to write, so that only the reads wait for each other.
    let writer = builder_at(&place.url, &place).build().unwrap();
    let readers: Vec<JoinHandle<usize>> = (0..24)
        .map(|_| {
            let (store, id, written, done) = (
                store.clone(),
                id.clone(),
                Arc::clone(&written),
                Arc::clone(&done),
            );
            tokio::spawn(async move {
                let mut reads = 0;
                while !done.load(Ordering::SeqCst) {
                    let least = written.load(Ordering::SeqCst);
                    let role = store
                        .find_by_id(&id)
                        .await
                        .unwrap()
                        .unwrap()
                        .user
                        .role
                        .unwrap();
                    let seen: usize = role.as_str()[1..].parse().unwrap();
                    assert!(
                        seen >= least,
                        "saw {seen}, but {least} was written before it asked"
                    );
                    reads += 1;
                }
                reads
            })
        })
        .collect();
    for number in 1..=CHANGES {
        let mut changes = UserChanges::default();
        changes.role = Some(Some(Role::new(format!("r{number}")).unwrap()));
        writer
            .update(Some(&tenant), &id, changes, None)
            .await
            .unwrap();
        written.store(number, Ordering::SeqCst);
    }
    done.store(true, Ordering::SeqCst);
    let reads: usize = join_all(readers)
        .await
        .into_iter()
        .map(Result::unwrap)
        .sum();
    let questions = place.gateway.arrived();
    assert!(
        reads > CHANGES && questions < reads,
        "{reads} reads, {questions} questions"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_fails_fails_those_who_share_it_and_the_next_is_answered() {
    let place = Stack::shared().place();
    let store = store(&place);
    let people = people(&place, 24);
    place.gateway.delay(Duration::from_secs(2));
    place.gateway.fault_where(Fault::InvalidApiKey, |request| {
        request.raw_query.contains("in.")
    });
    let first = busy(&place, &store, &people).await;
    let others: Vec<_> = people[AT_ONCE..]
        .iter()
        .map(|(id, _)| find(&store, id))
        .collect();
    for (found, (_, address)) in join_all(first).await.into_iter().zip(&people) {
        assert_eq!(email(found.unwrap()).as_ref(), Some(address));
    }
    for found in join_all(others).await {
        let error = found.unwrap().unwrap_err();
        assert_eq!(Refusal::store(&error).status(), 502);
        assert!(
            error.to_string().contains("rejected the service key"),
            "{error}"
        );
    }
    place.gateway.mend();
    for (id, address) in &people {
        assert_eq!(email(store.find_by_id(id).await).as_ref(), Some(address));
    }
}

/// A row that can't be read is the trouble of whoever asked for it, not of all who asked at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_no_user_fails_for_itself_alone() {
    let place = Stack::shared().place();
    let store = store(&place);
    let people = people(&place, 12);
    let bad = &people[8].0;
    place.sql(&format!(
        "update users set tenant_id = '' where id = '{bad}'"
    ));
    place.gateway.delay(Duration::from_millis(100));
    let found = join_all(people.iter().map(|(id, _)| find(&store, id))).await;
    for ((id, address), found) in people.iter().zip(found) {
        let found = found.unwrap();
        if id == bad {
            let error = found.unwrap_err();
            assert!(
                error.to_string().contains("a tenant that is none"),
                "{error}"
            );
        } else {
            assert_eq!(email(found).as_ref(), Some(address));
        }
    }
}
