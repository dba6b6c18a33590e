//! No Debug, Display or error shows a secret.
