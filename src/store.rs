//! The store on SQLite and PostgreSQL.

pub mod catalog;
