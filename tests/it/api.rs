//! The REST interface on a real store, with actors that do nothing but create.

mod access;
mod alerts;
mod backfills;
mod channels;
mod connections;
mod debug;
mod derived_documents;
mod description;
mod documents;
mod instances;
mod limits;
mod retention;
mod schedules;
mod server;
mod sessions;
mod setup;
mod silences;
mod streams;
mod ui;
mod users;
