mod bounded;
mod control;
mod coverage;
mod edges;
pub(crate) mod fixture;
mod golden;
mod oracle;
mod properties;
mod transcripts;
