//! Builds a node from its configuration.
