//! The client's side of the command line: noun, then verb.
//!
//! Commands are REST calls; they know the API's objects as JSON only, as any other client does.

mod admin;
mod args;
mod client;
mod context;
mod documents;
mod failure;
mod follow;
mod instance;
mod output;
mod password;
mod poll_backoff;
mod rest;
mod run;
mod settings;
mod target;
mod workflow;
mod yaml;

pub use args::{ClientCommand, Global};
pub use client::{connect, make_printer, run_client};
pub use failure::{Exit, Failure};
pub use output::{ColourChoice, Format, Printer, TableLayout, plain, pretty, say, write_bytes, write_out};
pub use rest::{Call, Rest};
