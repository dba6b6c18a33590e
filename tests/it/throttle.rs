//! Guesses are counted.
