use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
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
        "5-2.spare",
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
    for name in &made[..5] {
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

/// A spare folder in the folder of all working directories, and the pool that has it.
fn spare_folder(work: &Path) -> (PathBuf, SpareFiles) {
    let (first, spare) = (work.join("1-7-0-1-1"), SpareFiles::default());
    create_empty_folder(&first, &FileRemover::default()).unwrap();
    assert!(spare.put(&first, identify_empty_folder(&first).unwrap(), work));
    assert!(!first.exists(), "its name is free");
    let mut entries = fs::read_dir(work).unwrap();
    (entries.next().unwrap().unwrap().path(), spare)
}

#[test]
fn an_empty_working_directory_becomes_that_of_the_next_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let (kept, spare) = spare_folder(folder.path());
    let identity = identify_empty_folder(&kept);
    let next = folder.path().join("1-8-0-1-1");
    assert!(take_spare_folder(&next, &spare));
    assert_eq!(identify_empty_folder(&next), identity);
    assert!(!kept.exists());
    assert!(
        !take_spare_folder(&folder.path().join("1-9-0-1-1"), &spare),
        "it is taken once"
    );
}

/// What a task does to the spare folder (the first path); the second one is a folder elsewhere.
type SpareChange = fn(&Path, &Path);

#[test]
fn a_spare_folder_that_a_task_changed_is_not_used() {
    let changes: [(&str, SpareChange); 5] = [
        ("filled", |kept, _| fs::write(kept.join("file"), "").unwrap()),
        ("opened to others", |kept, _| {
            fs::set_permissions(kept, Permissions::from_mode(0o777)).unwrap();
        }),
        ("replaced by a link", |kept, elsewhere| {
            fs::remove_dir(kept).unwrap();
            std::os::unix::fs::symlink(elsewhere, kept).unwrap();
        }),
        ("replaced by another one", |kept, _| {
            fs::rename(kept, kept.with_extension("aside")).unwrap();
            fs::create_dir(kept).unwrap();
            fs::set_permissions(kept, Permissions::from_mode(0o700)).unwrap();
        }),
        ("removed", |kept, _| fs::remove_dir(kept).unwrap()),
    ];
    for (what, change) in changes {
        let folder = tempfile::tempdir().unwrap();
        let (work, elsewhere) = (folder.path().join("work"), folder.path().join("elsewhere"));
        fs::create_dir_all(&work).unwrap();
        fs::create_dir(&elsewhere).unwrap();
        let (kept, spare) = spare_folder(&work);
        change(&kept, &elsewhere);
        let next = work.join("1-8-0-1-1");
        assert!(!take_spare_folder(&next, &spare), "{what}");
        create_empty_folder(&next, &FileRemover::default()).unwrap();
        assert!(identify_empty_folder(&next).is_some(), "{what}");
        assert!(elsewhere.exists(), "{what}");
    }
}

#[test]
fn only_an_empty_private_folder_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["filled", "open"] {
        create_empty_folder(&at(name), &FileRemover::default()).unwrap();
    }
    fs::write(at("filled").join("file"), "").unwrap();
    fs::set_permissions(at("open"), Permissions::from_mode(0o755)).unwrap();
    fs::write(at("file"), "").unwrap();
    std::os::unix::fs::symlink(folder.path(), at("link")).unwrap();
    for name in ["filled", "open", "file", "link", "missing"] {
        assert_eq!(identify_empty_folder(&at(name)), None, "{name}");
    }
}
