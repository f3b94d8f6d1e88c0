//! Opens files in folders where tasks can put anything: no link is followed, nothing waits, only regular files are read.

use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, open, openat, renameat};
use nix::sys::stat::{Mode, mkdirat};

/// The flags of every open: a link is refused, and neither a FIFO without a writer nor a terminal is waited for.
const HOSTILE: OFlag = OFlag::O_NOFOLLOW
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_NOCTTY)
    .union(OFlag::O_CLOEXEC);

/// The rights of a file that the worker makes.
const PRIVATE_FILE: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR);

/// The file itself, whatever its path names in the meantime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
    /// An inode number is used again after its file was removed; the time of creation differs. Not every file system
    /// has it.
    created: Option<SystemTime>,
}

impl FileIdentity {
    /// Returns the identity of the file with this metadata.
    pub(crate) fn from_metadata(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            created: metadata.created().ok(),
        }
    }
}

/// Opens a regular file for reading.
///
/// # Errors
/// `InvalidInput` for anything that is not a regular file; see also [`is_replacement`].
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(HOSTILE.bits())
        .open(path)?;
    require_regular(file)
}

/// Opens a regular file for appending, or creates it.
///
/// # Errors
/// Like [`open_regular`].
pub(crate) fn open_for_append(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(PRIVATE_FILE.bits())
        .custom_flags(HOSTILE.bits())
        .open(path)?;
    require_regular(file)
}

/// Whether an open failed because something else lies where a regular file was expected.
pub(crate) fn is_replacement(error: &io::Error) -> bool {
    let replaced = [
        Errno::ELOOP,
        Errno::ENOTDIR,
        Errno::EISDIR,
        Errno::ENXIO,
        Errno::EACCES,
    ];
    error.kind() == ErrorKind::InvalidInput
        || error
            .raw_os_error()
            .is_some_and(|code| replaced.contains(&Errno::from_raw(code)))
}

fn require_regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(
        ErrorKind::InvalidInput,
        "it is not a regular file",
    ))
}

/// Returns the identity of a folder that is empty and has the rights of a new working directory; none for anything else.
pub(crate) fn identify_empty_folder(path: &Path) -> Option<FileIdentity> {
    let flags = HOSTILE | OFlag::O_RDONLY | OFlag::O_DIRECTORY;
    let folder = File::from(open(path, flags, Mode::empty()).ok()?);
    let metadata = folder.metadata().ok()?;
    let is_private = metadata.mode() & 0o7777 == Mode::S_IRWXU.bits();
    let mut entries = Dir::from_fd(folder.into()).ok()?;
    let is_empty = entries
        .iter()
        .all(|entry| entry.is_ok_and(|entry| matches!(entry.file_name().to_bytes(), b"." | b"..")));
    (is_private && is_empty).then(|| FileIdentity::from_metadata(&metadata))
}

/// A folder inside a folder of the node, opened without following a link; its files are reached through it.
pub(crate) struct TaskFolder(OwnedFd);

impl TaskFolder {
    /// Opens the folder `name` in `root`. The path of `root` is the operator's and may have links.
    pub(crate) fn open(root: &Path, name: &OsStr) -> io::Result<Self> {
        Ok(Self(openat(
            open_root(root)?,
            name,
            folder_flags(),
            Mode::empty(),
        )?))
    }

    /// Creates the folder `name` in `root` unless it exists, and opens it.
    pub(crate) fn create(root: &Path, name: &OsStr) -> io::Result<Self> {
        let root = open_root(root)?;
        match mkdirat(&root, name, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => Ok(Self(openat(root, name, folder_flags(), Mode::empty())?)),
            Err(error) => Err(error.into()),
        }
    }

    /// Creates a file for reading and appending.
    ///
    /// # Errors
    /// `AlreadyExists` for whatever has this name.
    pub(crate) fn create_file(&self, name: &OsStr) -> io::Result<File> {
        let flags = HOSTILE | OFlag::O_RDWR | OFlag::O_APPEND | OFlag::O_CREAT | OFlag::O_EXCL;
        Ok(openat(&self.0, name, flags, PRIVATE_FILE)?.into())
    }

    /// Gives an existing file the name `name` and opens it for reading and appending; a file or link of that name is
    /// replaced.
    ///
    /// # Errors
    /// When a folder has this name, and when what has it now is not a regular file.
    pub(crate) fn adopt_file(&self, file: &Path, name: &OsStr) -> io::Result<File> {
        renameat(AT_FDCWD, file, &self.0, name)?;
        let flags = HOSTILE | OFlag::O_RDWR | OFlag::O_APPEND;
        require_regular(openat(&self.0, name, flags, Mode::empty())?.into())
    }

    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// Like [`open_regular`].
    pub(crate) fn open_file(&self, name: &OsStr) -> io::Result<File> {
        require_regular(openat(&self.0, name, HOSTILE | OFlag::O_RDONLY, Mode::empty())?.into())
    }
}

fn open_root(root: &Path) -> io::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Ok(open(root, flags, Mode::empty())?)
}

fn folder_flags() -> OFlag {
    OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC
}

#[cfg(test)]
mod tests;
