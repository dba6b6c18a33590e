//! How the stack starts, breaks, and ends.

use super::super::{Stack, postgres::PATIENCE};
use super::{ask, plain, send};
use core::time::Duration;
use reqwest::Method;
use std::collections::HashSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

#[tokio::test]
async fn every_test_gets_a_place_nobody_else_has() {
    let stack = plain();
    let (one, other) = (stack.place(), stack.place());
    one.sql("insert into users (email) values ('a@x.example')");
    assert_eq!(one.sql("select email from users"), "a@x.example");
    assert_eq!(other.sql("select email from users"), "");
    let read = |place| send(ask(place, Method::GET, "/users?select=email"));
    assert_eq!(read(&one).await.text, r#"[{"email":"a@x.example"}]"#);
    assert_eq!(read(&other).await.text, "[]");
    let keys = HashSet::from([
        &one.service_key,
        &one.anon_key,
        &one.secret_key,
        &one.publishable_key,
        &other.secret_key,
    ]);
    assert_eq!(keys.len(), 5);
}

#[test]
fn an_error_of_sql_is_told() {
    let place = plain().place();
    let error = place
        .try_sql("select 1; select * from nothing")
        .unwrap_err();
    assert!(
        error.contains("relation \"nothing\" does not exist"),
        "{error}"
    );
    assert_eq!(place.sql("select 1, 'é'; select 2"), "1|é\n2");
}

#[tokio::test]
async fn what_is_created_later_is_served_after_a_reload() {
    let place = plain().place();
    place.sql("create table later (id int primary key); insert into later values (7)");
    place.reload();
    let answer = send(ask(&place, Method::GET, "/later?select=id")).await;
    assert_eq!(answer.text, r#"[{"id":7}]"#);
}

#[tokio::test]
async fn a_database_that_was_down_is_found_again() {
    let stack = Stack::own();
    let place = stack.place();
    place.sql("insert into users (email) values ('a@x.example')");
    let read = || send(ask(&place, Method::GET, "/users?select=email"));
    assert_eq!(read().await.status, 200);

    stack.cluster.stop();
    assert!(stack.cluster.try_sql("select 1").is_err());
    assert!(read().await.status.is_server_error());

    stack.cluster.start_again();
    place.sql("insert into users (email) values ('b@x.example')");
    let started = Instant::now();
    while read().await.status != 200 {
        assert!(started.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        stack.cluster.sql("show port"),
        stack.cluster.port().to_string()
    );
}

#[tokio::test]
async fn a_rest_server_that_is_down_is_a_bad_gateway_and_is_found_again() {
    let stack = Stack::own();
    let place = stack.place();
    stack.postrust.stop();
    let answer = send(ask(&place, Method::GET, "/users")).await;
    assert_eq!(answer.status, 502);
    stack.postrust.start_again();
    let answer = send(ask(&place, Method::GET, "/users")).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "[]"));
}

#[tokio::test]
async fn a_stopped_gateway_refuses_connections_until_it_starts_again() {
    let place = plain().place();
    let status = || async { send(ask(&place, Method::GET, "/users")).await.status };
    let mut open = TcpStream::connect(place.gateway.address()).unwrap();
    assert_eq!(status().await, 200);
    place.gateway.stop();
    assert_eq!(open.read(&mut [0]).unwrap(), 0);
    let refused = ask(&place, Method::GET, "/users").send().await;
    assert!(refused.unwrap_err().is_connect());
    place.gateway.stop();
    place.gateway.start_again();
    assert_eq!(status().await, 200);
}

#[tokio::test]
async fn the_stack_of_ones_own_leaves_nothing_behind_when_dropped() {
    let stack = Stack::own();
    let traces = traces(&stack);
    assert_eq!(
        traces.iter().filter(|trace| exists(trace)).count(),
        traces.len()
    );
    drop(stack);
    assert_eq!(traces.iter().find(|trace| exists(trace)), None);
}

/// The processes and folders of a stack.
fn traces(stack: &Stack) -> Vec<String> {
    let leashes = [stack.cluster.leash(), stack.postrust.leash()];
    leashes
        .iter()
        .flat_map(|leash| {
            [
                format!("/proc/{}", leash.pid().unwrap()),
                format!("/proc/{}", leash.supervisor()),
                leash.path().display().to_string(),
            ]
        })
        .collect()
}

fn exists(trace: &str) -> bool {
    // An ended process keeps its entry until its parent asks; an orphan's new parent, in a container, may never do so.
    let ended = fs::read_to_string(format!("{trace}/stat")).is_ok_and(|stat| stat.contains(") Z "));
    !ended && Path::new(trace).exists()
}

#[test]
fn a_killed_test_process_leaves_nothing_behind() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture"])
        .arg("stack::tests::life::a_process_that_waits_to_be_killed")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let traces: Vec<String> = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .skip_while(|line| line != "traces")
        .skip(1)
        .take(6)
        .collect();
    assert_eq!(traces.iter().filter(|trace| exists(trace)).count(), 6);
    child.kill().unwrap();
    child.wait().unwrap();
    let started = Instant::now();
    while let Some(trace) = traces.iter().find(|trace| exists(trace)) {
        assert!(started.elapsed() < PATIENCE, "left behind: {trace}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
#[ignore = "run, and killed, by the test above"]
#[expect(clippy::print_stdout, reason = "this is how it talks to that test")]
fn a_process_that_waits_to_be_killed() {
    let stack = Stack::start(1, super::super::MIGRATION);
    println!("\ntraces\n{}", traces(&stack).join("\n"));
    std::io::stdin().lines().for_each(drop);
}
