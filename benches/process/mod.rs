//! A server as a process of its own: it tells where it listens, and what processor time it took can be read.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// A server under load. It ends with this value.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    /// Starts one whose first line is `listening on http://` and its address.
    pub(crate) fn listening(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .unwrap_or_default()
            .parse();
        Self {
            child,
            address: address.unwrap(),
        }
    }

    /// The seconds of processor time it has used so far.
    pub(crate) fn processor(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let after_name = stat.rsplit(") ").next().unwrap();
        let field = |number: usize| after_name.split(' ').nth(number).unwrap().parse::<f64>();
        // User and system time, in hundredths of a second.
        (field(11).unwrap() + field(12).unwrap()) / 100.0
    }
}
