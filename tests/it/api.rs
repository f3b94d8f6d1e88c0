//! The REST interface on a real store, with actors that do nothing but create.

mod access;
mod backfills;
mod channels;
mod connections;
mod debug;
mod derived_documents;
mod description;
mod documents;
mod groups;
mod instances;
mod limits;
mod project_grants;
mod retention;
mod schedules;
mod secrets;
mod server;
mod sessions;
mod setup;
mod silences;
mod streams;
mod ui;
mod users;
