//! The axum extractors.
