//! Fakes and probes for tests.

pub mod connections;
pub mod registry;
pub mod store;
pub mod worker;
