//! Converts workflows of other systems into documents.

pub mod wfcommons;
