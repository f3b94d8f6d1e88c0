//! Tests of the whole program, and the rules of the project.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that meets the unexpected should fail"
)]
#![allow(unreachable_pub, reason = "the one crate of these tests has no public face")]

mod api;
mod catalog;
mod cli;
mod documents;
mod instance_loader;
mod invariants;
mod known_failures;
mod nodes;
mod postgres;
mod registry;
mod rpc;
mod store;
mod supervision;
mod tidy;
