//! Files and folders that other users of the machine cannot read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Creates a folder and those above it; they are closed to other users.
///
/// # Errors
/// When a folder cannot be created.
pub fn create_private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Replaces a file as a whole: a reader sees the old content or the new one.
///
/// # Errors
/// When the new content cannot be written; the old file stays.
pub fn replace_private_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let next = path.with_extension("next");
    write_private_file(&next, bytes)?;
    fs::rename(&next, path)
}

/// Replaces a file as a whole, and returns after the disk has it: also a machine that loses power keeps the old content
/// or the new one.
///
/// # Errors
/// When the new content cannot be written.
pub fn replace_private_file_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let next = path.with_extension("next");
    write_private_file(&next, bytes)?.sync_data()?;
    fs::rename(&next, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

fn write_private_file(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    // A file of that name may be left over with other rights.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

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
