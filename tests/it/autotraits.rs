//! Send, Sync and sizes of the public types.
