//! Makes a standalone process the only one on its database.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Duration;

use fs4::fs_std::FileExt;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use super::{Store, connect};

/// Held by a standalone process on PostgreSQL.
const ALONE_LOCK: i64 = 0x706f_7270_616c_6f6e;

/// Takes the lock unless this session has it; a session has no other lock of this kind.
const TAKE: &str = "SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_locks \
    WHERE locktype = 'advisory' AND pid = pg_backend_pid()) THEN true ELSE pg_try_advisory_lock($1) END";

/// How often the lock on the database is looked after.
const LOOK: Duration = Duration::from_secs(1);

/// Proof of being the only standalone process; ends when dropped, and with the process whatever happens.
#[derive(Debug)]
pub struct Alone {
    _file: File,
    /// Holds the lock on PostgreSQL for as long as it lives; the pool of one makes a new one after that.
    session: Option<DatabaseConnection>,
}

/// Why a standalone process must not start.
#[derive(Debug, thiserror::Error)]
pub enum StandaloneLockError {
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
    pub async fn acquire_standalone_lock(&self, data_dir: &Path) -> Result<Alone, StandaloneLockError> {
        let file = lock_folder(data_dir)?;
        let session = if self.backend() == DbBackend::Sqlite {
            None
        } else {
            let session = connect::postgres_session(&self.inner.url, "porpoise-alone").await;
            Some(session.map_err(|e| StandaloneLockError::Failed(e.to_string()))?)
        };
        let alone = Alone { _file: file, session };
        alone.take().await?;
        Ok(alone)
    }
}

impl Alone {
    /// Looks after the lock: its session may end (the server was started again) while this process lives. Then it
    /// is taken again as soon as the database answers.
    ///
    /// Returns only when another process was faster.
    pub async fn wait_until_lost(&self) -> StandaloneLockError {
        loop {
            tokio::time::sleep(LOOK).await;
            match self.take().await {
                Err(StandaloneLockError::Database) => return StandaloneLockError::Database,
                // The beat says that the database is away.
                Err(error) => {
                    tracing::debug!(%error, "the lock of the standalone mode is not known to be held")
                }
                Ok(()) => {}
            }
        }
    }

    async fn take(&self) -> Result<(), StandaloneLockError> {
        let Some(session) = &self.session else {
            return Ok(());
        };
        let failed = |why: String| StandaloneLockError::Failed(why);
        let ask = Statement::from_sql_and_values(DbBackend::Postgres, TAKE, [ALONE_LOCK.into()]);
        let row = session
            .query_one_raw(ask)
            .await
            .map_err(|e| failed(e.to_string()))?
            .ok_or_else(|| failed("no answer".to_owned()))?;
        match row.try_get_by_index(0) {
            Ok(true) => Ok(()),
            Ok(false) => Err(StandaloneLockError::Database),
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
        Err(StandaloneLockError::Folder(data_dir.display().to_string()))
    }
}
