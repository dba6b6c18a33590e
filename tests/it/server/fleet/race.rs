//! What may happen once only happens once, though two servers are asked at the same moment.

use super::super::PASSWORD;
use super::super::held::held_from;
use super::super::raw::{call, sign_in, token};
use super::{Fleet, admin, at_once, create, path_of_new, server};
use crate::stack::Stack;

/// Lets everybody read, and nobody write.
const NOBODY_WRITES: &str = "lock table users in exclusive mode";

#[test]
fn servers_that_start_at_once_create_one_first_admin() {
    let place = Stack::shared().place();
    let emails = ["one@example.com", "two@example.com"];
    let servers = held_from(&place, NOBODY_WRITES, 2, || {
        at_once(&emails, |email| server(&place, &[("ADMIN_EMAIL", email)]))
    });
    let found = place.sql("select email, role from users");
    let first = found.strip_suffix("|admin").unwrap_or(&found);
    assert!(emails.contains(&first), "{found}");
    for server in &servers {
        assert_eq!(sign_in(server.address, first, super::ADMIN.1).status, 200);
    }
    // With one address on both, the later one starts as well.
    place.sql("delete from users");
    let servers = held_from(&place, NOBODY_WRITES, 2, || {
        at_once(&[(), ()], |()| server(&place, &[]))
    });
    for server in &servers {
        admin(server.address);
    }
    assert_eq!(place.sql("select count(*) from users"), "1");
}

#[test]
fn of_twenty_simultaneous_creations_of_one_address_one_is_answered_201() {
    let fleet = Fleet::new();
    let root = admin(fleet.a.address);
    let twenty: Vec<_> = fleet
        .both_ways()
        .iter()
        .cycle()
        .take(20)
        .map(|way| way.0)
        .collect();
    for email in ["same@example.com", "again@example.com"] {
        // Two spellings of one mailbox.
        let spellings = [email.to_owned(), format!("  {} ", email.to_uppercase())];
        let all: Vec<_> = twenty.iter().zip(spellings.iter().cycle()).collect();
        let answers = at_once(&all, |(server, email)| {
            create(**server, &root, email, "member")
        });
        let made = answers.iter().filter(|answer| answer.status == 201).count();
        let taken = answers.iter().filter(|answer| answer.status == 409).count();
        assert_eq!((made, taken), (1, 19), "{answers:?}");
        let kept = format!("select count(*) from users where email = '{email}'");
        assert_eq!(fleet.place.sql(&kept), "1");
        assert_eq!(sign_in(fleet.b.address, email, PASSWORD).status, 200);
    }
}

/// Two administrators of one tenant, each at a server of its own, do something at the same moment. One must be left.
fn one_admin_is_left(method: &str, body: &str, who: fn(usize) -> usize) {
    let fleet = Fleet::new();
    let root = admin(fleet.a.address);
    let servers = [fleet.a.address, fleet.b.address];
    for round in 0..2 {
        let emails = [0, 1].map(|number| format!("r{round}n{number}@example.com"));
        let paths =
            [0, 1].map(|number| path_of_new(servers[number], &root, &emails[number], "admin"));
        let bearers =
            [0, 1].map(|number| token(&sign_in(servers[number], &emails[number], PASSWORD)));
        // Without the first one, whose tenant it was.
        fleet
            .place
            .sql("update users set role = 'member' where email = 'root@example.com'");
        // Both are found to be administrators, before either change is made.
        let statuses = held_from(&fleet.place, NOBODY_WRITES, 2, || {
            at_once(&[0, 1], |&number| {
                let path = &paths[who(number)];
                call(servers[number], method, path, &bearers[number], body).status
            })
        });
        let left = fleet
            .place
            .sql("select count(*) from users where role = 'admin'");
        assert_eq!(left, "1", "round {round}: {statuses:?}");
        let done = statuses.iter().filter(|status| **status == 200).count();
        assert_eq!(done, 1, "round {round}: {statuses:?}");
        // Refused as the last one; or, on a machine where one came late, as no administrator any more.
        let allowed = |status: &u16| [200, 401, 403, 409].contains(status);
        assert!(statuses.iter().all(allowed), "round {round}: {statuses:?}");
        fleet.place.sql(
            "update users set role = 'admin' where email = 'root@example.com'; \
             delete from users where email <> 'root@example.com'",
        );
    }
}

#[test]
fn two_admins_who_demote_each_other_through_two_servers_leave_one() {
    one_admin_is_left("PATCH", r#"{"role":"member"}"#, |number| 1 - number);
}

#[test]
fn two_admins_who_delete_each_other_through_two_servers_leave_one() {
    one_admin_is_left("DELETE", "", |number| 1 - number);
}

#[test]
fn two_admins_who_give_up_their_own_role_through_two_servers_leave_one() {
    one_admin_is_left("PATCH", r#"{"role":null}"#, |number| number);
}
