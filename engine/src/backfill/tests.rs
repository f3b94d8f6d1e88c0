mod dates;
mod fixture;
mod oracle;
mod properties;
mod requests;
mod transcripts;
