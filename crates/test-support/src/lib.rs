//! Real servers, REST clients and database invariants for tests and benches.
//!
//! Everything here panics with a sentence when the machine lacks what a test relies on; no product code uses it.

pub mod alert_receiver;
pub mod consul;
pub mod invariants;
pub mod mail_server;
pub mod postgres;
pub mod rest;
pub mod restartable_postgres;
pub mod smtp;
pub mod waiting;
