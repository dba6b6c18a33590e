//! How far it is: shown to a person at a terminal, and to nobody else.

use super::super::super::site::Supabase;
use super::super::original::Original;
use super::import;
use core::time::Duration;
use std::process::{Command, Stdio};
use tempfile::TempDir;

#[test]
fn off_a_terminal_there_is_no_progress_bar() {
    let original = Original::migrated();
    let said = import(&original.place);
    assert!(
        !said.out.contains('\r') && !said.out.contains('\u{1b}'),
        "{said:?}"
    );
    assert_eq!(said.error.lines().count(), 1, "{said:?}");
    assert!(
        said.error.starts_with("error: 1 rows still hold"),
        "{said:?}"
    );
}

/// `script` gives the command a terminal. It is part of every Debian.
#[test]
#[cfg(target_os = "linux")]
fn on_a_terminal_a_bar_tells_how_far_it_is_and_how_long_it_takes() {
    let original = Original::migrated();
    original.place.gateway.delay(Duration::from_millis(100));
    let folder = TempDir::new().unwrap();
    let program = super::super::super::program::binary();
    let output = Command::new("script")
        .args([
            "-qec",
            &format!("'{}' import-passwords", program.display()),
            "/dev/null",
        ])
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("TERM", "xterm")
        .envs(Supabase::variables(&original.place))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    // The command's own, by `-e`.
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let screen = String::from_utf8(output.stdout).unwrap();
    // Drawn again and again in one place.
    for words in [
        "0 of 120 passwords",
        "32 of 120 passwords",
        "96 of 120 passwords",
        "s left",
        "█",
        "░",
    ] {
        assert!(screen.contains(words), "no {words:?}: {screen:?}");
    }
    // Taken away at the end, before the outcome.
    let outcome = screen.rfind("119 clear-text passwords are gone").unwrap();
    let last = screen.rfind("of 120 passwords").unwrap();
    assert!(last < outcome, "{screen:?}");
    assert!(screen[last..outcome].contains("\u{1b}[2K"), "{screen:?}");
}
