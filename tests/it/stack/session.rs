//! A psql that stays, for a test that runs many small statements.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Stands behind the rows of each answer.
const END: &str = "-- end of the answer --";

/// One connection; ends when dropped.
#[derive(Debug)]
pub(crate) struct Session {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Session {
    pub(crate) fn start(psql: &mut Command) -> Self {
        let mut child = psql
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            input,
            output,
        }
    }

    /// Runs statements and gives back the rows, one a line as `a|b`.
    pub(crate) fn sql(&mut self, text: &str) -> String {
        writeln!(self.input, "{text};\n\\echo '{END}'").unwrap();
        self.input.flush().unwrap();
        let mut rows = Vec::new();
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(read > 0, "psql has ended at: {text}");
            let line = line.trim_end_matches('\n');
            if line == END {
                return rows.join("\n");
            }
            rows.push(line.to_owned());
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
