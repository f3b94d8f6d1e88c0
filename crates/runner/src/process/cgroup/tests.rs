use super::*;

#[test]
fn the_own_group_is_found_among_those_of_version_1() {
    let groups = "9:name=systemd:/x\n4:memory:/y\n0::/system.slice/porpoise.service\n";
    assert_eq!(find_own_path(groups), Some("system.slice/porpoise.service"));
    assert_eq!(find_own_path("4:memory:/y\n"), None);
}

#[test]
fn the_mount_point_is_that_of_version_2() {
    let mounts = "31 24 0:30 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu\n\
                  41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
    assert_eq!(
        find_mount_point(mounts),
        Some(PathBuf::from("/sys/fs/cgroup/unified"))
    );
    assert_eq!(find_mount_point("1 2 0:3 / / rw - ext4 /dev/vda rw\n"), None);
}

#[test]
fn kills_of_the_kernel_for_lack_of_memory_are_counted() {
    let events = "low 0\nhigh 0\nmax 812\noom 2\noom_kill 3\noom_group_kill 0\n";
    assert_eq!(parse_memory_kills(events), Some(3));
    assert_eq!(parse_memory_kills("low 0\n"), None);
}
