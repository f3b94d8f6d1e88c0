//! Files and folders that other users of the machine cannot read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Number of names for files that are not complete yet. After it they are used again, so that crashes leave no more.
const MAX_NEXT_FILES: u64 = 64;

/// Creates a folder and those above it; they are closed to other users.
///
/// # Errors
/// When a folder cannot be created.
pub fn create_private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Replaces a file as a whole: a reader sees the old content or the new one. A link in its place is replaced.
///
/// # Errors
/// When the new content cannot be written; the old file stays. `IsADirectory` for a folder in its place.
pub fn replace_private_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (next, _) = write_next_file(path, bytes)?;
    rename_or_remove(&next, path)
}

/// Replaces a file as a whole, and returns after the disk has it: also a machine that loses power keeps the old content
/// or the new one.
///
/// # Errors
/// Like [`replace_private_file`].
pub fn replace_private_file_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (next, file) = write_next_file(path, bytes)?;
    file.sync_data()?;
    rename_or_remove(&next, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

fn rename_or_remove(next: &Path, path: &Path) -> io::Result<()> {
    fs::rename(next, path).inspect_err(|_| {
        fs::remove_file(next).ok();
    })
}

/// Writes a new file beside the one that it will replace. Whatever has its name is removed and never opened: it may be
/// a link or a FIFO of a task.
fn write_next_file(path: &Path, bytes: &[u8]) -> io::Result<(PathBuf, File)> {
    // Two threads may replace the same file at a time.
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed) % MAX_NEXT_FILES;
    let next = path.with_extension(format!("{number}.next"));
    match fs::remove_file(&next) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&next)?;
    file.write_all(bytes).inspect_err(|_| {
        fs::remove_file(&next).ok();
    })?;
    Ok((next, file))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_link_is_replaced_and_not_followed_and_a_folder_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, other) = (folder.path().join("a.json"), folder.path().join("other"));
        fs::write(&other, "other").expect("it is written");
        symlink(&other, &path).expect("a link");
        for number in 0..MAX_NEXT_FILES {
            symlink(&other, path.with_extension(format!("{number}.next"))).expect("a link");
        }
        replace_private_file(&path, b"new").expect("it is written");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "new");
        assert_eq!(fs::read_to_string(&other).expect("it is there"), "other");
        fs::remove_file(&path).expect("it is removed");
        fs::create_dir(&path).expect("a folder");
        let error = replace_private_file(&path, b"new").expect_err("a folder is there");
        assert_eq!(error.kind(), ErrorKind::IsADirectory);
    }

    #[test]
    fn a_replaced_file_has_the_new_content_and_no_rights_for_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        replace_private_file(&path, b"old").expect("it is written");
        replace_private_file_durably(&path, b"new").expect("it is written");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "new");
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let files = fs::read_dir(folder.path()).expect("the folder is there").count();
        assert_eq!(files, 1, "no file is left over");
    }
}
