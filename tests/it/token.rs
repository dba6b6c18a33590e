//! What a verifier accepts and refuses.
