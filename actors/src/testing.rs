//! Fakes and probes for tests.

pub mod registry;
pub mod store;
pub mod worker;
