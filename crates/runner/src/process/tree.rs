//! All processes of one attempt, whatever parent, session or group they moved to.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use engine::ids::DispatchId;
use nix::sys::signal::Signal;
use ports::Leftover;

use super::cgroup::Cgroup;
use super::proc_fs::{ProcessStat, all_processes, read_environ, send_signal};

/// The processes of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProcessTree {
    markers: [Vec<u8>; 2],
    leader: Option<Leader>,
    cgroup: Option<Cgroup>,
}

/// The first process of an attempt, which leads a process group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leader {
    /// A child of this process: its pid cannot be reused before this process has waited for it.
    Child(i32),
    /// A process of an earlier incarnation. Its pid may have been reused, so its start time is verified.
    Earlier { pid: i32, start_ticks: u64 },
    /// A child that this process has waited for. Its number is not used again while a process is in its group or its
    /// session.
    Ended(i32),
}

impl ProcessTree {
    /// Returns the processes of an attempt whose leader is a child of this process.
    pub(super) fn from_child(uid: &DispatchId, output: &Path, pid: i32) -> Self {
        Self {
            markers: environment_markers(uid, output),
            leader: Some(Leader::Child(pid)),
            cgroup: Cgroup::for_attempt(uid, output),
        }
    }

    /// Returns the processes of an attempt whose leader was a child of this process and has ended.
    pub(super) fn from_ended_child(uid: &DispatchId, output: &Path, pid: i32) -> Self {
        Self {
            leader: Some(Leader::Ended(pid)),
            ..Self::from_child(uid, output, pid)
        }
    }

    /// Returns the processes of an attempt of an earlier incarnation.
    pub(super) fn from_leftover(left: &Leftover, boot_id: &str) -> Self {
        let is_same_boot = left.boot_id.as_deref() == Some(boot_id);
        let pid = left
            .pid
            .filter(|_| is_same_boot)
            .and_then(|pid| i32::try_from(pid).ok());
        Self {
            markers: environment_markers(&left.uid, &left.output),
            leader: pid
                .zip(left.start_ticks)
                .map(|(pid, start_ticks)| Leader::Earlier { pid, start_ticks }),
            cgroup: Cgroup::for_attempt(&left.uid, &left.output),
        }
    }

    /// Returns the live processes: the leader's process group and session, the control group, every process with the
    /// attempt's environment markers, and the descendants of all these.
    pub(super) fn members(&self) -> BTreeSet<i32> {
        let all = all_processes();
        let in_cgroup = self.cgroup.as_ref().map(Cgroup::members).unwrap_or_default();
        let leader = self.verified_leader(&all);
        let mut members: BTreeSet<i32> = all
            .iter()
            .filter(|stat| {
                leader.is_some_and(|leader| [stat.pid, stat.group, stat.session].contains(&leader))
                    || in_cgroup.contains(&stat.pid)
                    || self.has_markers(stat.pid)
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

    /// Whether a process that runs now is one of the attempt by itself, whatever its parent is.
    pub(super) fn is_member(&self, stat: &ProcessStat) -> bool {
        let leader = match self.leader {
            Some(Leader::Child(pid) | Leader::Ended(pid)) => Some(pid),
            Some(Leader::Earlier { .. }) | None => None,
        };
        let in_cgroup = || {
            self.cgroup
                .as_ref()
                .is_some_and(|cgroup| cgroup.members().contains(&stat.pid))
        };
        leader.is_some_and(|leader| [stat.group, stat.session].contains(&leader))
            || self.has_markers(stat.pid)
            || in_cgroup()
    }

    /// Sends SIGKILL to these members and to everything in the control group.
    pub(super) fn kill_members(&self, members: &BTreeSet<i32>) {
        if let Some(cgroup) = &self.cgroup {
            cgroup.kill();
        }
        send_signal(members, Signal::SIGKILL);
    }

    /// Removes the control group once no member is left.
    pub(super) fn remove_cgroup(&self) {
        if let Some(cgroup) = &self.cgroup {
            cgroup.remove();
        }
    }

    fn verified_leader(&self, all: &[ProcessStat]) -> Option<i32> {
        match self.leader? {
            Leader::Child(pid) => Some(pid),
            Leader::Ended(pid) => (!all.iter().any(|stat| stat.pid == pid)).then_some(pid),
            Leader::Earlier { pid, start_ticks } => all
                .iter()
                .any(|stat| stat.pid == pid && stat.start_ticks == start_ticks)
                .then_some(pid),
        }
    }

    fn has_markers(&self, pid: i32) -> bool {
        read_environ(pid).is_some_and(|environ| {
            let contains = |marker: &Vec<u8>| environ.split(|byte| *byte == 0).any(|entry| entry == marker);
            self.markers.iter().all(contains)
        })
    }
}

/// The uid identifies the attempt, the path of its output file the node: another node on this machine, with another
/// database, may have an attempt of the same uid.
fn environment_markers(uid: &DispatchId, output: &Path) -> [Vec<u8>; 2] {
    let output = [b"PORPOISE_OUTPUT=", output.as_os_str().as_bytes()].concat();
    [format!("PORPOISE_ATTEMPT_UID={uid}").into_bytes(), output]
}
