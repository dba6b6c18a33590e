//! What the server refuses to start with. No store is opened here; `first.rs` has the first user.

use super::SECRET;
use crate::config::{Command, Config, HELP};
use core::time::Duration;

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
        (
            &[("SUPABASE_URL", "https://canary.example")],
            "SUPABASE_URL",
        ),
    ];
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
    for variables in [&[][..], &[("SECRET_KEY", "short")]] {
        let error = read(false, variables).unwrap_err();
        assert!(error.contains("openssl rand -base64 48"), "{error}");
    }
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let config = read(false, &[("SECRET_KEY", SECRET), ("SUPABASE_URL", " ")]).unwrap();
    assert_eq!(config.bind.to_string(), "127.0.0.1:8000");
    assert_eq!(config.lifetime, Duration::from_secs(1800));
    assert_eq!(config.database.unwrap().to_str(), Some("portcullis.db"));
    assert!(config.first_user.is_none() && config.cors_origins.is_empty());
    assert_eq!(config.trusted_proxy_hops, 0);
    assert_eq!(config.log_filter, "info");
}

#[test]
fn the_demo_has_a_key_of_its_own_and_listens_to_this_machine_only() {
    let config = read(true, &[]).unwrap();
    assert!(config.database.is_none());
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
    assert!(config.database.is_some());
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
