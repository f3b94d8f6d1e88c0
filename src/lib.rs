//! Porpoise.
