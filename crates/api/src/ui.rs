//! The web UI: its files, which the build put into the program, and the page of every path of it.

pub(crate) mod embedded;
pub(crate) mod files;
pub(crate) mod pages;
