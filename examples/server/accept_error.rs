//! [`AcceptError`]: what an error of `accept` is about, which decides what the server does next.

use std::io;

/// What an error of `accept` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AcceptError {
    /// The one connection that was to be accepted: the next one may be fine.
    OfOneConnection,
    /// The system has no file descriptors or no memory left: closing a connection helps.
    NoResources,
    /// Something else. Closing a connection would not help.
    Other,
}

impl AcceptError {
    #[cfg(unix)]
    pub(crate) fn of(error: &io::Error) -> Self {
        use rustix::io::Errno;
        // Linux reports errors of the network that wait on the new connection (accept(2)), and EPERM of a firewall.
        const OF_ONE_CONNECTION: [Errno; 13] = [
            Errno::CONNABORTED,
            Errno::CONNREFUSED,
            Errno::CONNRESET,
            Errno::HOSTDOWN,
            Errno::HOSTUNREACH,
            Errno::INTR,
            Errno::NETDOWN,
            Errno::NETUNREACH,
            Errno::NOPROTOOPT,
            Errno::OPNOTSUPP,
            Errno::PERM,
            Errno::PROTO,
            Errno::TIMEDOUT,
        ];
        const NO_RESOURCES: [Errno; 4] = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
        match Errno::from_io_error(error) {
            Some(errno) if OF_ONE_CONNECTION.contains(&errno) => Self::OfOneConnection,
            Some(errno) if NO_RESOURCES.contains(&errno) => Self::NoResources,
            _ => Self::Other,
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn of(error: &io::Error) -> Self {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
        // Windows: WSAEMFILE and WSAENOBUFS.
        const NO_RESOURCES: [i32; 2] = [10024, 10055];
        match error.kind() {
            ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted => {
                Self::OfOneConnection
            }
            _ if (error.raw_os_error()).is_some_and(|code| NO_RESOURCES.contains(&code)) => {
                Self::NoResources
            }
            _ => Self::Other,
        }
    }
}
