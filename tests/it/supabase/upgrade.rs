//! A database that version 0.1.0 made, with servers of it that go on while new ones start.

use super::{store, store_of};
use crate::server::SECRET;
use crate::stack::{Place, Stack};
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use portcullis::directory::{NewUser, Page, UserChanges, UserDirectory as _};
use portcullis::opaque::ServerSecret;
use portcullis::stores::supabase::{CheckError, Schema, SupabaseThrottle};
use portcullis::throttle::{Attempt, Counter, Forget, Success, Throttle as _, ThrottleError};
use portcullis::user::{Role, TenantId};
use portcullis::{UserId, UserStore as _};
use serde_json::Value;
use std::sync::{Arc, LazyLock};

const MIGRATION: &str = include_str!("../../vectors/migrations/0.1.0/portcullis.sql");
const REQUESTS: &str = include_str!("../../vectors/migrations/0.1.0/requests.json");

const TENANT: &str = "9d7befb7-bac5-4989-9f1c-ce250ebf69b4";

/// A place as 0.1.0 leaves it, on a stack of its own, in which a reload is quick.
fn old_place() -> Place {
    static OLD: LazyLock<Stack> = LazyLock::new(|| {
        Stack::start(5, |schema| {
            MIGRATION.replace("\"public\"", &format!("\"{schema}\""))
        })
    });
    OLD.place()
}

fn migrate(place: &Place) {
    let schema = Schema::default().schema(&place.schema);
    place.sql(&schema.migration().unwrap());
    place.reload();
}

/// What a server of 0.1.0 sends, again.
struct Old {
    http: reqwest::Client,
    place: Arc<Place>,
    requests: Vec<Value>,
    root: String,
    max: String,
}

impl Old {
    fn new(place: &Arc<Place>) -> Self {
        Self {
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            place: Arc::clone(place),
            requests: serde_json::from_str(REQUESTS).unwrap(),
            root: String::new(),
            max: String::new(),
        }
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{root}", &self.root)
            .replace("{max}", &self.max)
            .replace("{tenant}", TENANT)
    }

    async fn send(&self, request: &Value) -> Value {
        let place = &self.place;
        let text = |name: &str| self.fill(request[name].as_str().unwrap());
        let method = text("method").parse().unwrap();
        let mut sent = self
            .http
            .request(method, format!("{}{}", place.url, text("target")))
            .header("apikey", &place.service_key)
            .header("authorization", format!("Bearer {}", place.service_key))
            .header("accept", "application/json")
            .header("accept-profile", &place.schema)
            .header("content-profile", &place.schema);
        if let Some(prefer) = request["headers"]["prefer"].as_str() {
            sent = sent.header("prefer", prefer);
        }
        if !request["body"].is_null() {
            sent = sent
                .header("content-type", "application/json")
                .body(self.fill(&request["body"].to_string()));
        }
        let answer = sent.send().await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.text().await.unwrap();
        let expected = request["status"].as_u64().unwrap();
        assert_eq!(u64::from(status), expected, "{request}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// All that it does, once, with a user it creates.
    async fn everything(&mut self) {
        let max = format!("old-{}@example.com", self.max);
        let requests = self.requests.clone();
        for request in &requests {
            let target = request["target"].as_str().unwrap();
            let mut request = request.clone();
            if target.starts_with("/rest/v1/users") && request["method"] == "POST" {
                // Somebody else each time, while the counters of max are the same.
                request["body"]["email"] = max.as_str().into();
            }
            let answer = self.send(&request).await;
            let id = answer[0]["id"].as_str().map(str::to_owned);
            if target.contains("create_first") {
                self.root = id.unwrap_or_else(|| self.root.clone());
            } else if request["method"] == "POST" && target.starts_with("/rest/v1/users") {
                self.max = id.unwrap();
            } else if target.contains("portcullis_attempt") && !is_failing(&request) {
                assert_eq!(answer, Value::Null, "nobody waits");
            } else if target.contains("portcullis_update") || target.contains("portcullis_delete") {
                assert_eq!(id.as_ref(), Some(&self.max), "{answer}");
            }
        }
    }

    /// A call of 0.1's throttle for a login, by what its row's name begins with: `attempt`, `failed` or `succeeded`.
    async fn counts(&self, verb: &str, account: &str) -> Value {
        let recorded = self.requests.iter().find(|request| {
            request["body"]["account"]
                .as_str()
                .is_some_and(|name| name.starts_with(account))
        });
        let mut request = recorded.unwrap().clone();
        request["target"] = format!("/rest/v1/rpc/portcullis_{verb}").into();
        self.send(&request).await
    }
}

/// Of the login that never succeeds, and so has to wait in the end.
fn is_failing(request: &Value) -> bool {
    let account = request["body"]["account"].as_str();
    account.is_some_and(|name| name.starts_with("account GTosw"))
}

/// Makes it an hour until the next attempt, to ask at leisure.
const LONG_DELAYS: &str = "update portcullis_attempts set failures = 30 where key not like 'address %' and failures >= 10";

const ROOT: &str = "account 8jVw8";
const MAX: &str = "account NZJwG";

fn new_throttle(place: &Place) -> SupabaseThrottle {
    let secret = ServerSecret::new(&[5; 32]).unwrap();
    SupabaseThrottle::new(&store(place), secret).legacy_secret(SECRET.as_bytes())
}

fn attempt(login: &str, address: &str) -> Attempt {
    Attempt::new(login, Some(address.parse().unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_not_migrated_is_refused_with_the_remedy() {
    let place = old_place();
    let Err(CheckError::NotReady { problems }) = store(&place).check().await else {
        panic!("it is accepted");
    };
    let problems = problems.join("; ");
    let missing = "the database has version 1 of the migration, this server needs version 2: run the migration";
    assert!(problems.contains(missing), "{problems}");
    let attempt = attempt("anna@example.com", "192.0.2.1");
    let error = new_throttle(&place).acquire(&attempt).await.unwrap_err();
    let ThrottleError::Unavailable(error) = error else {
        panic!("{error:?}");
    };
    assert!(
        error.to_string().contains("there is no such function"),
        "{error}"
    );
    migrate(&place);
    store(&place).check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_0_1_counted_is_judged_and_cleared_by_the_new_throttle() {
    let place = Arc::new(old_place());
    let mut old = Old::new(&place);
    old.everything().await;
    for _ in 0..10 {
        assert_eq!(old.counts("failed", MAX).await, Value::Null);
    }
    place.sql(LONG_DELAYS);
    migrate(&place);
    let throttle = new_throttle(&place);

    // Names as 0.1 spelled them: compatibility forms apart, and letters in lower case.
    let formed = attempt("ＭＡＸ Ⅳ", "2001:db8:1:2:3::4");
    let acquired = throttle.acquire(&formed).await.unwrap();
    assert_eq!((acquired.counter, acquired.failures), (Counter::Account, 1));

    // A familiar place of 0.1's is a known address, with its failures.
    let at_home = attempt("root@example.com", "192.0.2.1");
    let acquired = throttle.acquire(&at_home).await.unwrap();
    assert_eq!(
        (acquired.counter.clone(), acquired.failures),
        (Counter::KnownAddress, 0)
    );
    let max = attempt("max@example.com", "203.0.113.7");
    let refused = throttle.acquire(&max).await;
    assert!(
        matches!(refused, Err(ThrottleError::Limited { .. })),
        "{refused:?}"
    );
    // A success there clears them and makes the address known by its new name.
    place.sql("update portcullis_attempts set since = since - interval '1 hour'");
    let acquired = throttle.acquire(&max).await.unwrap();
    assert_eq!(
        (acquired.counter.clone(), acquired.failures),
        (Counter::KnownAddress, 30)
    );
    let id = UserId::new(old.root.clone()).unwrap();
    throttle
        .success(&acquired.charge, Success::new(&id, 0))
        .await
        .unwrap();
    assert_eq!(old.counts("attempt", MAX).await, Value::Null);
    assert_eq!(
        place.sql("select count(*) from portcullis_attempts where key like 'pair %'"),
        "0"
    );
    place.sql("delete from portcullis_attempts where key like 'familiar %'");
    assert_eq!(
        throttle.acquire(&max).await.unwrap().counter,
        Counter::KnownAddress
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn forgiving_an_account_forgives_what_0_1_counted_and_forgets_its_places() {
    let place = Arc::new(old_place());
    let mut old = Old::new(&place);
    old.everything().await;
    // At his familiar place and at others.
    for _ in 0..10 {
        old.counts("failed", MAX).await;
    }
    place.sql("update portcullis_attempts set key = 'aside ' || key where key like 'familiar %'");
    for _ in 0..10 {
        old.counts("failed", MAX).await;
    }
    place.sql("update portcullis_attempts set key = replace(key, 'aside ', '')");
    place.sql(LONG_DELAYS);
    migrate(&place);
    let throttle = new_throttle(&place);
    let (known, elsewhere) = (
        attempt("max@example.com", "203.0.113.7"),
        attempt("max@example.com", "198.51.100.1"),
    );
    for attempt in [&known, &elsewhere] {
        let refused = throttle.acquire(attempt).await;
        assert!(
            matches!(refused, Err(ThrottleError::Limited { .. })),
            "{refused:?}"
        );
    }
    let id = UserId::new(old.root.clone()).unwrap();
    let logins = ["max@example.com"];
    throttle
        .forgive(&id, &logins, Forget::Failures)
        .await
        .unwrap();
    let acquired = throttle.acquire(&known).await.unwrap();
    assert_eq!(
        (acquired.counter, acquired.failures),
        (Counter::KnownAddress, 0)
    );
    let acquired = throttle.acquire(&elsewhere).await.unwrap();
    assert_eq!((acquired.counter, acquired.failures), (Counter::Account, 0));
    throttle
        .forgive(&id, &logins, Forget::Everything)
        .await
        .unwrap();
    let acquired = throttle.acquire(&known).await.unwrap();
    assert_eq!((acquired.counter, acquired.failures), (Counter::Account, 0));
    // Others keep their places.
    let root = attempt("root@example.com", "192.0.2.1");
    assert_eq!(
        throttle.acquire(&root).await.unwrap().counter,
        Counter::KnownAddress
    );
    // What 0.1 sees afterwards is new. It does not know of the forgiving itself.
    place.sql(
        "update portcullis_attempts set since = since - interval '2 hours' where key like 'pair %'",
    );
    old.counts("succeeded", MAX).await;
    assert_eq!(
        throttle.acquire(&known).await.unwrap().counter,
        Counter::KnownAddress
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn forgiving_failures_lifts_the_delay_at_an_address_that_only_0_1_has_recorded() {
    let place = Arc::new(old_place());
    let mut old = Old::new(&place);
    old.everything().await;
    migrate(&place);
    let throttle = new_throttle(&place);
    let at_home = attempt("root@example.com", "192.0.2.1");
    for _ in 0..10 {
        let acquired = throttle.acquire(&at_home).await.unwrap();
        assert_eq!(acquired.counter, Counter::KnownAddress);
    }
    place.sql(
        "update portcullis_counters set failures = 30 where failures >= 10 and not is_address",
    );
    let refused = throttle.acquire(&at_home).await;
    assert!(
        matches!(refused, Err(ThrottleError::Limited { .. })),
        "{refused:?}"
    );
    let id = UserId::new(old.root.clone()).unwrap();
    let forgiven = throttle.forgive(&id, &["root@example.com"], Forget::Failures);
    forgiven.await.unwrap();
    let acquired = throttle.acquire(&at_home).await.unwrap();
    assert_eq!(
        (acquired.counter, acquired.failures),
        (Counter::KnownAddress, 0)
    );
}

/// What a new server does, all the time.
async fn work(place: Arc<Place>, is_over: Arc<AtomicBool>) -> u32 {
    let store = store_of(&place, Schema::default());
    store.check().await.unwrap();
    let throttle = new_throttle(&place);
    let mut rounds = 0;
    while rounds < 3 || !is_over.load(Ordering::Relaxed) {
        let mut new = NewUser::new(format!("new-{rounds}@example.com").parse().unwrap());
        new.tenant_id = Some(TenantId::new(TENANT).unwrap());
        let user = store.create(new).await.unwrap();
        let tenant = user.tenant_id.as_ref();
        let at_home = attempt(user.email.as_str(), "192.0.2.1");
        let acquired = throttle.acquire(&at_home).await.unwrap();
        let found = store
            .find_by_login(user.email.as_str())
            .await
            .unwrap()
            .unwrap();
        throttle
            .success(&acquired.charge, Success::new(&found.id, found.epoch))
            .await
            .unwrap();
        let again = throttle.acquire(&at_home).await.unwrap();
        assert_eq!(again.counter, Counter::KnownAddress);
        throttle.not_made(again.charge);
        let mut changes = UserChanges::default();
        changes.role = Some(Some(Role::new("member").unwrap()));
        store.update(tenant, &user.id, changes, None).await.unwrap();
        assert!(store.list(tenant, Page::new(0, 100)).await.unwrap().total >= 2);
        store.delete(tenant, &user.id, None).await.unwrap();
        throttle
            .forgive(&user.id, &[user.email.as_str()], Forget::Everything)
            .await
            .unwrap();
        rounds += 1;
    }
    rounds
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_of_0_1_go_on_through_the_migration_and_beside_new_ones() {
    let place = Arc::new(old_place());
    let mut old = Old::new(&place);
    old.everything().await;
    // Once more, while the database is migrated under its hands.
    let through = {
        let place = Arc::clone(&place);
        tokio::task::spawn_blocking(move || migrate(&place))
    };
    // A request that meets the very moment waits for the migration; none fails.
    old.requests.retain(|request| {
        // It is asked at the start only, and has other words now.
        !request["target"]
            .as_str()
            .unwrap()
            .ends_with("portcullis_check")
    });
    while !through.is_finished() {
        old.everything().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    through.await.unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let new = tokio::spawn(work(Arc::clone(&place), Arc::clone(&is_over)));
    for _ in 0..5 {
        old.everything().await;
    }
    // It goes on counting, too: ten failures, and the next waits.
    place.sql("delete from portcullis_attempts where key like 'familiar %'");
    for _ in 0..10 {
        assert_eq!(old.counts("failed", ROOT).await, Value::Null);
    }
    place.sql(LONG_DELAYS);
    assert!(old.counts("attempt", ROOT).await.as_f64().unwrap() > 0.0);
    assert!(old.counts("failed", ROOT).await.as_f64().unwrap() > 0.0);
    assert!(old.counts("succeeded", ROOT).await.as_f64().unwrap() > 0.0);
    is_over.store(true, Ordering::Relaxed);
    assert!(new.await.unwrap() >= 3);
    // Whoever starts an old server now is told to upgrade it.
    let check = serde_json::json!({
        "method": "POST", "target": "/rest/v1/rpc/portcullis_check", "headers": {}, "body": {}, "status": 200,
    });
    let report = old.send(&check).await;
    assert_eq!(
        (&report["version"], &report["serves_from"]),
        (&2.into(), &1.into())
    );
}
