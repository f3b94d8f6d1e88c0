use std::time::{Duration, Instant};

use super::*;

#[test]
fn only_what_a_worker_makes_is_removed_and_its_name_is_free_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let made = [
        "1-7-0-1-1",
        "1-7-0-1-2.output",
        "0123.script",
        "a.next",
        "5-1.removed",
    ];
    for name in made {
        fs::create_dir_all(at(name).join("inside")).unwrap();
    }
    for name in ["1-8-0-1-1.output", "1-8-0-1-1", "4567.script"] {
        fs::write(at(name), "").unwrap();
    }
    fs::create_dir(at("photos")).unwrap();
    fs::write(at("notes.txt"), "").unwrap();
    remove_files_of_earlier_incarnations(folder.path(), &FileRemover::default());
    for name in &made[..4] {
        assert!(!at(name).exists(), "{name}");
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    while fs::read_dir(folder.path()).unwrap().count() > 2 {
        assert!(
            Instant::now() < deadline,
            "{:?}",
            fs::read_dir(folder.path()).unwrap().collect::<Vec<_>>()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(at("photos").exists() && at("notes.txt").exists());
}

#[test]
fn a_link_in_the_place_of_a_working_directory_is_not_entered() {
    let folder = tempfile::tempdir().unwrap();
    let (workdir, elsewhere) = (folder.path().join("1-7-0-1-1"), folder.path().join("elsewhere"));
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("file"), "").unwrap();
    std::os::unix::fs::symlink(&elsewhere, &workdir).unwrap();
    create_empty_folder(&workdir, &FileRemover::default()).unwrap();
    assert!(fs::symlink_metadata(&workdir).unwrap().is_dir());
    assert!(elsewhere.join("file").exists());
}
