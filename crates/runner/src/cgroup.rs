//! The control group of an attempt, where the kernel and our rights give one (cgroup v2, delegated to us).
//!
//! A process cannot leave its group by `setsid` or by a new environment, and the kernel ends a whole group at
//! once. A process is put in after it was started, by its pid: no hook runs between fork and exec, because with
//! one the standard library would fork instead of spawning. To be put in costs some milliseconds, so that short
//! attempts do without.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use engine::ids::DispatchId;
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use sha2::{Digest, Sha256};

/// The group of one attempt; it need not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cgroup {
    folder: PathBuf,
}

impl Cgroup {
    /// Names the group of an attempt; none where we may make no groups.
    ///
    /// The name is the same in every life of a node, so that the next one finds what the last one left. The
    /// folder of the output file tells nodes on one machine apart.
    pub(super) fn of(uid: &DispatchId, output: &Path) -> Option<Self> {
        static OURS: OnceLock<Option<PathBuf>> = OnceLock::new();
        let ours = OURS.get_or_init(delegated).as_ref()?;
        let folder = output.parent().unwrap_or(output);
        let node = Sha256::digest(folder.as_os_str().as_bytes());
        let node: String = node[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Self {
            folder: ours.join(format!("porpoise-{node}")).join(uid.to_string()),
        })
    }

    /// Makes the group and puts a process of ours with all its descendants in. The process must not have been
    /// waited for yet: its pid could be another's.
    pub(super) fn take_in(&self, pid: i32) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        // What a process forks after it was put in is born inside, what it forked before is listed now.
        let mut found = vec![pid];
        while let Some(pid) = found.pop() {
            match self.tell("cgroup.procs", &pid.to_string()) {
                // A child may have ended meanwhile.
                Err(error) if error.raw_os_error() != Some(Errno::ESRCH as i32) => return Err(error),
                Ok(()) | Err(_) => found.extend(children(pid)),
            }
        }
        Ok(())
    }

    /// Lists the processes in the group.
    pub(super) fn members(&self) -> Vec<i32> {
        pids(&self.folder.join("cgroup.procs"))
    }

    /// Ends everything in the group at once, also what is being forked right now.
    pub(super) fn kill(&self) {
        match self.tell("cgroup.kill", "1") {
            // There may be no group, and an old kernel has no such file: the signals go out one by one.
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::warn!(%error, group = %self.folder.display(), "a group of processes cannot be ended");
            }
            Ok(()) | Err(_) => {}
        }
    }

    /// Removes the group. One that still has a process, which outlives a normal end on purpose, stays.
    pub(super) fn remove(&self) {
        fs::remove_dir(&self.folder).ok();
    }

    fn tell(&self, file: &str, what: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(self.folder.join(file))?;
        file.write_all(what.as_bytes())
    }
}

/// The group of this process, when we may make groups below it and move processes there.
fn delegated() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let ours = mount_point(&mounts)?.join(own_path(&groups)?);
    let writable = |path: &Path| access(path, AccessFlags::W_OK).is_ok();
    (writable(&ours) && writable(&ours.join("cgroup.procs"))).then_some(ours)
}

/// Where the one hierarchy of cgroup v2 is mounted.
fn mount_point(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        kind.starts_with("cgroup2 ")
            .then(|| place.split(' ').nth(4))?
            .map(PathBuf::from)
    })
}

/// The path of our group below the mount point.
fn own_path(groups: &str) -> Option<&str> {
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(path.trim_start_matches('/'))
}

/// The children of every thread of a process.
fn children(pid: i32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    threads
        .into_iter()
        .flatten()
        .flatten()
        .flat_map(|thread| pids(&thread.path().join("children")))
        .collect()
}

fn pids(file: &Path) -> Vec<i32> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.split_ascii_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests;
