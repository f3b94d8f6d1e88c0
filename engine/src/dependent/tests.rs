//! Dependent tasks against a naive reading of their rules.

mod decisions;
mod documents;
mod intervals;
