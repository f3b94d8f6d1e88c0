//! The bounds of a document.

/// The most bytes of a document.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The deepest nesting of lists and maps.
pub const MAX_DEPTH: usize = 64;

/// The most values of a document: enough for 20,000 tasks with a hundred `needs` each.
pub(crate) const MAX_NODES: usize = 2_500_000;

/// The most values that aliases may add to a document.
pub(crate) const MAX_ALIAS_NODES: usize = 50_000;

/// The most bytes of text that aliases may add to a document.
pub(crate) const MAX_ALIAS_BYTES: usize = 1024 * 1024;

/// The most repeated keys that are reported.
pub(crate) const MAX_REPEATED_KEYS: usize = 500;
