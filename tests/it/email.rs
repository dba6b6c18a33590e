//! One canonical form for each mailbox.
