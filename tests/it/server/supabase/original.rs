//! The table that the original program keeps: users with their passwords in clear text, and nothing checked.

use super::printed_migration;
use crate::stack::{MIGRATION, Place, Stack, open_schema};
use core::fmt::Write as _;
use std::sync::LazyLock;

/// How many users the original had.
pub(super) const USERS: usize = 120;

/// The tenant of those who have one.
pub(super) const TENANT: &str = "4ed00000-0000-4000-8000-000000000001";

/// A password that is longer than can be hashed.
pub(super) const TOO_LONG: usize = 17;

/// Somebody whose address is none.
pub(super) const NO_ADDRESS: usize = 23;

/// One row of the original's.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) password: String,
}

impl Person {
    /// Whether this password can be hashed and is one.
    pub(super) fn is_importable(&self) -> bool {
        (1..=1024).contains(&self.password.len())
    }

    /// Whether the person can sign in once the password is a hash.
    pub(super) fn can_sign_in(&self) -> bool {
        self.is_importable() && self.email.contains('@')
    }
}

/// A project in which the original ran.
pub(super) struct Original {
    pub(super) place: Place,
    pub(super) people: Vec<Person>,
}

/// Everybody the original knew, of every kind it let in.
fn people() -> Vec<Person> {
    (0..USERS)
        .map(|number| {
            let email = match number {
                NO_ADDRESS => "not an address".to_owned(),
                number if number % 10 == 3 => format!("USER{number}@Example.COM"),
                number if number % 10 == 4 => format!("  user{number}@example.com "),
                _ => format!("user{number}@example.com"),
            };
            let password = match number {
                TOO_LONG => "canary".repeat(171),
                18 => "y".repeat(1024),
                number if number % 40 == 7 => String::new(),
                number if number % 10 == 1 => "canary of many users".to_owned(),
                number if number % 10 == 2 => format!("canary äöü ключ 密码 🔑 {number}"),
                // Typed with a combining accent, on another keyboard.
                number if number % 10 == 5 => format!("canary cafe\u{301} {number}"),
                number if number % 10 == 6 => {
                    format!("canary 'quoted' \"{number}\" \\ %41 {{}}\n\ttail ")
                }
                number if number % 40 == 8 => "   ".to_owned(),
                number => format!("canary clear text {number}"),
            };
            Person {
                id: format!("00000000-0000-4000-8000-{:012}", number * 856 % 1009),
                email,
                password,
            }
        })
        .collect()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Original {
    /// Its table, as it was before anybody heard of this crate.
    pub(super) fn new() -> Self {
        let place = empty_place();
        let people = people();
        // As the original's notes have it, run by its owner.
        let mut sql = "create table users (
                id uuid default gen_random_uuid() primary key,
                email text not null unique,
                password text not null,
                role text,
                tenant_id uuid,
                created_at timestamptz default now()
            );\n"
            .to_owned();
        for (number, person) in people.iter().enumerate() {
            let (role, tenant) = match number {
                0 => ("'admin'", quoted(TENANT)),
                number if number % 3 == 0 => ("null", "null".to_owned()),
                _ => ("'member'", quoted(TENANT)),
            };
            writeln!(
                sql,
                "insert into users (id, email, password, role, tenant_id) values ({}, {}, {}, {role}, {tenant});",
                quoted(&person.id),
                quoted(&person.email),
                quoted(&person.password)
            )
            .unwrap();
        }
        place.sql(&sql);
        Self { place, people }
    }

    /// The same after what the program prints was run.
    pub(super) fn migrated() -> Self {
        let original = Self::new();
        original.place.sql(&printed_migration(&original.place));
        original.place.reload();
        original
    }
}

/// A place with nothing in it, as Supabase gives one. What is made there, the server learns by a reload.
pub(super) fn empty_place() -> Place {
    // A stack of few schemas: the server reads them all at each reload.
    static STACK: LazyLock<Stack> = LazyLock::new(|| Stack::start(16, MIGRATION));
    let place = STACK.place();
    let schema = &place.schema;
    let grants = open_schema(schema);
    place.sql(&format!(
        "drop schema {schema} cascade; create schema {schema}; {grants}"
    ));
    place
}
