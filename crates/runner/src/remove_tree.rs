//! Removes what a task left, whatever its depth and its rights.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::fcntl::OFlag;

/// The end of the name of what was moved aside to be removed.
pub(crate) const REMOVED_EXTENSION: &str = "removed";

/// Removes a file, a link or a folder with everything in it; follows no link. What does not exist is removed.
///
/// Folders are moved beside `path` before they are emptied, so that the depth of a tree costs neither stack nor
/// descriptors, and get the rights that this needs: some tools leave folders without the right to write.
///
/// # Errors
/// When something stays, for example because of a mount inside it.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    if is_removed_at_once(path)? {
        return Ok(());
    }
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        empty_folder(&folder, &mut folders)?;
        fs::remove_dir(&folder)?;
    }
    Ok(())
}

/// Moves whatever has this path to a new name in the same folder, and returns that.
///
/// # Errors
/// When it cannot be moved.
pub(crate) fn move_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = unused_name(path.parent().unwrap_or(Path::new(".")), REMOVED_EXTENSION);
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// The usual case costs one system call: a file, or an empty folder.
fn is_removed_at_once(path: &Path) -> io::Result<bool> {
    match fs::remove_dir(path) {
        Ok(()) => return Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {}
        Err(_) => return Ok(false),
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(true),
    }
}

/// Removes the files of a folder and moves its folders beside it. Paths through the descriptor name the folder that
/// was opened, even when a task replaces it by a link meanwhile.
fn empty_folder(folder: &Path, moved: &mut Vec<PathBuf>) -> io::Result<()> {
    let opened = open_folder(folder)?;
    let inside = path_of(&opened);
    for entry in fs::read_dir(&inside)? {
        let entry = entry?;
        let path = inside.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            let aside = unused_name(folder.parent().unwrap_or(Path::new(".")), REMOVED_EXTENSION);
            match fs::rename(&path, &aside) {
                Ok(()) => moved.push(aside),
                // The rights of the folder itself do not allow that it gets another parent.
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    drop(open_folder(&path)?);
                    fs::rename(&path, &aside)?;
                    moved.push(aside);
                }
                Err(error) => return Err(error),
            }
        } else {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Opens a folder without following a link, with every right for its owner.
fn open_folder(folder: &Path) -> io::Result<File> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(folder)?;
    fs::set_permissions(path_of(&opened), Permissions::from_mode(0o700))?;
    Ok(opened)
}

fn path_of(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Returns a name in `folder` that no incarnation has used; the time distinguishes those of two incarnations.
pub(crate) fn unused_name(folder: &Path, extension: &str) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    folder.join(format!("{}-{number}.{extension}", time.as_nanos()))
}

#[cfg(test)]
mod tests;
