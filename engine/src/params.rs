//! Resolves parameters.
