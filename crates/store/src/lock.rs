//! The lock that makes a standalone process the only one on its database.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Duration;

use fs4::fs_std::FileExt;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::connect;
use crate::store::Store;

/// Key of the advisory lock of a standalone process on PostgreSQL.
const STANDALONE_LOCK_KEY: i64 = 0x706f_7270_616c_6f6e;

/// Takes the lock unless this session has it; a session has no other lock of this kind.
const TRY_LOCK: &str = "SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_locks \
    WHERE locktype = 'advisory' AND pid = pg_backend_pid()) THEN true ELSE pg_try_advisory_lock($1) END";

/// Time between two checks that the lock on the database is still held.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Proof of being the only standalone process; ends when dropped, and at the end of the process in any case.
#[derive(Debug)]
pub struct StandaloneLock {
    _file: File,
    /// Holds the lock on PostgreSQL while it is open; the pool of one reconnects after that.
    session: Option<DatabaseConnection>,
}

/// Why a standalone process must not start.
#[derive(Debug, thiserror::Error)]
pub enum StandaloneLockError {
    /// Another process has the data folder.
    #[error("another porpoise process already uses the data folder {0}; stop it, or choose another --data")]
    FolderLocked(String),
    /// Another process has the database.
    #[error("another porpoise standalone process already uses this database; stop it first")]
    DatabaseLocked,
    /// The lock could not be requested.
    #[error("the lock of the standalone mode could not be taken: {0}")]
    Failed(String),
}

impl Store {
    /// Takes the lock of the standalone mode: a file in the data folder, on PostgreSQL also an advisory lock.
    ///
    /// # Errors
    /// A sentence for the user when another process has it.
    pub async fn acquire_standalone_lock(
        &self,
        data_dir: &Path,
    ) -> Result<StandaloneLock, StandaloneLockError> {
        let file = lock_folder(data_dir)?;
        let session = if self.backend() == DbBackend::Sqlite {
            None
        } else {
            let session = connect::postgres_session(self.url(), "porpoise-alone").await;
            Some(session.map_err(|e| StandaloneLockError::Failed(e.to_string()))?)
        };
        let lock = StandaloneLock { _file: file, session };
        lock.try_acquire().await?;
        Ok(lock)
    }
}

impl StandaloneLock {
    /// Checks the lock periodically: its session may end (the server was restarted) while this process runs. Then it
    /// is taken again as soon as the database answers.
    ///
    /// Returns only when another process was faster.
    pub async fn wait_until_lost(&self) -> StandaloneLockError {
        loop {
            tokio::time::sleep(CHECK_INTERVAL).await;
            match self.try_acquire().await {
                Err(StandaloneLockError::DatabaseLocked) => return StandaloneLockError::DatabaseLocked,
                // The heartbeat reports that the database is unreachable.
                Err(error) => {
                    tracing::debug!(%error, "the lock of the standalone mode is not known to be held")
                }
                Ok(()) => {}
            }
        }
    }

    async fn try_acquire(&self) -> Result<(), StandaloneLockError> {
        let Some(session) = &self.session else {
            return Ok(());
        };
        let failed = |why: String| StandaloneLockError::Failed(why);
        let key = [STANDALONE_LOCK_KEY.into()];
        let row = session
            .query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, TRY_LOCK, key))
            .await
            .map_err(|e| failed(e.to_string()))?
            .ok_or_else(|| failed("no answer".to_owned()))?;
        match row.try_get_by_index(0) {
            Ok(true) => Ok(()),
            Ok(false) => Err(StandaloneLockError::DatabaseLocked),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

fn lock_folder(data_dir: &Path) -> Result<File, StandaloneLockError> {
    let failed = |e: std::io::Error| StandaloneLockError::Failed(e.to_string());
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
        Err(StandaloneLockError::FolderLocked(data_dir.display().to_string()))
    }
}
