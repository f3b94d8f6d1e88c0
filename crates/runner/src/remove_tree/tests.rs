use std::os::unix::fs::symlink;

use super::*;

#[test]
fn a_file_a_link_an_empty_folder_and_nothing_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "").unwrap();
    fs::create_dir(at("kept")).unwrap();
    fs::write(at("kept/file"), "").unwrap();
    symlink(at("kept"), at("link")).unwrap();
    fs::create_dir(at("empty")).unwrap();
    for name in ["file", "link", "empty", "missing"] {
        remove_tree(&at(name)).unwrap();
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(at("kept/file").exists(), "a link is not followed");
}

#[test]
fn folders_without_rights_and_links_inside_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    let kept = folder.path().join("kept");
    fs::create_dir_all(tree.join("a/b")).unwrap();
    fs::create_dir(&kept).unwrap();
    fs::write(kept.join("file"), "").unwrap();
    fs::write(tree.join("a/b/file"), "").unwrap();
    symlink(&kept, tree.join("a/link")).unwrap();
    fs::set_permissions(tree.join("a/b"), Permissions::from_mode(0o0)).unwrap();
    fs::set_permissions(tree.join("a"), Permissions::from_mode(0o500)).unwrap();
    remove_tree(&tree).unwrap();
    assert!(kept.join("file").exists());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_tree_that_is_deeper_than_a_path_can_name_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    fs::create_dir(&tree).unwrap();
    let mut deepest = open_folder(&tree).unwrap();
    for _ in 0..3000 {
        let next = path_of(&deepest).join("next");
        fs::create_dir(&next).unwrap();
        deepest = open_folder(&next).unwrap();
    }
    drop(deepest);
    remove_tree(&tree).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_is_moved_aside_keeps_its_content_under_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::create_dir(&path).unwrap();
    let aside = move_aside(&path).unwrap();
    assert!(!path.exists() && aside.exists());
    assert_eq!(aside.extension().unwrap(), REMOVED_EXTENSION);
}
