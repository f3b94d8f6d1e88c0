//! Porpoise: a distributed workflow scheduler that never loses, doubles or strands a run.
//!
//! This crate holds the adapters and the wiring; what happens next is decided in `engine` and carried out by
//! `actors`.

pub mod config;
pub mod disk;
mod memory;
pub mod startup;
pub mod telemetry;

pub mod api;
pub mod registry;
pub mod rpc;
pub mod runner;
pub mod store;

pub mod cli;
pub mod import;
pub mod text;

mod causes;
mod hex;
