//! Fakes and probes for tests.

pub mod store;
