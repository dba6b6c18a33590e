//! An import that is killed, or that the database leaves alone: nothing is lost, and the next one does the rest.

use super::super::super::program::begin;
use super::super::super::raw::{PATIENCE, sign_in};
use super::super::super::site::Supabase;
use super::super::original::{Original, TOO_LONG, USERS};
use super::{done_so_far, import, server};
use crate::stack::{Fault, Place};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Starts an import and kills it when this many batches have been sent to be written.
fn killed_after(place: &Place, batches: usize) {
    place.gateway.record();
    let folder = TempDir::new().unwrap();
    let variables = Supabase::variables(place);
    let mut child = begin(folder.path(), &["import-passwords"], &variables);
    let started = Instant::now();
    let mut seen = 0;
    while seen < batches {
        assert!(started.elapsed() < PATIENCE, "{seen} of {batches} batches");
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(5));
        let arrived = place.gateway.taken();
        let writes = |path: &str| path.ends_with("/rpc/portcullis_import_hashes");
        seen += arrived
            .iter()
            .filter(|request| writes(&request.path))
            .count();
    }
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), None, "{output:?}");
    place.gateway.stop_recording();
}

#[test]
fn an_import_that_is_killed_loses_nothing_and_the_next_one_goes_on() {
    let original = Original::migrated();
    let place = &original.place;
    // Each request is held up, so that there is time to kill it in the middle.
    place.gateway.delay(Duration::from_millis(250));
    // While the first batch is on its way: nothing is done yet, unless it got there.
    killed_after(place, 1);
    let first = done_so_far(&original);
    assert!(first <= 32, "{first}");
    // While the second is: the first is done.
    killed_after(place, 2);
    let second = done_so_far(&original);
    assert!(
        (first + 31..USERS - 1).contains(&second),
        "{second} after {first}"
    );
    place.gateway.delay(Duration::ZERO);

    let said = import(place);
    let rest = format!("{} clear-text passwords are gone", USERS - 1 - second);
    assert!(said.out.starts_with(&rest), "{said:?}");
    assert_eq!(done_so_far(&original), USERS - 1);
    let program = server(place);
    for person in original
        .people
        .iter()
        .filter(|person| person.can_sign_in())
        .step_by(9)
    {
        let answer = sign_in(program.address, &person.email, &person.password);
        assert_eq!(answer.status, 200, "{person:?}: {}", answer.body);
    }
}

#[test]
fn an_import_whose_answer_is_lost_says_why_and_the_next_one_goes_on() {
    let original = Original::migrated();
    let place = &original.place;
    place.gateway.fault_where(Fault::LostAnswer, |request| {
        request.path.ends_with("/rpc/portcullis_import_hashes")
    });
    let said = import(place);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.error
            .starts_with("error: supabase could not be asked: "),
        "{said:?}"
    );
    assert!(said.error.contains("could not be reached"), "{said:?}");
    assert_eq!(said.error.lines().count(), 1, "{said:?}");
    // It got there all the same, once.
    assert_eq!(done_so_far(&original), 32);
    place.gateway.mend();
    let said = import(place);
    assert!(said.out.contains(&original.people[TOO_LONG].id), "{said:?}");
    assert_eq!(done_so_far(&original), USERS - 1);
}
