//! Runs the work of tasks.

pub mod logs;
