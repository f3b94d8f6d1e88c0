//! The client's side of the command line: noun, then verb.
//!
//! Commands are REST calls; they know the API's objects as JSON only, as any other client does.

mod admin;
mod approval;
mod args;
mod backfill;
mod backfill_progress;
mod body;
mod calendar;
mod channel;
mod client;
mod connection;
mod context;
mod document_files;
mod documents;
mod explain;
mod failure;
mod follow;
mod group;
mod instance;
mod limit;
mod log_choice;
mod log_printer;
mod log_reader;
mod logs;
mod network_error;
mod output;
mod password;
mod polling;
mod rest;
mod retention;
mod run;
mod schedule;
mod schedule_preview;
mod secret;
mod server_url;
mod settings;
mod setup_link;
mod shown_states;
mod silence;
mod suggestion;
mod target;
mod workflow;

pub use args::{CleanArgs, ClientCommand, Global};
pub use client::{connect, make_printer, run_client};
pub use failure::{Exit, Failure};
pub use output::{ColourChoice, Format, Printer, TableLayout, plain, pretty, say, write_bytes, write_out};
pub use rest::{Call, Rest};
pub use retention::clean_database;
