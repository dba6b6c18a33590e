//! What is asked again and what never: a read at most twice more, a write not once, whatever became of it.

use super::builder_at;
use super::calls::{Ask, Desk, HASH, READS, TENANT, WRITES, changes, every, insert, somebody};
use super::town::PATIENCE;
use crate::stack::{Fault, Place, Stack};
use core::time::Duration;
use portcullis::directory::UserDirectory as _;
use portcullis::stores::supabase::Progress;
use portcullis::throttle::{Attempt, Success, Throttle as _};
use portcullis::user::TenantId;
use portcullis::{PasswordHash, Refusal, UserId, UserStore as _};
use std::convert::Infallible;

/// Faults that may be over in a moment.
fn passing() -> [(&'static str, Fault); 6] {
    let answer = |status, body: &str| Fault::Answer {
        status,
        content_type: "application/json",
        body: body.into(),
    };
    [
        ("hung up", Fault::HangUp),
        ("answer lost", Fault::LostAnswer),
        ("502", Fault::BadGateway),
        ("503", Fault::SchemaCacheLost),
        ("500 of no database", answer(500, r#"{"code":"PGRST500"}"#)),
        ("504", answer(504, r#"{"code":"PGRST003"}"#)),
    ]
}

/// Faults that will be the same the next time.
fn lasting() -> [(&'static str, Fault); 10] {
    let answer = |status, content_type, body: &str| Fault::Answer {
        status,
        content_type,
        body: body.into(),
    };
    let json = "application/json";
    [
        ("401", Fault::InvalidApiKey),
        ("403", answer(403, "text/html", "<html>")),
        ("404", answer(404, json, r#"{"code":"PGRST202"}"#)),
        ("400", answer(400, json, r#"{"code":"22P02"}"#)),
        (
            "500 of a broken database",
            answer(500, json, r#"{"code":"XX000"}"#),
        ),
        ("301", redirect(301)),
        ("307", redirect(307)),
        ("HTML", Fault::Html),
        ("wrong shape", Fault::WrongShape),
        ("huge", Fault::Huge),
    ]
}

fn redirect(status: u16) -> Fault {
    let to = "http://127.0.0.1:1/".into();
    Fault::Redirect { status, to }
}

/// How often a question arrives while this goes on.
async fn arrivals(place: &Place, asking: impl Future<Output = ()>) -> usize {
    let before = place.gateway.arrived();
    asking.await;
    place.gateway.arrived() - before
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_is_asked_at_most_twice_more() {
    let place = Stack::shared().place();
    let desk = Desk::at(&place, PATIENCE);
    for (name, fault) in passing() {
        for ask in READS {
            place.gateway.fault_next(2, fault.clone());
            let asked = arrivals(&place, async {
                let answered = desk.ask(ask).await;
                assert!(answered.is_ok(), "{name} {ask:?}: {answered:?}");
            });
            assert_eq!(asked.await, 3, "{name} {ask:?}");
            place.gateway.fault_next(3, fault.clone());
            let asked = arrivals(&place, async {
                assert!(desk.ask(ask).await.is_err(), "{name} {ask:?}");
            });
            assert_eq!(asked.await, 3, "{name} {ask:?}");
            place.gateway.mend();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_never_asked_again() {
    let place = Stack::shared().place();
    let desk = Desk::at(&place, PATIENCE);
    for (name, fault) in passing().into_iter().chain(lasting()) {
        for ask in WRITES {
            place.gateway.fault_next(1, fault.clone());
            let asked = arrivals(&place, async {
                let answered = desk.ask(ask).await;
                assert!(answered.is_err(), "{name} {ask:?}");
            });
            assert_eq!(asked.await, 1, "{name} {ask:?}");
            place.gateway.mend();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_timed_out_is_not_asked_again_either() {
    let place = Stack::shared().place();
    let desk = Desk::at(&place, Duration::from_millis(500));
    place.gateway.fault(Fault::BlackHole);
    for ask in WRITES {
        let asked = arrivals(&place, async {
            let error = desk.fails(ask).await;
            assert_eq!(Refusal::store(&*error).status(), 504, "{ask:?}");
        });
        assert!(asked.await <= 1, "{ask:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_will_be_the_same_the_next_time_is_asked_once() {
    let place = Stack::shared().place();
    let desk = Desk::at(&place, PATIENCE);
    for (name, fault) in lasting() {
        for ask in every() {
            place.gateway.fault(fault.clone());
            let asked = arrivals(&place, async {
                let answered = desk.ask(ask).await;
                // In a list of a tenant that is no UUID where tenants are, there is nobody.
                let is_answer = (ask, name) == (Ask::List, "400");
                assert_eq!(answered.is_ok(), is_answer, "{name} {ask:?}");
            });
            assert_eq!(asked.await, 1, "{name} {ask:?}");
            place.gateway.mend();
        }
    }
}

/// The third attempt would begin 300 ms after the first.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_is_not_asked_again_when_its_time_would_be_over() {
    let place = Stack::shared().place();
    let desk = Desk::at(&place, Duration::from_millis(280));
    place.gateway.fault(Fault::BadGateway);
    let mut said = Vec::new();
    for _ in 0..10 {
        let asked = arrivals(&place, async {
            let error = desk.fails(Ask::List).await;
            said.push(Refusal::store(&*error).status().as_u16());
        });
        assert!(asked.await <= 2);
    }
    // Nobody sleeps to the end of its time only to say that it is over. On a busy machine some come to it by themselves.
    assert!(said.contains(&502), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_is_lost_was_carried_out_once() {
    let place = Stack::shared().place();
    let desk = Desk::at(&place, PATIENCE);
    let tenant = TenantId::new(TENANT).unwrap();
    let one = |sql: &str| place.sql(sql);
    place.gateway.fault(Fault::LostAnswer);

    let first = arrivals(&place, async {
        let lost = desk.store.create_first(somebody()).await;
        lost.expect_err("the answer is lost");
    });
    assert_eq!(
        (first.await, one("select count(*) from users")),
        (1, "1".into())
    );

    let new = somebody();
    let email = new.email.clone();
    let created = arrivals(&place, async {
        desk.store
            .create(new)
            .await
            .expect_err("the answer is lost");
    });
    let rows = format!("select count(*) from users where email = '{email}'");
    assert_eq!((created.await, one(&rows)), (1, "1".into()));

    let id = insert(&place, "canary-x@example.com");
    let epoch = format!("select epoch from users where id = '{id}'");
    let updated = arrivals(&place, async {
        let lost = desk.store.update(Some(&tenant), &id, changes(), None).await;
        lost.expect_err("the answer is lost");
    });
    assert_eq!(
        (updated.await, one(&epoch)),
        (1, "1".into()),
        "a second time it would be 2"
    );

    let (old, new) = (HASH, "$argon2id$another");
    let replaced = arrivals(&place, async {
        let [old, new] = [old, new].map(PasswordHash::from_stored);
        let lost = desk.store.replace_password_hash(&id, &old, &new).await;
        lost.expect_err("the answer is lost");
    });
    let hash = format!("select password_hash from users where id = '{id}'");
    assert_eq!((replaced.await, one(&hash)), (1, new.into()));

    let deleted = arrivals(&place, async {
        let lost = desk.store.delete(Some(&tenant), &id, None).await;
        lost.expect_err("the answer is lost");
    });
    assert_eq!((deleted.await, one(&epoch)), (1, String::new()));

    let attempt = Attempt::new("canary@example.com", None);
    let acquired = arrivals(&place, async {
        let lost = desk.throttle.acquire(&attempt).await;
        lost.expect_err("the answer is lost");
    });
    let failures = "select failures from portcullis_counters";
    assert_eq!(
        (acquired.await, one(failures)),
        (1, "1".into()),
        "a second time it would be 2"
    );
    place.gateway.mend();
    let acquired = desk.throttle.acquire(&attempt).await.unwrap();
    place.gateway.fault(Fault::LostAnswer);
    let succeeded = arrivals(&place, async {
        let id = UserId::new("canary").unwrap();
        let success = desk
            .throttle
            .success(&acquired.charge, Success::new(&id, 0));
        success.await.expect_err("the answer is lost");
    });
    assert_eq!((succeeded.await, one(failures)), (1, String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_repeats_its_questions_but_not_what_it_writes() {
    let place = Stack::shared().place();
    place.sql(
        "alter table users add column password text;
         insert into users (email, password) values ('a@example.com', 'clear')",
    );
    place.reload();
    let store = builder_at(&place.url, &place)
        .timeout(PATIENCE)
        .build()
        .unwrap();
    let import = async || {
        let hash = async |_| Ok::<_, Infallible>(PasswordHash::from_stored(HASH));
        store.import_passwords(hash, |_: Progress| {}).await
    };
    let left = || place.sql("select count(*) from users where password is not null");

    place
        .gateway
        .fault_where(Fault::BadGateway, |request| request.path.contains("import"));
    let asked = arrivals(&place, async {
        import().await.expect_err("a fault");
    });
    // The number, the batch, and once what was to be written.
    assert_eq!((asked.await, left()), (3, "1".into()));

    // Twice the number is asked for in vain, and then it is counted, read, written, read and counted.
    place.gateway.fault_next(2, Fault::BadGateway);
    let asked = arrivals(&place, async {
        let imported = import().await.unwrap().unwrap();
        assert_eq!((imported.hashed, imported.remaining), (1, 0));
    });
    assert_eq!((asked.await, left()), (7, "0".into()));
}

/// An answer that is none must not read as "there is no such column", after which somebody drops it.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_not_told_the_number_stops() {
    let place = Stack::shared().place();
    let store = builder_at(&place.url, &place).build().unwrap();
    place.gateway.fault(Fault::WrongShape);
    let hash = async |_| Ok::<_, Infallible>(PasswordHash::from_stored(HASH));
    let imported = store.import_passwords(hash, |_: Progress| {}).await;
    assert!(imported.is_err(), "{imported:?}");
}
