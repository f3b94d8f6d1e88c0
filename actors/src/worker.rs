//! Runs attempts on this node.
