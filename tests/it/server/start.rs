//! How the real program starts: on which configuration, and as the demonstration.
#![cfg(unix)]

use super::SECRET;
use super::program::{DEMO, Program, finish};
use super::raw::{ask, call, sign_in, token};
use serde_json::Value;
use tempfile::TempDir;

#[test]
fn it_does_not_start_on_a_wrong_configuration_and_says_why_in_one_line() {
    let place = TempDir::new().unwrap();
    let supabase = [
        ("SECRET_KEY", SECRET),
        ("SUPABASE_URL", "https://x.example"),
    ];
    let nowhere = [("SECRET_KEY", SECRET), ("DATABASE", "no/such/folder/x.db")];
    let in_memory = [("SECRET_KEY", SECRET), ("DATABASE", ":memory:")];
    let directory = [("SECRET_KEY", SECRET), ("DATABASE", ".")];
    for (arguments, variables, word) in [
        (&[][..], &[][..], "openssl rand -base64 48"),
        (&[], &[("SECRET_KEY", "short")], "openssl rand -base64 48"),
        (&[], &supabase, "SUPABASE_URL"),
        (&[], &nowhere, "DATABASE"),
        (&["--dmeo"], &[], "--help"),
        (&[], &in_memory, "DATABASE must be a file"),
        (&[], &directory, "DATABASE must be a file"),
        (&["--demo"], &[("RUST_LOG", "verbose")], "RUST_LOG"),
        (&["--demo"], &[("RUST_LOG", "info,verbose")], "RUST_LOG"),
        (&["--demo"], &[("RUST_LOG", "server=verbose")], "RUST_LOG"),
        (&["--demo"], &[("BIND", "0.0.0.0:0")], "loopback"),
    ] {
        let output = finish(place.path(), arguments, variables);
        assert!(!output.status.success(), "{word}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(word), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(output.stdout.is_empty());
    }
    let help = finish(place.path(), &["--help"], &[]);
    assert!(help.status.success());
    assert!(String::from_utf8(help.stdout).unwrap().contains("--demo"));
}

#[test]
fn what_fails_once_there_is_a_log_names_the_variable_too() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    for (name, value, words) in [
        ("ISSUER", "a\tb", "the issuer must not"),
        ("AUDIENCE", "a\tb", "the audience must not"),
        ("BIND", &*taken, "can't listen on 127.0.0.1:"),
    ] {
        let place = TempDir::new().unwrap();
        let output = finish(place.path(), &["--demo"], &[(name, value)]);
        assert!(!output.status.success(), "{name}");
        let error = String::from_utf8(output.stderr).unwrap();
        let last = error.lines().last().unwrap();
        assert!(last.starts_with("error: "), "{error}");
        assert!(last.contains(name) && last.contains(words), "{error}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn an_empty_database_without_a_first_user_is_warned_of() {
    const WARNING: &str = " WARN server: the store has no users: set ADMIN_EMAIL";
    let file = [("DATABASE", "users.db")];
    let logged = |place: TempDir, variables: &[(&str, &str)]| {
        let program = Program::start(place, &[], variables);
        let log = program.log();
        let place = program.kill();
        std::fs::remove_file(place.path().join("log")).unwrap();
        (place, log)
    };
    let (place, log) = logged(TempDir::new().unwrap(), &file);
    assert!(log.contains(WARNING), "{log}");
    let first = [
        file[0],
        ("ADMIN_EMAIL", "root@example.com"),
        ("ADMIN_PASSWORD", "canary of the first admin"),
    ];
    // The start that creates the first user, and the one after it.
    let (place, log) = logged(place, &first);
    assert!(!log.contains("no users"), "{log}");
    let (_, log) = logged(place, &file);
    assert!(!log.contains("no users"), "{log}");
    assert!(!Program::demo(&[]).log().contains("no users"));
}

#[test]
fn a_log_filter_of_levels_and_modules_is_taken() {
    for filter in ["INFO", "hyper=warn, info", "server[request{id}]=info,info"] {
        let program = Program::demo(&[("RUST_LOG", filter)]);
        assert!(program.log().contains("listening"), "{filter}");
    }
}

#[test]
fn a_dotenv_file_is_read_and_the_environment_wins() {
    let place = TempDir::new().unwrap();
    std::fs::write(
        place.path().join(".env"),
        "SECRET_KEY=canary\nWELCOME_MESSAGE=\"from the file\"\nISSUER=file\n",
    )
    .unwrap();
    let refused = finish(place.path(), &[], &[]);
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(
        error.contains("SECRET_KEY") && !error.contains("canary"),
        "{error}"
    );
    let program = Program::start(place, &["--demo"], &[("ISSUER", "environment")]);
    let root = ask(program.address, "GET", "/", &[], "");
    assert_eq!(root.body, r#"{"message":"from the file"}"#);
    let token = token(&sign_in(program.address, DEMO.0, DEMO.1));
    let claims = base64_simd::URL_SAFE_NO_PAD
        .decode_to_vec(token.split('.').nth(1).unwrap())
        .unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&claims).unwrap()["iss"],
        "environment"
    );

    let place = TempDir::new().unwrap();
    std::fs::write(place.path().join(".env"), "SECRET_KEY 'canary\n").unwrap();
    let output = finish(place.path(), &["--demo"], &[]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains(".env") && !error.contains("canary"),
        "{error}"
    );
}

#[test]
fn the_demo_answers_the_originals_two_calls_and_leaves_nothing_behind() {
    let place = TempDir::new().unwrap();
    let scratch = TempDir::new().unwrap();
    let variables = [("TMPDIR", scratch.path().to_str().unwrap())];
    let mut program = Program::start(place, &["--demo"], &variables);
    let form = "username=test@example.com&password=fakehashedpassword";
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let signed_in = ask(program.address, "POST", "/token", &headers, form);
    let token = token(&signed_in);
    assert_eq!(signed_in.json()["token_type"], "bearer");
    let users = call(program.address, "GET", "/users", &token, "");
    assert_eq!(users.status, 200);
    assert_eq!(users.json()[0]["email"], "test@example.com");
    assert_eq!(users.json()[0]["role"], "admin");
    assert!(
        users.json()[0]["created_at"]
            .as_str()
            .unwrap()
            .ends_with("+00:00")
    );
    program.signal("-TERM");
    assert!(program.exit().success());
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[test]
fn the_demo_leaves_a_real_servers_database_and_key_alone_in_the_environment_and_in_dotenv() {
    let real = [
        ("SECRET_KEY", SECRET),
        ("DATABASE", "real.db"),
        ("ADMIN_EMAIL", "root@example.com"),
        ("ADMIN_PASSWORD", "canary of the first admin"),
    ];
    for from_file in [false, true] {
        let place = TempDir::new().unwrap();
        let variables = if from_file {
            let lines: Vec<String> = (real.iter())
                .map(|(name, value)| format!("{name}=\"{value}\"\n"))
                .collect();
            std::fs::write(place.path().join(".env"), lines.concat()).unwrap();
            &[][..]
        } else {
            &real[..]
        };
        let demo = Program::start(place, &["--demo"], variables);
        let demo_token = token(&sign_in(demo.address, DEMO.0, DEMO.1));
        let place = demo.kill();
        assert!(
            !place.path().join("real.db").exists(),
            "the demonstration made the real database"
        );
        // The real server knows neither its user nor its tokens.
        let server = Program::start(place, &[], variables);
        assert_eq!(sign_in(server.address, DEMO.0, DEMO.1).status, 401);
        assert_eq!(
            call(server.address, "GET", "/users", &demo_token, "").status,
            401
        );
        let root = token(&sign_in(server.address, real[2].1, real[3].1));
        // And a demonstration beside a real database leaves that as it is.
        let place = server.kill();
        let demo = Program::start(place, &["--demo"], variables);
        assert_eq!(sign_in(demo.address, real[2].1, real[3].1).status, 401);
        assert_eq!(call(demo.address, "GET", "/users", &root, "").status, 401);
        let server = Program::start(demo.kill(), &[], variables);
        let users = call(server.address, "GET", "/users", &root, "");
        assert_eq!(users.header("x-total-count"), Some("1"));
    }
}

#[test]
fn a_dollar_that_dotenv_would_replace_is_refused_in_a_secret() {
    let refused = |line: &str| {
        let place = TempDir::new().unwrap();
        std::fs::write(
            place.path().join(".env"),
            format!("DATABASE=$PWD/x.db\n{line}\n"),
        )
        .unwrap();
        // The configuration is wrong elsewhere, so that no server starts.
        let output = finish(
            place.path(),
            &[],
            &[("SECRET_KEY", SECRET), ("BIND", "wrong")],
        );
        assert!(!output.status.success());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(
            !error.contains("canary") && error.lines().count() == 1,
            "{error}"
        );
        error.contains("single quotes")
    };
    for name in [
        "SECRET_KEY",
        "SECRET_KEY_PREVIOUS",
        "SERVER_SECRET",
        "ADMIN_PASSWORD",
        "SUPABASE_KEY",
    ] {
        for value in [
            "canary$x",
            "\"a canary $x\"",
            "${canary}x",
            "canary$",
            r"a\\$x",
        ] {
            assert!(refused(&format!("{name}={value}")), "{name}={value}");
        }
        for value in ["'canary $x'", r"canary\$x", r"'a\$x'", "'$HOME'", "canary"] {
            assert!(!refused(&format!("{name}={value}")), "{name}={value}");
        }
    }
    assert!(!refused("WELCOME_MESSAGE=canary$x"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_name_look_up_that_hangs_does_not_keep_the_process_from_its_end() {
    let place = TempDir::new().unwrap();
    // Nobody writes into it, so that looking a name up waits for ever.
    let by = "mkfifo hosts && mount --bind hosts /etc/hosts && exec \"$0\"";
    let child = std::process::Command::new("unshare")
        .args(["-rm", "sh", "-c", by])
        .arg(super::program::binary())
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("SECRET_KEY", SECRET)
        .envs([
            ("SUPABASE_URL", "https://x.example"),
            ("SUPABASE_KEY", "sb_secret_x"),
        ])
        .current_dir(place.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let output = super::program::ended(child);
    let error = String::from_utf8(output.stderr).unwrap();
    if error.contains("unshare: ") || error.contains("mount: ") {
        // This user may not have a file system of its own.
        return;
    }
    assert!(error.contains("SUPABASE_URL"), "{error}");
    assert_eq!(output.status.code(), Some(1), "killed");
}
