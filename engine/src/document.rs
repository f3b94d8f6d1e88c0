//! Reads documents into definitions, with every error at once.
