//! What was measured, as lines of text: kept in `results.tsv`, printed as Markdown, drawn by `plot`.

use crate::race::Figure;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io, thread};

/// One figure: in which contest, of whom, at which size, how many microseconds, and how many times the contest's reference.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) contest: String,
    pub(crate) who: String,
    /// Keys, KiB, tokens or threads where something grows; else 0.
    pub(crate) at: f64,
    pub(crate) figure: Figure,
}

#[derive(Default)]
pub(crate) struct Results {
    pub(crate) machine: String,
    pub(crate) rows: Vec<Row>,
}

impl Results {
    pub(crate) fn here() -> Self {
        Self {
            machine: machine(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, contest: &str, who: &str, at: f64, figure: Figure) {
        self.rows.push(Row {
            contest: contest.into(),
            who: who.into(),
            at,
            figure,
        });
    }

    /// The rows of one contest, as they were measured.
    pub(crate) fn of<'a>(&'a self, contest: &'a str) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| row.contest == contest)
    }

    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = format!(
            "# {}\n# contest\twho\tat\tmicroseconds\tratio\n",
            self.machine
        );
        for Row {
            contest,
            who,
            at,
            figure: Figure { micros, ratio },
        } in &self.rows
        {
            writeln!(text, "{contest}\t{who}\t{at}\t{micros:.4}\t{ratio:.4}").expect("a string");
        }
        fs::write(path, text)
    }

    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(path)?;
        let mut results = Self::default();
        for line in text.lines() {
            let fields: Vec<_> = line.split('\t').collect();
            let number = |at: usize| fields[at].parse().expect("a number");
            match fields.as_slice() {
                [comment] => results.machine = comment.trim_start_matches("# ").into(),
                [contest, ..] if contest.starts_with('#') => {}
                [contest, who, ..] => {
                    let (micros, ratio) = (number(3), number(4));
                    results.add(contest, who, number(2), Figure { micros, ratio });
                }
                [] => {}
            }
        }
        Ok(results)
    }
}

/// Where the crate's own files are.
pub(crate) fn home(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// The kind of this machine: what one needs to know to read the figures.
fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or(std::env::consts::ARCH, |(_, model)| model);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores, {}", std::env::consts::OS)
}

/// Three digits: as much as such a figure is good for.
pub(crate) fn digits(value: f64) -> String {
    match value {
        v if v >= 99.95 => format!("{v:.0}"),
        v if v >= 9.995 => format!("{v:.1}"),
        v if v >= 0.0995 => format!("{v:.2}"),
        v => format!("{v:.4}"),
    }
}

/// A time in the unit that suits it.
pub(crate) fn duration(micros: f64) -> String {
    match micros {
        m if m < 1.0 => format!("{:.0} ns", m * 1e3),
        m if m < 1000.0 => format!("{} µs", digits(m)),
        m => format!("{} ms", digits(m / 1e3)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let mut results = Results::here();
        let figure = Figure {
            micros: 12.5,
            ratio: 1.25,
        };
        results.add("verify HS256", "somebody", 0.0, figure);
        results.add("keys HS256", "somebody", 1000.0, figure);
        let path = std::env::temp_dir().join(format!("results-{}.tsv", std::process::id()));
        results.write(&path).unwrap();
        let read = Results::read(&path).unwrap();
        fs::remove_file(path).unwrap();
        assert_eq!(read.machine, results.machine);
        assert_eq!(read.rows.len(), 2);
        let row = read.of("keys HS256").next().unwrap();
        assert_eq!(
            (row.who.as_str(), row.at, row.figure.micros),
            ("somebody", 1000.0, 12.5)
        );
    }

    #[test]
    fn figures_have_three_digits_and_a_unit() {
        for (micros, text) in [(0.352, "352 ns"), (34.487, "34.5 µs"), (1251.0, "1.25 ms")] {
            assert_eq!(duration(micros), text);
        }
    }
}
