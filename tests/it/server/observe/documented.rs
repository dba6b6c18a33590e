//! The README's table of log lines lists every line that the server writes, with its level, and no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const README: &str = include_str!("../../../../examples/server/README.md");

/// Level and message.
type Line = (String, String);

/// The text of a string literal that starts here, and what follows it.
fn literal(code: &str) -> (String, &str) {
    let mut text = String::new();
    let mut chars = code.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, &code[at + 1..]),
            '\\' => match chars.next().unwrap().1 {
                // The line goes on after the white space.
                '\n' => while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                escaped => text.push(escaped),
            },
            c => text.push(c),
        }
    }
    panic!("a literal without an end")
}

/// The last string literal among the arguments of a macro, which is its message. They start here.
fn message(mut code: &str) -> String {
    let (mut depth, mut last) = (1, String::new());
    while depth > 0 {
        let at = code.find(['"', '(', ')']).unwrap();
        let (found, rest) = (code.as_bytes()[at], &code[at + 1..]);
        code = rest;
        match found {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => (last, code) = literal(rest),
        }
    }
    last
}

/// All lines that the files of a folder write.
fn written(folder: &Path, lines: &mut BTreeSet<Line>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            written(&path, lines);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let code = fs::read_to_string(&path).unwrap();
            for call in code.split("tracing::").skip(1) {
                let Some((level, arguments)) = call.split_once("!(") else {
                    continue;
                };
                if ["error", "warn", "info", "debug"].contains(&level) {
                    lines.insert((level.to_owned(), message(arguments)));
                }
            }
        }
    }
}

/// The rows of the table: levels, and messages, of which those that end with `…` are beginnings.
fn documented() -> Vec<Line> {
    let (_, table) = README.split_once("| message | level |").unwrap();
    let rows = table.lines().skip(2).take_while(|row| row.starts_with('|'));
    let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    let lines = cells.flat_map(|cells| {
        let messages = cells[1].split('`').skip(1).step_by(2);
        let level = cells[2].to_owned();
        messages
            .map(move |message| (level.clone(), message.to_owned()))
            .collect::<Vec<_>>()
    });
    lines.collect()
}

fn is_of(row: &Line, line: &Line) -> bool {
    let is_text = match row.1.strip_suffix('…') {
        Some(beginning) => line.1.starts_with(beginning),
        None => line.1 == row.1,
    };
    row.0 == line.0 && is_text
}

#[test]
fn the_readme_lists_each_line_of_the_log() {
    let mut lines = BTreeSet::new();
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/server");
    written(&server, &mut lines);
    assert!(lines.len() > 30, "{lines:#?}");
    // Written through a variable, by the summary of repeated lines.
    lines.insert(("warn".to_owned(), "other lines".to_owned()));
    let rows = documented();
    let lacking: Vec<_> = (lines.iter())
        .filter(|line| !rows.iter().any(|row| is_of(row, line)))
        .collect();
    assert!(lacking.is_empty(), "the README lacks {lacking:#?}");
    let stale: Vec<_> = (rows.iter())
        .filter(|row| !lines.iter().any(|line| is_of(row, line)))
        .collect();
    assert!(stale.is_empty(), "nothing writes {stale:#?}");
}
