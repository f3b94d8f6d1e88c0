//! The processes that an attempt leaves behind at its end.

use std::time::Duration;

use ports::KILL_GRACE;

use super::orphans::live_orphans;
use super::terminate::terminate_tree;
use super::tree::ProcessTree;

/// Longest time for which the end of an attempt waits for what it left: a process that the kernel cannot end, because a
/// disk hangs, must not hold the slot.
const LEFTOVER_TIMEOUT: Duration = Duration::from_secs(15);

/// What an attempt left behind at its end.
pub(super) enum Leftovers {
    /// This process has no orphans at all, so nothing of the attempt runs.
    None,
    /// No process is known to be of the attempt.
    Unknown,
    /// Processes; the sentence for its log says what became of them.
    Found(String),
}

/// Ends every process that the attempt left behind, like a kill does.
pub(super) async fn end_leftovers(tree: ProcessTree) -> Leftovers {
    // Usually this process has no orphans at all, and then nothing else is read.
    let orphans = live_orphans();
    if orphans.as_ref().is_some_and(Vec::is_empty) {
        return Leftovers::None;
    }
    let searched = tree.clone();
    let left = tokio::task::spawn_blocking(move || match orphans {
        Some(orphans) => orphans.iter().any(|orphan| searched.is_member(orphan)),
        None => !searched.members().is_empty(),
    });
    if !matches!(tokio::time::timeout(LEFTOVER_TIMEOUT, left).await, Ok(Ok(true))) {
        return Leftovers::Unknown;
    }
    let sentence = match tokio::time::timeout(LEFTOVER_TIMEOUT, terminate_tree(tree, KILL_GRACE)).await {
        Ok(0) => return Leftovers::Unknown,
        Ok(1) => "1 process that the task left behind was ended".to_owned(),
        Ok(count) => format!("{count} processes that the task left behind were ended"),
        Err(_) => "processes that the task left behind cannot be ended".to_owned(),
    };
    Leftovers::Found(sentence)
}
