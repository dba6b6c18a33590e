//! What the server refuses to start with. No store is opened here; `first.rs` has the first user.

use super::SECRET;
use crate::command::{Command, HELP, VERSION};
use crate::config::Config;
use crate::log::LogFormat;
use crate::sign_in_throttle::SignInThrottle;
use crate::storage::Storage;
use core::time::Duration;
use std::path::Path;

pub(super) fn read(demo: bool, variables: &[(&str, &str)]) -> Result<Config, String> {
    let found = Config::read(demo, |name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    });
    found.map_err(|error| error.to_string())
}

#[test]
fn each_wrong_variable_is_one_line_that_names_it_and_not_its_value() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("SECRET_KEY", "")], "SECRET_KEY"),
        (&[("SECRET_KEY", "canary")], "SECRET_KEY"),
        (
            &[("SECRET_KEY", "-----BEGIN PUBLIC KEY----- canary 0123456789")],
            "SECRET_KEY",
        ),
        (
            &[("SECRET_KEY", "canarycanarycanarycanarycanarycanary")],
            "SECRET_KEY: the secret has fewer than 8 different byte values",
        ),
        (
            &[(
                "SECRET_KEY",
                "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
            )],
            "SECRET_KEY: the secret is a key file",
        ),
        (&[("BIND", "canary")], "BIND"),
        (
            &[("ACCESS_TOKEN_EXPIRE_MINUTES", "canary")],
            "ACCESS_TOKEN_EXPIRE_MINUTES",
        ),
        (
            &[("ACCESS_TOKEN_EXPIRE_MINUTES", "0")],
            "ACCESS_TOKEN_EXPIRE_MINUTES",
        ),
        (
            &[("ACCESS_TOKEN_EXPIRE_MINUTES", "-30")],
            "ACCESS_TOKEN_EXPIRE_MINUTES",
        ),
        (
            &[("ACCESS_TOKEN_EXPIRE_MINUTES", "1441")],
            "ACCESS_TOKEN_EXPIRE_MINUTES",
        ),
        (&[("TRUSTED_PROXY_HOPS", "17")], "TRUSTED_PROXY_HOPS"),
        (&[("LOG_FORMAT", "canary")], "LOG_FORMAT"),
        (&[("METRICS_BIND", "canary:9000")], "METRICS_BIND"),
        (&[("CORS_ORIGINS", "*")], "CORS_ORIGINS"),
        (&[("CORS_ORIGINS", "null")], "CORS_ORIGINS"),
        (
            &[("CORS_ORIGINS", "https://canary.example/")],
            "CORS_ORIGINS",
        ),
        (
            &[("CORS_ORIGINS", "https://*.canary.example")],
            "CORS_ORIGINS",
        ),
        (&[("ADMIN_EMAIL", "canary@example.com")], "ADMIN_PASSWORD"),
        (&[("ADMIN_PASSWORD", "canary canary canary")], "ADMIN_EMAIL"),
        (
            &[
                ("ADMIN_EMAIL", "canary"),
                ("ADMIN_PASSWORD", "a long pass phrase"),
            ],
            "ADMIN_EMAIL",
        ),
        (
            &[
                ("ADMIN_EMAIL", "canary@example.com"),
                ("ADMIN_PASSWORD", "canary"),
            ],
            "ADMIN_PASSWORD",
        ),
    ];
    refused(cases);
    for variables in [&[][..], &[("SECRET_KEY", "short")]] {
        let error = read(false, variables).unwrap_err();
        assert!(error.contains("openssl rand -base64 48"), "{error}");
    }
}

#[test]
fn the_log_is_text_and_metrics_are_off_unless_asked_for() {
    let key = ("SECRET_KEY", SECRET);
    let config = read(false, &[key]).unwrap();
    assert_eq!(
        (config.log_format, config.metrics_bind),
        (LogFormat::Text, None)
    );
    let asked = [
        key,
        ("LOG_FORMAT", " json"),
        ("METRICS_BIND", "[::1]:9000 "),
    ];
    let config = read(false, &asked).unwrap();
    let address = "[::1]:9000".parse().ok();
    assert_eq!(
        (config.log_format, config.metrics_bind),
        (LogFormat::Json, address)
    );
}

/// Each set of variables stops the start with one line that holds the words and no value.
fn refused(cases: &[(&[(&str, &str)], &str)]) {
    for (variables, name) in cases {
        let mut all = variables.to_vec();
        all.push(("SECRET_KEY", SECRET));
        let error = read(false, &all).unwrap_err();
        assert!(error.contains(name), "{error}");
        assert!(
            !error.contains("canary") && !error.contains('\n'),
            "{error}"
        );
    }
}

#[test]
fn so_is_each_wrong_variable_of_a_supabase_project() {
    refused(&[
        (
            &[("SUPABASE_URL", "https://canary.example")],
            "SUPABASE_KEY",
        ),
        (&[("SUPABASE_KEY", "sb_secret_canary")], "SUPABASE_URL"),
        (
            &[
                ("SUPABASE_URL", "https://x.example"),
                ("SUPABASE_KEY", "sb_publishable_canary"),
            ],
            "SUPABASE_KEY: the key is a public one",
        ),
        (
            &[
                ("SUPABASE_URL", "http://canary.example"),
                ("SUPABASE_KEY", "sb_secret_x"),
            ],
            "SUPABASE_URL: the address must be https",
        ),
        (
            &[("SUPABASE_URL", "canary"), ("SUPABASE_KEY", "sb_secret_x")],
            "SUPABASE_URL",
        ),
        (
            &[
                ("SUPABASE_URL", "https://x.example"),
                ("SUPABASE_KEY", "sb_secret_x"),
                ("SUPABASE_TABLE", "canary; drop table canary"),
            ],
            "SUPABASE_TABLE",
        ),
        (
            &[
                ("SUPABASE_URL", "https://x.example"),
                ("SUPABASE_KEY", "sb_secret_x"),
                ("SUPABASE_ALLOW_HTTP", "canary"),
            ],
            "SUPABASE_ALLOW_HTTP",
        ),
    ]);
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let config = read(false, &[("SECRET_KEY", SECRET), ("SUPABASE_URL", " ")]).unwrap();
    assert_eq!(config.bind.to_string(), "127.0.0.1:8000");
    assert_eq!(config.lifetime, Duration::from_secs(1800));
    assert!(matches!(config.storage, Storage::File(path) if path == Path::new("portcullis.db")));
    assert!(matches!(config.throttle, SignInThrottle::Memory(_)));
    assert!(config.first_user.is_none() && config.cors_origins.is_empty());
    assert_eq!(config.trusted_proxy_hops, 0);
    assert_eq!(config.log_filter, "info");
    assert_eq!(
        (config.base_path.as_str(), config.drain),
        ("", Duration::ZERO)
    );
    assert_eq!(config.accepted_keys.len(), 1);
}

#[test]
fn with_a_supabase_project_users_and_failures_are_kept_there() {
    let project = [
        ("SECRET_KEY", SECRET),
        ("SUPABASE_URL", "https://x.example"),
        ("SUPABASE_KEY", "sb_secret_x"),
        ("DATABASE", "is not looked at"),
    ];
    let config = read(false, &project).unwrap();
    assert!(matches!(config.storage, Storage::Supabase(_)));
    assert!(matches!(config.throttle, SignInThrottle::Supabase(_)));
}

#[test]
fn the_demo_has_a_key_of_its_own_and_listens_to_this_machine_only() {
    let config = read(true, &[]).unwrap();
    assert!(matches!(config.storage, Storage::ThrowAway));
    assert_eq!(
        config.first_user.unwrap().email.as_str(),
        "test@example.com"
    );
    let real = [
        ("SECRET_KEY", SECRET),
        ("DATABASE", "x.db"),
        ("ADMIN_EMAIL", "a@example.com"),
        ("ADMIN_PASSWORD", "a long pass phrase"),
        ("SUPABASE_URL", "https://x.example"),
        ("SUPABASE_KEY", "sb_secret_x"),
    ];
    let demo = read(true, &real).unwrap();
    assert!(matches!(demo.storage, Storage::ThrowAway));
    assert!(matches!(demo.throttle, SignInThrottle::Memory(_)));
    assert_eq!(demo.first_user.unwrap().email.as_str(), "test@example.com");
    assert!(read(true, &[("SECRET_KEY", "short")]).is_ok());
    assert!(read(true, &[("BIND", "0.0.0.0:8000")]).is_err());
}

#[test]
fn a_configuration_shows_no_secret() {
    let variables = [
        ("SECRET_KEY", SECRET),
        ("SERVER_SECRET", "canary of 32 bytes at the very least"),
        ("ADMIN_EMAIL", "a@example.com"),
        ("ADMIN_PASSWORD", "canary pass phrase"),
    ];
    let shown = format!("{:?}", read(false, &variables).unwrap());
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn arguments_are_few() {
    let parse = |args: &[&str]| Command::from_args(args.iter().copied());
    assert_eq!(parse(&[]).unwrap(), Command::Serve { demo: false });
    assert_eq!(parse(&["--demo"]).unwrap(), Command::Serve { demo: true });
    assert_eq!(parse(&["--demo", "--help"]).unwrap(), Command::Help);
    let unlock = Command::Unlock("a@example.com".to_owned());
    assert_eq!(parse(&["unlock", "a@example.com"]).unwrap(), unlock);
    assert!(parse(&["--demo", "unlock", "a@example.com"]).is_err());
    assert_eq!(parse(&["--version"]).unwrap(), Command::Version);
    assert!(VERSION.ends_with(env!("CARGO_PKG_VERSION")));
    assert_eq!(
        parse(&["backup", "x"]).unwrap(),
        Command::Backup("x".into())
    );
    assert_eq!(
        parse(&["restore", "x"]).unwrap(),
        Command::Restore("x".into())
    );
    assert_eq!(
        parse(&["set-password", "x"]).unwrap(),
        Command::SetPassword("x".into())
    );
    for word in [
        "--demo",
        "backup FILE",
        "restore FILE",
        "set-password EMAIL",
        "unlock EMAIL",
        "--version",
    ] {
        assert!(HELP.contains(word), "{word}");
    }
    for (args, word) in [
        (&["--secret=canary"][..], "unknown argument"),
        (&["backup"], "backup needs the file"),
        (&["backup", "--canary"], "backup needs the file"),
        (
            &["backup", "canary", "restore", "canary"],
            "one command at a time",
        ),
        (&["set-password"], "e-mail address"),
        (&["unlock"], "e-mail address"),
        (
            &["set-password", "a@example.com", "canary"],
            "read from standard input",
        ),
    ] {
        let error = parse(args).unwrap_err().to_string();
        assert!(error.contains(word) && !error.contains("canary"), "{error}");
    }
}

#[test]
fn a_second_key_is_another_one_and_as_strong() {
    let previous = |value: &str| {
        read(
            false,
            &[("SECRET_KEY", SECRET), ("SECRET_KEY_PREVIOUS", value)],
        )
        .map(|config| config.accepted_keys.len())
    };
    assert_eq!(previous(""), Ok(1));
    assert_eq!(previous("canary-of-the-key-before-0123456789-abc"), Ok(2));
    for (value, word) in [
        (SECRET, "is the same as SECRET_KEY"),
        ("canary, but short", "SECRET_KEY_PREVIOUS: "),
    ] {
        let error = previous(value).unwrap_err();
        assert!(
            error.contains(word) && error.starts_with("SECRET_KEY_PREVIOUS"),
            "{error}"
        );
        assert!(
            !error.contains("canary") && !error.contains('\n'),
            "{error}"
        );
    }
    // The demonstration's key replaces none.
    let demo = read(true, &[("SECRET_KEY_PREVIOUS", SECRET)]).unwrap();
    assert_eq!(demo.accepted_keys.len(), 1);
}

#[test]
fn a_base_path_needs_no_escaping_and_a_drain_has_an_end() {
    let base = |path: &str| {
        read(false, &[("SECRET_KEY", SECRET), ("BASE_PATH", path)]).map(|config| config.base_path)
    };
    assert_eq!(base(""), Ok(String::new()));
    assert_eq!(base("/auth"), Ok("/auth".to_owned()));
    assert_eq!(
        base("/apps/sign-in_2.0~x"),
        Ok("/apps/sign-in_2.0~x".to_owned())
    );
    for wrong in [
        "auth", "/", "/auth/", "//auth", "/a/../b", "/.", "/{id}", "/a b", "/%2f", "/ä", "/a?b",
    ] {
        let error = base(wrong).unwrap_err();
        assert!(error.starts_with("BASE_PATH"), "{error}");
    }
    refused(&[(&[("DRAIN_SECONDS", "301")], "DRAIN_SECONDS")]);
    let config = read(false, &[("SECRET_KEY", SECRET), ("DRAIN_SECONDS", "10")]).unwrap();
    assert_eq!(config.drain, Duration::from_secs(10));
}
