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
