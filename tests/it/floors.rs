//! Each floor of the crate imports only floors below it; siblings never import each other.

use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up. A port that extends another port stands on a landing of its own.
const FLOORS: [&[&str]; 7] = [
    &["secret", "clock", "user", "bearer"],
    &["token", "password"],
    &["store", "throttle", "offload", "event"],
    &["directory", "session_store"],
    &["authenticator", "sessions"],
    &["refusal"],
    &["extract", "stores", "jwks_client", "test_util"],
];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules that a line of code names by `crate::`, in a `use` or in a path.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    let end = |c: char| !(c.is_alphanumeric() || c == '_');
    code.split("crate::")
        .skip(1)
        .map(move |rest| rest.split(end).next().unwrap_or_default())
}

/// What `module` imports though it may not. `crate::{..}` names the empty module, which stands nowhere.
fn wrong(module: &str, source: &str) -> Vec<String> {
    let own = floor(module);
    source
        .lines()
        .flat_map(named)
        .filter(|other| {
            *other != module && (own.is_none() || floor(other).is_none() || floor(other) >= own)
        })
        .map(|other| format!("{module} imports {other:?}"))
        .collect()
}

#[test]
fn no_module_imports_its_own_floor_or_one_above() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    files(&root, &mut sources);
    assert!(
        sources.len() > 30,
        "only {} sources were found",
        sources.len()
    );
    let mut faults = Vec::new();
    for path in sources.iter().filter(|path| !path.ends_with("src/lib.rs")) {
        let inside = path
            .strip_prefix(&root)
            .expect("a path under src")
            .with_extension("");
        let module = inside
            .components()
            .next()
            .expect("a name")
            .as_os_str()
            .to_str()
            .expect("text");
        faults.extend(wrong(module, &fs::read_to_string(path).expect("a source")));
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_planted_import_is_noticed() {
    assert!(wrong("token", "use crate::user::UserId; // not crate::store").is_empty());
    assert!(wrong("token", "use crate::token::claims::Claims;").is_empty());
    for upwards in [
        "use crate::store::Account;",
        "use crate::password::Password;",
        "fn f(_: &crate::refusal::Refusal) {}",
    ] {
        assert_eq!(wrong("token", upwards).len(), 1, "{upwards}");
    }
    assert_eq!(
        wrong("stores", "use crate::{user::UserId};").len(),
        1,
        "an import that can't be read"
    );
    assert_eq!(
        wrong("newcomer", "use crate::user::UserId;").len(),
        1,
        "a module that stands nowhere"
    );
}
