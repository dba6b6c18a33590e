//! A start on a database that is not ready: one line says what is wrong, and doing what it says mends it.

use super::{printed_migration, refusal, starts};
use crate::stack::Stack;

/// How something in the database is broken, what the program must say of it, and what mends it if the migration does not.
struct Broken {
    by: &'static str,
    said: &'static [&'static str],
    mended_by: Option<&'static str>,
}

const RUN_IT: &str = "run the migration (server migration prints it) as the owner of the table";
const RUN_IT_AGAIN: &str = "run the migration again";

/// What the migration mends.
const fn broken(by: &'static str, said: &'static [&'static str]) -> Broken {
    Broken {
        by,
        said,
        mended_by: None,
    }
}

const DROP_FUNCTIONS: &str = "do $$ declare f regprocedure; begin
    for f in select p.oid from pg_proc p
        where p.pronamespace = current_schema()::regnamespace and p.proname like 'portcullis\\_%'
    loop execute format('drop function %s cascade', f); end loop; end $$";

const BROKEN: [Broken; 18] = [
    broken(
        "drop table users cascade",
        &["there is no table \"users\" in schema \"place_", RUN_IT],
    ),
    broken(
        "alter table users drop column epoch",
        &["table \"users\" has no column \"epoch\"", RUN_IT],
    ),
    broken(
        // As the original's table is, before the migration.
        "alter table users drop column epoch, drop column disabled, drop column password_hash",
        &[
            "no column \"password_hash\"; table \"users\" has no column \"disabled\"; table \"users\" has no column \"epoch\"",
            RUN_IT,
        ],
    ),
    broken(DROP_FUNCTIONS, &["the functions are missing", RUN_IT]),
    broken(
        "drop function portcullis_delete",
        &[
            "function portcullis_delete is missing, or role service_role may not call it",
            RUN_IT_AGAIN,
        ],
    ),
    broken(
        "drop table portcullis_attempts",
        &["table portcullis_attempts is missing", RUN_IT_AGAIN],
    ),
    broken(
        "drop table portcullis_devices, portcullis_refunds",
        &[
            "table portcullis_devices is missing: run the migration again; table portcullis_refunds is missing",
        ],
    ),
    broken(
        "drop function portcullis_throttle_acquire",
        &[
            "function portcullis_throttle_acquire is missing, or role service_role may not call it",
            RUN_IT_AGAIN,
        ],
    ),
    broken(
        "revoke all on users from service_role",
        &[
            "the key's role may not read \"place_",
            "\".\"users\"",
            RUN_IT,
        ],
    ),
    broken(
        "revoke insert, delete on users from service_role",
        &[
            "service_role may not insert on users: grant it; role service_role may not delete on users",
        ],
    ),
    broken(
        "revoke update on portcullis_counters from service_role",
        &["may not update on portcullis_counters: grant it"],
    ),
    broken(
        "revoke execute on function portcullis_check from service_role",
        &["the key's role may not call the functions", RUN_IT],
    ),
    broken(
        "alter table users disable row level security",
        &["row level security is off on users", RUN_IT_AGAIN],
    ),
    broken(
        "alter table portcullis_known_addresses disable row level security",
        &[
            "row level security is off on portcullis_known_addresses",
            RUN_IT_AGAIN,
        ],
    ),
    broken(
        "drop index portcullis_users_email",
        &[
            "the unique index portcullis_users_email on users is missing",
            RUN_IT_AGAIN,
        ],
    ),
    Broken {
        by: "create policy \"read me\" on users for select to anon using (true); create policy mine on users to authenticated using (true)",
        said: &[
            "policy \"read me\" lets others than the service role at users: drop it",
            "policy \"mine\" lets others",
        ],
        mended_by: Some("drop policy \"read me\" on users; drop policy mine on users"),
    },
    Broken {
        by: "create policy all_of_you on portcullis_devices using (true)",
        said: &[
            "policy \"all_of_you\" lets others than the service role at portcullis_devices: drop it",
        ],
        mended_by: Some("drop policy all_of_you on portcullis_devices"),
    },
    Broken {
        by: "alter table users add column plan text not null default ''; alter table users alter column plan drop default",
        said: &[
            "column \"plan\" of users is not null and has no default, so that not everybody can be created: let it be null, or give it a default",
        ],
        mended_by: Some("alter table users alter column plan set default 'free'"),
    },
];

#[test]
fn whatever_is_wrong_in_the_database_stops_the_start_and_what_the_line_says_mends_it() {
    // A stack of its own, in which a reload is quick and roles can be changed.
    let stack = Stack::own();
    let place = stack.place();
    let migration = printed_migration(&place);
    for Broken {
        by,
        said,
        mended_by,
    } in BROKEN
    {
        place.sql(by);
        // Once read again, what nobody may use is not there for this server, while PostgREST still knows it.
        if !by.starts_with("revoke") {
            place.reload();
        }
        // By their schema too, unless the server's search path leads there.
        let error = refusal(&place, &[], &[]).replace(&format!("{}.", place.schema), "");
        for words in said {
            assert!(error.contains(words), "after {by}\nnot {words}: {error}");
        }
        place.sql(mended_by.unwrap_or(&migration));
        place.reload();
        starts(&place);
    }
    place.sql(
        "drop schema if exists hidden_from_the_api cascade; create schema hidden_from_the_api",
    );
    for (variable, words) in [
        (
            ("SUPABASE_SCHEMA", "hidden_from_the_api"),
            "schema \"hidden_from_the_api\" is not exposed: add it to the API's exposed schemas",
        ),
        (
            ("SUPABASE_TABLE", "members"),
            "there is no table \"members\" in schema \"place_",
        ),
    ] {
        let error = refusal(&place, &[], &[variable]);
        assert!(error.contains(words), "{words}: {error}");
    }
    place.sql("alter role service_role nobypassrls");
    let error = refusal(&place, &[], &[]);
    let words = "role service_role is subject to row level security: use the service key";
    assert!(error.contains(words), "{error}");
}
