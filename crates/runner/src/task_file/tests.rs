use std::os::unix::fs::symlink;

use nix::unistd::mkfifo;

use super::*;

#[test]
fn a_link_a_fifo_a_socket_and_a_folder_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("secret"), "secret").unwrap();
    symlink(at("secret"), at("link")).unwrap();
    mkfifo(&at("fifo"), Mode::S_IRWXU).unwrap();
    std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    for name in ["link", "fifo", "socket", "folder"] {
        let error = open_regular(&at(name)).unwrap_err();
        assert!(is_replacement(&error), "{name}: {error}");
        let error = open_for_append(&at(name)).unwrap_err();
        assert!(is_replacement(&error), "{name}: {error}");
    }
    assert!(open_regular(&at("secret")).is_ok());
    let missing = open_regular(&at("missing")).unwrap_err();
    assert!(!is_replacement(&missing), "{missing}");
}

#[test]
fn a_folder_that_is_a_link_is_not_entered() {
    let root = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(elsewhere.path(), root.path().join("1")).unwrap();
    let error = TaskFolder::open(root.path(), OsStr::new("1")).err().unwrap();
    assert!(is_replacement(&error), "{error}");
    let folder = TaskFolder::create(root.path(), OsStr::new("2")).unwrap();
    symlink(elsewhere.path().join("new"), root.path().join("2/a.log")).unwrap();
    let error = folder.create_file(OsStr::new("a.log")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn a_file_that_was_created_again_under_the_same_name_is_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    std::fs::write(&path, "").unwrap();
    let before = FileIdentity::from_metadata(&std::fs::metadata(&path).unwrap());
    assert_eq!(
        before,
        FileIdentity::from_metadata(&std::fs::metadata(&path).unwrap())
    );
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "").unwrap();
    let after = FileIdentity::from_metadata(&std::fs::metadata(&path).unwrap());
    assert_ne!(before, after);
}
