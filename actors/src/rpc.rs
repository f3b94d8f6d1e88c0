//! How nodes call each other.

pub mod in_process;
