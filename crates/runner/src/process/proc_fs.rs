//! The kernel's table of processes, read from `/proc`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Most bytes that are read of an environment; the kernel starts no program with more.
const MAX_ENVIRON_BYTES: u64 = 8 << 20;

/// Returns the id of this boot of the machine; empty where the kernel has none.
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

/// Returns when a process was started, in ticks since boot.
pub(super) fn start_ticks(pid: i32) -> Option<u64> {
    ProcessStat::read(pid).map(|stat| stat.start_ticks)
}

/// The fields of `/proc/PID/stat` that are needed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProcessStat {
    pub(super) pid: i32,
    pub(super) is_dead: bool,
    pub(super) parent: i32,
    pub(super) group: i32,
    pub(super) session: i32,
    pub(super) start_ticks: u64,
}

impl ProcessStat {
    /// Reads the entry of a process; none when there is none.
    pub(super) fn read(pid: i32) -> Option<Self> {
        let bytes = fs::read(format!("/proc/{pid}/stat")).ok()?;
        Self::parse(pid, &String::from_utf8_lossy(&bytes))
    }

    /// The second field is the program's name in parentheses; the name may contain anything, also `)`.
    fn parse(pid: i32, text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<i32>().ok();
        Some(Self {
            pid,
            is_dead: matches!(*fields.first()?, "Z" | "X"),
            parent: number(1)?,
            group: number(2)?,
            session: number(3)?,
            start_ticks: fields.get(19)?.parse().ok()?,
        })
    }
}

/// Returns every live process but this one and init; a zombie counts as gone.
pub(super) fn all_processes() -> Vec<ProcessStat> {
    let own_pid = i32::try_from(std::process::id()).ok();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid > 1 && Some(*pid) != own_pid)
        .filter_map(ProcessStat::read)
        .filter(|stat| !stat.is_dead)
        .collect()
}

/// Returns the environment of a process; none for one that has ended or belongs to another user. A process can make it
/// as long as its memory.
pub(super) fn read_environ(pid: i32) -> Option<Vec<u8>> {
    let file = File::open(format!("/proc/{pid}/environ")).ok()?;
    let mut environ = Vec::new();
    file.take(MAX_ENVIRON_BYTES).read_to_end(&mut environ).ok()?;
    Some(environ)
}

/// Sends a signal; a process that has ended in the meantime needs none.
pub(super) fn send_signal(pids: &BTreeSet<i32>, signal: Signal) {
    for pid in pids {
        kill(Pid::from_raw(*pid), signal).ok();
    }
}

#[cfg(test)]
mod tests;
