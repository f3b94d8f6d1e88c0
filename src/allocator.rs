//! How the allocator holds memory.
//!
//! mimalloc takes its settings from the environment before `main`, and from nowhere else that safe code reaches.
//! So a node replaces its process by itself, once, with the setting that matters: pages are committed as they are
//! used, and those of the start are given back. At rest that is half the memory; it costs no time under load.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// mimalloc's name for committing a whole arena at once.
const SETTING: &str = "MIMALLOC_ARENA_EAGER_COMMIT";

/// Executes this program again with the setting, unless it has one; the process keeps its id.
///
/// A system on which that fails runs the node as it is, with more memory.
#[expect(
    clippy::disallowed_methods,
    reason = "a setting of the allocator, which it reads itself"
)]
pub(crate) fn settle() {
    if env::var_os(SETTING).is_some() {
        return;
    }
    let Ok(program) = env::current_exe() else {
        return;
    };
    let mut arguments = env::args_os();
    let mut again = Command::new(program);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    let error = again.args(arguments).env(SETTING, "0").exec();
    tracing::debug!(%error, "the allocator keeps its own settings");
}
