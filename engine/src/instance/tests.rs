mod bounded;
mod control;
mod coverage;
pub(crate) mod fixture;
mod golden;
mod oracle;
mod properties;
mod transcripts;
