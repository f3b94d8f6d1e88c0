//! Processes whose parent has ended. The kernel makes them children of this process, so that the end of an attempt sees
//! at once whether it left any, whatever session, group and environment they have.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Mutex, MutexGuard, Once, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use nix::sys::prctl::set_child_subreaper;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getpgrp};

use super::proc_fs::ProcessStat;

/// Time for which an orphan that has ended keeps its entry in the table of processes.
const REAP_INTERVAL: Duration = Duration::from_secs(1);

/// The first processes of attempts, which their own futures wait for.
static LEADERS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// The first process of an attempt, while it is not waited for.
pub(super) struct LeaderGuard(i32);

impl LeaderGuard {
    /// Keeps a child of this process from being taken for an orphan.
    pub(super) fn new(pid: i32) -> Self {
        lock_leaders().insert(pid);
        Self(pid)
    }
}

impl Drop for LeaderGuard {
    fn drop(&mut self) {
        lock_leaders().remove(&self.0);
    }
}

/// Makes this process the parent of every orphan of its attempts, from now on.
pub(super) fn adopt_orphans() {
    static ADOPTING: Once = Once::new();
    ADOPTING.call_once(|| {
        if let Err(error) = set_child_subreaper(true) {
            tracing::warn!(%error, "orphans of attempts are found by their environment only");
        }
        let reaping = thread::Builder::new().name("orphan-reaper".to_owned()).spawn(|| {
            loop {
                thread::sleep(REAP_INTERVAL);
                live_orphans();
            }
        });
        if let Err(error) = reaping {
            tracing::warn!(%error, "orphans that have ended stay in the table of processes");
        }
    });
}

/// Returns the orphans that run, and waits for those that have ended; none when the kernel does not list children.
///
/// The kernel gives an orphan to the first thread of this process. Children that other threads start are theirs, and
/// those are known by name or by their process group.
pub(super) fn live_orphans() -> Option<Vec<ProcessStat>> {
    let children = fs::read_to_string(children_file()).ok()?;
    let mut orphans = Vec::new();
    for pid in children
        .split_ascii_whitespace()
        .filter_map(|pid| pid.parse().ok())
    {
        if lock_leaders().contains(&pid) {
            continue;
        }
        match ProcessStat::read(pid) {
            Some(stat) if stat.group == getpgrp().as_raw() => {}
            Some(stat) if stat.is_dead => {
                waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG)).ok();
            }
            Some(stat) => orphans.push(stat),
            None => {}
        }
    }
    Some(orphans)
}

fn children_file() -> &'static str {
    static FILE: OnceLock<String> = OnceLock::new();
    FILE.get_or_init(|| format!("/proc/self/task/{}/children", std::process::id()))
}

fn lock_leaders() -> MutexGuard<'static, BTreeSet<i32>> {
    LEADERS.lock().unwrap_or_else(PoisonError::into_inner)
}
