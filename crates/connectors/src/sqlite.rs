//! Opens SQLite files in the folders that the operator allows.

use std::ffi::OsStr;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Component, Path, PathBuf};

use engine::connection::sqlite::SqliteFields;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{Mode, SFlag, fstatat};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

/// The folders below which connections may name files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SqliteFolders(Vec<PathBuf>);

/// A file below an allowed folder. No link was followed on the way, and none can be put there: the folder is held open.
#[derive(Debug)]
pub(crate) struct SqliteFile {
    /// Keeps the number in `path` valid.
    _folder: OwnedFd,
    path: PathBuf,
}

impl SqliteFolders {
    /// Takes the folders of the configuration.
    pub fn new(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        Self(folders.into_iter().collect())
    }

    /// Finds a file; the error is a sentence for the user.
    fn find_file(&self, path: &Path) -> Result<SqliteFile, String> {
        if path.is_relative() {
            return Err(format!(
                "{} lies in the folder of an attempt, which exists only while a task runs",
                path.display()
            ));
        }
        let Some((folder, inside)) = self.split_path(path) else {
            return Err(format!(
                "{} is not below `worker.sqlite_dirs` of this worker",
                path.display()
            ));
        };
        open_below(folder, &inside).map_err(|error| match error {
            Errno::ELOOP | Errno::ENOTDIR => {
                format!("{} leads over a link, which is refused", path.display())
            }
            Errno::ENOENT => format!("there is no file {} on this worker", path.display()),
            error => format!("{} cannot be opened: {}", path.display(), error.desc()),
        })
    }

    /// Splits a path into an allowed folder and the names below it.
    fn split_path<'p>(&self, path: &'p Path) -> Option<(&Path, Vec<&'p OsStr>)> {
        let (folder, rest) = self
            .0
            .iter()
            .find_map(|folder| Some((folder.as_path(), path.strip_prefix(folder).ok()?)))?;
        let names: Option<Vec<&OsStr>> = rest
            .components()
            .map(|component| match component {
                Component::Normal(name) => Some(name),
                Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => None,
            })
            .collect();
        names
            .filter(|names| !names.is_empty())
            .map(|names| (folder, names))
    }
}

/// Walks down from a folder of the operator, who may have linked that one.
fn open_below(folder: &Path, names: &[&OsStr]) -> Result<SqliteFile, Errno> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut at = open(folder, flags, Mode::empty())?;
    let (file, folders) = names.split_last().ok_or(Errno::ENOENT)?;
    for name in folders {
        at = openat(&at, *name, flags | OFlag::O_NOFOLLOW, Mode::empty())?;
    }
    let status = fstatat(&at, *file, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    if SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT != SFlag::S_IFREG {
        return Err(Errno::ELOOP);
    }
    let path = Path::new("/proc/self/fd")
        .join(at.as_raw_fd().to_string())
        .join(file);
    Ok(SqliteFile { _folder: at, path })
}

/// Opens the file and reads from it; returns what was found, or what failed.
pub(crate) async fn open_database(folders: &SqliteFolders, fields: &SqliteFields) -> Result<String, String> {
    let file = folders.find_file(Path::new(&fields.path))?;
    let options = SqliteConnectOptions::new()
        .filename(&file.path)
        .create_if_missing(false);
    let failed = |error: sqlx::Error| match &error {
        sqlx::Error::Database(refusal) => format!("{}: {}", fields.path, refusal.message()),
        other => format!("{} cannot be opened: {other}", fields.path),
    };
    let mut connection = options.connect().await.map_err(failed)?;
    let tables = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM sqlite_schema WHERE type = 'table'");
    let tables = tables.fetch_one(&mut connection).await.map_err(failed)?;
    connection.close().await.ok();
    Ok(format!("{} has {tables} tables", fields.path))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_files_below_an_allowed_folder_are_found_and_no_link_is_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let allowed = folder.path().join("allowed");
        fs::create_dir_all(allowed.join("deep")).expect("folders");
        for file in ["allowed/a.db", "allowed/deep/b.db", "outside.db"] {
            fs::write(folder.path().join(file), "").expect("a file");
        }
        symlink(folder.path().join("outside.db"), allowed.join("link.db")).expect("a link");
        symlink(folder.path(), allowed.join("up")).expect("a link");
        let folders = SqliteFolders::new([allowed.clone()]);
        let find = |path: &str| folders.find_file(&allowed.join(path));
        for found in ["a.db", "deep/b.db"] {
            assert!(find(found).is_ok(), "{found}");
        }
        for (refused, why) in [
            ("link.db", "a link"),
            ("up/outside.db", "a link"),
            ("../outside.db", "not below"),
            ("missing.db", "no file"),
            ("deep", "a link"),
            ("", "not below"),
        ] {
            let error = find(refused).expect_err(refused);
            assert!(error.contains(why), "{refused}: {error}");
        }
        let error = folders.find_file(Path::new("a.db")).expect_err("relative");
        assert!(error.contains("folder of an attempt"), "{error}");
        let none = SqliteFolders::default().find_file(&allowed.join("a.db"));
        assert!(
            none.expect_err("nothing is allowed")
                .contains("worker.sqlite_dirs")
        );
    }
}
