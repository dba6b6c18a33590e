//! One file a resource.

pub(crate) mod agent;
pub(crate) mod health;
pub(crate) mod me;
pub(crate) mod root;
pub(crate) mod settings;
pub(crate) mod token;
pub(crate) mod users;
