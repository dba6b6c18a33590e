//! The classes of the hash queue, and what an operator sees of them.

/// Who waits first. Follows from the attempt alone, never from the account that was found, so that an unknown login
/// waits as long as a known one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A valid device token, a known address, or a signed-in user.
    Known,
    /// An account's counter without failures.
    NoFailures,
    /// All others.
    Other,
}

/// How many jobs of each class start in a round. All cost the same: hashes are padded to one amount of work.
pub(super) const WEIGHTS: [u32; 3] = [4, 2, 1];

/// How many jobs wait and run. For metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HashQueueStatus {
    /// Jobs that were begun so far.
    pub begun: u64,
    /// Jobs on the hashing threads.
    pub running: usize,
    /// Jobs of devices, known addresses and signed-in users that wait.
    pub waiting_known: usize,
    /// Jobs of logins without failures that wait.
    pub waiting_no_failures: usize,
    /// All other jobs that wait.
    pub waiting_other: usize,
}
