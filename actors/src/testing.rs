//! Fakes and probes for tests.

pub mod store;
pub mod worker;
