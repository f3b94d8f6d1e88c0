mod dates;
mod dependents;
mod fixture;
mod oracle;
mod properties;
mod requests;
mod transcripts;
