//! Gets the REST server's program, once a target folder: built from its published source.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const VERSION: &str = "3.1.0";

/// Settings of cargo that say where things come from and how to reach them. All others are the outer build's business: its flags,
/// its target folder and its profile must not leak into this one.
const KEPT: [&str; 6] = [
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
];

/// The program; builds it if it isn't there yet.
pub(crate) fn program() -> PathBuf {
    let root = target_folder().join(format!("postrust-{VERSION}"));
    let program = root.join("bin/postrust");
    if program.is_file() {
        return program;
    }
    fs::create_dir_all(&root).unwrap();
    // One process builds, the others wait. The kernel opens the lock again if the builder dies.
    let lock = File::create(root.join("lock")).unwrap();
    lock_file(&lock);
    if !program.is_file() {
        build(&root);
        assert!(program.is_file(), "cargo left no {}", program.display());
    }
    program
}

#[expect(
    clippy::incompatible_msrv,
    reason = "the whole test binary needs a newer Rust than the crate: its SQL driver does"
)]
fn lock_file(lock: &File) {
    lock.lock().unwrap();
}

/// `target/debug/deps/<this test>` lies in the folder we look for.
fn target_folder() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(3).unwrap().to_owned()
}

fn build(root: &Path) {
    // Past the capture of the test's output: whoever waits must know for what.
    let mut terminal = std::io::stderr();
    writeln!(
        terminal,
        "building postrust-server {VERSION}, once, for the tests on a real PostgREST server: this takes some minutes"
    )
    .unwrap();
    let work = root.join("build");
    let log = root.join("build.log");
    // As its author locked it; if that can't be had (a version it names is gone), with the versions of today.
    let built = install(root, &work, &log, &["--locked"]) || install(root, &work, &log, &[]);
    drop(fs::remove_dir_all(&work));
    assert!(
        built,
        "postrust-server {VERSION} could not be built:\n{}",
        fs::read_to_string(&log).unwrap_or_default()
    );
}

fn install(root: &Path, work: &Path, log: &Path, how: &[&str]) -> bool {
    let output = File::create(log).unwrap();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let of_cargo = text.starts_with("CARGO_") || text == "CARGO";
        let of_rustc = text.starts_with("RUSTC") || text.ends_with("RUSTFLAGS");
        if of_rustc || (of_cargo && !KEPT.iter().any(|kept| text.starts_with(kept))) {
            command.env_remove(&name);
        }
    }
    command
        .arg("install")
        .args(how)
        .args(["--version", &format!("={VERSION}"), "--root"])
        .arg(root)
        .args(["postrust-server", "--bin", "postrust"])
        .env("CARGO_TARGET_DIR", work)
        // Its own folder has no project's configuration or toolchain file but those of the folders above.
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output);
    command.status().is_ok_and(|status| status.success())
}
