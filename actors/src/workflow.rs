//! Runs one workflow instance.
