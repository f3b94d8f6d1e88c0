//! Turns foreign workflow formats into documents.
