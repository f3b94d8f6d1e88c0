//! Makes a standalone process the only one on its database.

use std::fs::{File, OpenOptions};
use std::path::Path;

use fs4::fs_std::FileExt;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};

use super::{Store, connect};

/// Held by a standalone process on PostgreSQL.
const ALONE_LOCK: i64 = 0x706f_7270_616c_6f6e;

/// Proof of being the only standalone process; ends when dropped, and with the process whatever happens.
#[derive(Debug)]
pub struct Alone {
    /// One of the two holds the lock.
    _file: Option<File>,
    _session: Option<DatabaseConnection>,
}

/// Why a standalone process must not start.
#[derive(Debug, thiserror::Error)]
pub enum NotAlone {
    /// Another process has the data folder.
    #[error("another porpoise process already uses the data folder {0}; stop it, or choose another --data")]
    Folder(String),
    /// Another process has the database.
    #[error("another porpoise standalone process already uses this database; stop it first")]
    Database,
    /// The lock could not be asked for.
    #[error("the lock of the standalone mode could not be taken: {0}")]
    Failed(String),
}

impl Store {
    /// Takes the lock of the standalone mode: a file in the data folder, on PostgreSQL also an advisory lock.
    ///
    /// # Errors
    /// A sentence for the user when another process has it.
    pub async fn lock_alone(&self, data_dir: &Path) -> Result<Alone, NotAlone> {
        let file = lock_folder(data_dir)?;
        let session = if self.backend() == DbBackend::Sqlite {
            None
        } else {
            Some(self.lock_database().await?)
        };
        Ok(Alone {
            _file: Some(file),
            _session: session,
        })
    }

    async fn lock_database(&self) -> Result<DatabaseConnection, NotAlone> {
        let failed = |why: String| NotAlone::Failed(why);
        let session = connect::postgres_session(&self.inner.url, "porpoise-alone")
            .await
            .map_err(|e| failed(e.to_string()))?;
        let ask = self.statement("SELECT pg_try_advisory_lock($1)", [ALONE_LOCK.into()]);
        let row = session
            .query_one_raw(ask)
            .await
            .map_err(|e| failed(e.to_string()))?
            .ok_or_else(|| failed("no answer".to_owned()))?;
        let taken: bool = row.try_get_by_index(0).map_err(|e| failed(e.to_string()))?;
        if taken {
            Ok(session)
        } else {
            Err(NotAlone::Database)
        }
    }
}

fn lock_folder(data_dir: &Path) -> Result<File, NotAlone> {
    let failed = |e: std::io::Error| NotAlone::Failed(e.to_string());
    std::fs::create_dir_all(data_dir).map_err(failed)?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(data_dir.join("porpoise.lock"))
        .map_err(failed)?;
    if FileExt::try_lock_exclusive(&file).map_err(failed)? {
        Ok(file)
    } else {
        Err(NotAlone::Folder(data_dir.display().to_string()))
    }
}
