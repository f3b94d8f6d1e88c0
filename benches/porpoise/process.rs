//! What processes used: CPU time and memory, read from `/proc`.

use std::collections::HashMap;
use std::fs;

use nix::unistd::{SysconfVar, sysconf};

/// A process and its living descendants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tree {
    root: u32,
}

struct Line {
    parent: u32,
    /// Own time and that of children which have ended, in clock ticks.
    ticks: u64,
}

impl Tree {
    /// The tree below a process.
    pub(crate) fn new(root: u32) -> Self {
        Self { root }
    }

    /// CPU time of all its processes, also of those that have ended, in milliseconds.
    pub(crate) fn cpu_ms(self) -> f64 {
        let lines = lines();
        let ticks: u64 = self.members(&lines).iter().map(|pid| lines[pid].ticks).sum();
        ticks as f64 * ms_per_tick()
    }

    /// Proportional share of memory of its processes, in KiB.
    pub(crate) fn pss_kib(self) -> f64 {
        let lines = lines();
        self.members(&lines)
            .into_iter()
            .map(|pid| pss_of(pid) as f64)
            .sum()
    }

    /// The processes that run now.
    pub(crate) fn pids(self) -> Vec<u32> {
        self.members(&lines())
    }

    fn members(self, lines: &HashMap<u32, Line>) -> Vec<u32> {
        let parent = |pid: &u32| lines.get(pid).map(|line| line.parent).filter(|pid| *pid > 1);
        let belongs = |pid: u32| std::iter::successors(Some(pid), parent).any(|pid| pid == self.root);
        lines.keys().copied().filter(|pid| belongs(*pid)).collect()
    }
}

/// CPU time that the machine spent on anything, in milliseconds.
pub(crate) fn busy_ms() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields: Vec<u64> = text
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    // user, nice, system, irq, softirq: all but idle, waiting for disks, and what other guests took.
    let ticks: u64 = [0, 1, 2, 5, 6].iter().filter_map(|at| fields.get(*at)).sum();
    ticks as f64 * ms_per_tick()
}

fn lines() -> HashMap<u32, Line> {
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = folders.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| Some((pid, line_of(pid)?))).collect()
}

fn line_of(pid: u32) -> Option<Line> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces; the fields after it do not.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    Some(Line {
        parent: u32::try_from(number(1)?).ok()?,
        ticks: number(11)? + number(12)? + number(13)? + number(14)?,
    })
}

fn pss_of(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

fn ms_per_tick() -> f64 {
    let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
    1000.0 / per_second as f64
}

/// The load average of the last minute: how many processes ran or waited to run.
pub(crate) fn load_average() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_ascii_whitespace().next()?.parse().ok()
}
