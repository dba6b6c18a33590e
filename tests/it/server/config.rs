//! What the server refuses to start with. No store is opened here; `first.rs` has the first user.

use super::SECRET;
use crate::config::{Command, Config, HELP};
use crate::counted::Counted;
use crate::log::LogFormat;
use crate::storage::Storage;
use core::time::Duration;
use std::path::Path;

fn read(demo: bool, variables: &[(&str, &str)]) -> Result<Config, String> {
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
    assert!(matches!(config.counted, Counted::Here(_)));
    assert!(config.first_user.is_none() && config.cors_origins.is_empty());
    assert_eq!(config.trusted_proxy_hops, 0);
    assert_eq!(config.log_filter, "info");
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
    assert!(matches!(config.counted, Counted::There(_)));
    let refused = read(true, &project).unwrap_err();
    assert!(
        refused.contains("--demo") && refused.contains("SUPABASE_URL"),
        "{refused}"
    );
}

#[test]
fn the_demo_has_a_key_of_its_own_and_listens_to_this_machine_only() {
    let config = read(true, &[]).unwrap();
    assert!(matches!(config.storage, Storage::ThrowAway));
    assert_eq!(
        config.first_user.unwrap().email.as_str(),
        "test@example.com"
    );
    let own = [
        ("DATABASE", "x.db"),
        ("ADMIN_EMAIL", "a@example.com"),
        ("ADMIN_PASSWORD", "a long pass phrase"),
    ];
    let config = read(true, &own).unwrap();
    assert!(matches!(config.storage, Storage::File(_)));
    assert_eq!(config.first_user.unwrap().email.as_str(), "a@example.com");
    assert!(read(true, &[("BIND", "0.0.0.0:8000")]).is_err());
    assert!(read(true, &[("SECRET_KEY", "short")]).is_err());
}

#[test]
fn a_configuration_shows_no_secret() {
    let variables = [
        ("SECRET_KEY", SECRET),
        ("ADMIN_EMAIL", "a@example.com"),
        ("ADMIN_PASSWORD", "canary pass phrase"),
    ];
    let shown = format!("{:?}", read(false, &variables).unwrap());
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn arguments_are_few() {
    let parse = |args: &[&str]| Command::from_args(args.iter().map(|arg| (*arg).to_owned()));
    assert_eq!(parse(&[]).unwrap(), Command::Serve { demo: false });
    assert_eq!(parse(&["--demo"]).unwrap(), Command::Serve { demo: true });
    assert_eq!(parse(&["--demo", "--help"]).unwrap(), Command::Help);
    assert!(HELP.contains("--demo"));
    let error = parse(&["--secret=canary"]).unwrap_err().to_string();
    assert!(!error.contains("canary"));
}
