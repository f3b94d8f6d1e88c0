//! Where a node keeps its files.

use std::path::{Path, PathBuf};

/// Returns the file below a data folder that holds the first token of a standalone node.
pub fn admin_token_file(data: &Path) -> PathBuf {
    data.join("admin-token")
}
