//! The control group of an attempt, on machines where cgroup v2 is delegated to this process.
//!
//! A process cannot leave its group by `setsid` or by a new environment, and the kernel kills a whole group at once. A
//! process is added by its pid after it was started: a hook between fork and exec would make the standard library fork
//! instead of spawning. Adding a process costs some milliseconds, so short attempts get no group.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use engine::ids::DispatchId;
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use sha2::{Digest, Sha256};

/// The control group of one attempt; it need not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cgroup {
    folder: PathBuf,
}

impl Cgroup {
    /// Returns the group of an attempt; none where this process may not create groups.
    ///
    /// Its name is the same in every incarnation of a node, so that the next one finds what the last one left. The
    /// folder of the output file distinguishes the nodes on one machine.
    pub(super) fn for_attempt(uid: &DispatchId, output: &Path) -> Option<Self> {
        static DELEGATED: OnceLock<Option<PathBuf>> = OnceLock::new();
        let delegated = DELEGATED.get_or_init(find_delegated_group).as_ref()?;
        let folder = output.parent().unwrap_or(output);
        let node = Sha256::digest(folder.as_os_str().as_bytes());
        let node = hex::encode(&node[..6]);
        Some(Self {
            folder: delegated.join(format!("porpoise-{node}")).join(uid.to_string()),
        })
    }

    /// Creates the group, and adds a child of this process with all its descendants. The child must not have been
    /// waited for yet: its pid could be reused.
    pub(super) fn add_process_tree(&self, pid: i32) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        // What a process forks after it was added starts inside the group, what it forked before is listed here.
        let mut found = vec![pid];
        while let Some(pid) = found.pop() {
            match self.write_control_file("cgroup.procs", &pid.to_string()) {
                // A child may have ended in the meantime.
                Err(error) if error.raw_os_error() != Some(Errno::ESRCH as i32) => return Err(error),
                Ok(()) | Err(_) => found.extend(list_children(pid)),
            }
        }
        Ok(())
    }

    /// Returns how many processes of the group the kernel has killed because memory ran out; none where memory is not
    /// counted.
    pub(super) fn memory_kills(&self) -> Option<u64> {
        read_memory_kills(&self.folder)
    }

    /// Lists the processes in the group.
    pub(super) fn members(&self) -> Vec<i32> {
        read_pids(&self.folder.join("cgroup.procs"))
    }

    /// Kills every process of the group at once, also those that are being forked.
    pub(super) fn kill(&self) {
        match self.write_control_file("cgroup.kill", "1") {
            // There may be no group, and an old kernel has no such file: the caller sends signals one by one.
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::warn!(%error, group = %self.folder.display(), "a control group cannot be killed");
            }
            Ok(()) | Err(_) => {}
        }
    }

    /// Removes the group. One with a process that outlives a normal end on purpose stays.
    pub(super) fn remove(&self) {
        fs::remove_dir(&self.folder).ok();
    }

    fn write_control_file(&self, file: &str, value: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(self.folder.join(file))?;
        file.write_all(value.as_bytes())
    }
}

/// Returns how many processes of this process's own group and the groups below it the kernel has killed because memory
/// ran out; none where memory is not counted.
pub(super) fn own_memory_kills() -> Option<u64> {
    static OWN_GROUP: OnceLock<Option<PathBuf>> = OnceLock::new();
    read_memory_kills(OWN_GROUP.get_or_init(find_own_group).as_ref()?)
}

fn read_memory_kills(group: &Path) -> Option<u64> {
    parse_memory_kills(&fs::read_to_string(group.join("memory.events")).ok()?)
}

fn parse_memory_kills(events: &str) -> Option<u64> {
    let count = events.lines().find_map(|line| line.strip_prefix("oom_kill "))?;
    count.trim().parse().ok()
}

fn find_own_group() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    Some(find_mount_point(&mounts)?.join(find_own_path(&groups)?))
}

/// Returns the group of this process, when groups can be created below it and processes be moved there.
fn find_delegated_group() -> Option<PathBuf> {
    let own_group = find_own_group()?;
    let writable = |path: &Path| access(path, AccessFlags::W_OK).is_ok();
    (writable(&own_group) && writable(&own_group.join("cgroup.procs"))).then_some(own_group)
}

/// Finds where the one hierarchy of cgroup v2 is mounted.
fn find_mount_point(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        kind.starts_with("cgroup2 ")
            .then(|| mount.split(' ').nth(4))?
            .map(PathBuf::from)
    })
}

/// Finds the path of this process's group below the mount point.
fn find_own_path(groups: &str) -> Option<&str> {
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(path.trim_start_matches('/'))
}

/// Lists the children of every thread of a process.
fn list_children(pid: i32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    threads
        .into_iter()
        .flatten()
        .flatten()
        .flat_map(|thread| read_pids(&thread.path().join("children")))
        .collect()
}

fn read_pids(file: &Path) -> Vec<i32> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.split_ascii_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests;
