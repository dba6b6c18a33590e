//! Each floor of the crate imports only floors below it; siblings never import each other.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up. A port that extends another port stands on a landing of its own.
const FLOORS: [&str; 7] = [
    "secret clock user bearer error_chain",
    "token password",
    "store throttle offload event",
    "directory session_store",
    "authenticator sessions",
    "refusal",
    "extract stores jwks_client test_util",
];

fn floor(module: &str) -> Option<usize> {
    let stands_on = |floor: &str| floor.split(' ').any(|name| name == module);
    FLOORS.iter().position(|floor| stands_on(floor))
}

/// Every file under the folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let inside = |path: PathBuf| path.is_dir().then(|| files(&path)).unwrap_or(vec![path]);
    let entries = fs::read_dir(folder).unwrap();
    entries
        .flat_map(|entry| inside(entry.unwrap().path()))
        .collect()
}

/// The modules that a line of code names by `crate::`, in a `use` or in a path; `crate::{..}` gives the empty name.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    let end = |c: char| !(c.is_alphanumeric() || c == '_');
    let paths = code.split("crate::").skip(1);
    paths.map(move |path| path.split(end).next().unwrap_or_default())
}

/// What `module` imports though it may not.
fn wrong(module: &str, source: &str) -> Vec<String> {
    let own = floor(module).unwrap_or_default();
    let below = |other| floor(other).is_some_and(|other| other < own);
    let others = source.lines().flat_map(named);
    let faults = others.filter(|other| *other != module && !below(other));
    faults.map(|other| format!("{module}: {other}")).collect()
}

#[test]
fn no_module_imports_its_own_floor_or_one_above() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut faults = Vec::new();
    for path in files(&root) {
        let inside = path.strip_prefix(&root).unwrap().with_extension("");
        let module = inside.iter().next().unwrap().to_str().unwrap();
        if module != "lib" && path.extension() == Some("rs".as_ref()) {
            faults.extend(wrong(module, &fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_planted_import_is_noticed() {
    for (module, source, faults) in [
        ("token", "use crate::user::UserId; // not crate::store", 0),
        ("token", "use crate::token::claims::Claims;", 0),
        ("token", "use crate::store::Account;", 1),
        ("token", "use crate::password::Password;", 1),
        ("token", "fn f(_: &crate::refusal::Refusal) {}", 1),
        ("stores", "use crate::{user::UserId};", 1),
        ("unknown", "use crate::user::UserId;", 1),
    ] {
        assert_eq!(wrong(module, source).len(), faults, "{source}");
    }
}
