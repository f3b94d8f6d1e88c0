//! Porpoise: a distributed workflow scheduler that never loses, doubles or strands a run.
//!
//! This crate is the wiring: command line, configuration, registry, telemetry, startup. What happens next is decided
//! in `engine` and carried out by `actors`; the adapters are the crates below `crates`.

pub mod command_line;

pub mod config;
pub mod registry;
pub mod startup;
pub mod telemetry;

mod commands;
