//! The example server: in-process and over real sockets.
