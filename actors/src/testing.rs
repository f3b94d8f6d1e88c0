//! Fakes and probes for tests.
