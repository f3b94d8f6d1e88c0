//! Supervises the workflow actors of this node.
