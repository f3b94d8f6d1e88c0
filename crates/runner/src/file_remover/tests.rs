use std::fs;
use std::os::unix::fs::symlink;

use super::*;

#[test]
fn what_cannot_be_removed_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "nothing below it can be removed").unwrap();
    symlink(at("file"), at("above")).unwrap();
    let (requests, received) = channel();
    requests.send(at("above/tree")).unwrap();
    let thread = thread::spawn(move || remove_until_closed(&received, Duration::from_millis(20)));
    thread::sleep(Duration::from_millis(100));
    assert!(!thread.is_finished(), "a failure does not end the thread");
    fs::create_dir_all(at("folder/tree/a")).unwrap();
    symlink(at("folder"), at("next")).unwrap();
    fs::rename(at("next"), at("above")).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while at("folder/tree").exists() {
        assert!(Instant::now() < deadline, "it should be removed");
        thread::sleep(Duration::from_millis(5));
    }
    drop(requests);
    thread.join().unwrap();
}

#[test]
fn a_name_is_free_at_once_and_what_had_it_is_gone_soon() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::create_dir_all(path.join("b/c")).unwrap();
    FileRemover::default().clear_name(&path).unwrap();
    assert!(!path.exists());
    let deadline = Instant::now() + Duration::from_secs(10);
    while fs::read_dir(folder.path()).unwrap().count() > 0 {
        assert!(Instant::now() < deadline, "it should be removed");
        thread::sleep(Duration::from_millis(5));
    }
}
