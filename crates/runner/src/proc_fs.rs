//! What the kernel tells about processes, read from `/proc`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use actors::ports::Leftover;
use engine::ids::DispatchId;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::cgroup::Cgroup;

/// Returns the id of this boot of the machine; empty where the kernel tells none.
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

/// Returns when a process was started, in ticks since boot.
pub(super) fn start_ticks(pid: i32) -> Option<u64> {
    Stat::of(pid).map(|stat| stat.start_ticks)
}

/// What matters here of `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    pid: i32,
    dead: bool,
    parent: i32,
    group: i32,
    session: i32,
    start_ticks: u64,
}

impl Stat {
    fn of(pid: i32) -> Option<Self> {
        let bytes = fs::read(format!("/proc/{pid}/stat")).ok()?;
        Self::parse(pid, &String::from_utf8_lossy(&bytes))
    }

    /// The second field is the program's name in parentheses and may hold anything, also `)`.
    fn parse(pid: i32, text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |place: usize| fields.get(place)?.parse::<i32>().ok();
        Some(Self {
            pid,
            dead: matches!(*fields.first()?, "Z" | "X"),
            parent: number(1)?,
            group: number(2)?,
            session: number(3)?,
            start_ticks: fields.get(19)?.parse().ok()?,
        })
    }
}

/// All processes of one attempt, wherever they went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Family {
    markers: [Vec<u8>; 2],
    /// The leader of the group, and when it was started.
    leader: Option<(i32, Option<u64>)>,
    /// The leader may have been replaced by a stranger with its pid: believe its group only if it is the same.
    suspicious: bool,
    group: Option<Cgroup>,
}

impl Family {
    /// The processes of an attempt whose leader is a child of this process.
    pub(super) fn of_child(uid: &DispatchId, output: &Path, pid: i32) -> Self {
        Self {
            markers: markers(uid, output),
            leader: Some((pid, None)),
            suspicious: false,
            group: Cgroup::of(uid, output),
        }
    }

    /// The processes of an attempt of an earlier life.
    pub(super) fn of_leftover(left: &Leftover, boot: &str) -> Self {
        let same_boot = left.boot_id.as_deref() == Some(boot);
        let pid = left
            .pid
            .filter(|_| same_boot)
            .and_then(|pid| i32::try_from(pid).ok());
        Self {
            markers: markers(&left.uid, &left.output),
            leader: pid.map(|pid| (pid, left.start_ticks)),
            suspicious: true,
            group: Cgroup::of(&left.uid, &left.output),
        }
    }

    /// Returns the live processes: its process group, its session, its control group, what carries its marks,
    /// and their descendants.
    pub(super) fn members(&self) -> BTreeSet<i32> {
        let all = everybody();
        let grouped = self.group.as_ref().map(Cgroup::members).unwrap_or_default();
        let leader = self.trusted_leader(&all);
        let mut members: BTreeSet<i32> = all
            .iter()
            .filter(|stat| {
                leader.is_some_and(|leader| [stat.pid, stat.group, stat.session].contains(&leader))
                    || grouped.contains(&stat.pid)
                    || self.carries_markers(stat.pid)
            })
            .map(|stat| stat.pid)
            .collect();
        loop {
            let before = members.len();
            members.extend(
                all.iter()
                    .filter(|stat| members.contains(&stat.parent))
                    .map(|stat| stat.pid)
                    .collect::<Vec<_>>(),
            );
            if members.len() == before {
                return members;
            }
        }
    }

    /// Ends these members, and everything in the control group, without asking.
    pub(super) fn force(&self, members: &BTreeSet<i32>) {
        if let Some(group) = &self.group {
            group.kill();
        }
        signal(members, Signal::SIGKILL);
    }

    /// Tidies up once no member is left.
    pub(super) fn forget(&self) {
        if let Some(group) = &self.group {
            group.remove();
        }
    }

    fn trusted_leader(&self, all: &[Stat]) -> Option<i32> {
        let (pid, ticks) = self.leader?;
        let same = || {
            all.iter()
                .any(|stat| stat.pid == pid && Some(stat.start_ticks) == ticks)
        };
        (!self.suspicious || same()).then_some(pid)
    }

    fn carries_markers(&self, pid: i32) -> bool {
        fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environ| {
            let carries = |marker: &Vec<u8>| environ.split(|byte| *byte == 0).any(|entry| entry == marker);
            self.markers.iter().all(carries)
        })
    }
}

/// The uid names the attempt, the path of its output file the node: another node on this machine, with another
/// database, may have an attempt of the same uid.
fn markers(uid: &DispatchId, output: &Path) -> [Vec<u8>; 2] {
    let output = [b"PORPOISE_OUTPUT=", output.as_os_str().as_bytes()].concat();
    [format!("PORPOISE_ATTEMPT_UID={uid}").into_bytes(), output]
}

/// Every live process but this one and the first; zombies are gone already.
fn everybody() -> Vec<Stat> {
    let me = i32::try_from(std::process::id()).ok();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid > 1 && Some(*pid) != me)
        .filter_map(Stat::of)
        .filter(|stat| !stat.dead)
        .collect()
}

/// Sends a signal; a process that has gone meanwhile needs none.
pub(super) fn signal(pids: &BTreeSet<i32>, which: Signal) {
    for pid in pids {
        kill(Pid::from_raw(*pid), which).ok();
    }
}

#[cfg(test)]
mod tests;
