//! The version of the schema, and its migration.

use migrations::{Migrator, MigratorTrait};
use ports::StoreError;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};

use crate::connect;
use crate::error::store_error;
use crate::store::Store;

/// CommittedRow while migrating, so that nodes that start together do it once.
const MIGRATION_LOCK: i64 = 0x706f_7270_6d69_6772;

/// The database's schema compared with this program's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaStatus {
    /// They are the same.
    UpToDate,
    /// The program is newer: these changes are missing.
    Older {
        /// Their names, in order.
        pending: Vec<String>,
    },
    /// The database is newer: this program must not touch it.
    Newer {
        /// The changes that this program does not know.
        found: Vec<String>,
    },
}

impl Store {
    /// Compares the schema with this program's; changes nothing.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn schema_status(&self) -> Result<SchemaStatus, StoreError> {
        let known: Vec<String> = Migrator::migrations()
            .iter()
            .map(|m| m.name().to_owned())
            .collect();
        let applied = self.applied_migrations().await?;
        let found: Vec<String> = applied
            .iter()
            .filter(|name| !known.contains(name))
            .cloned()
            .collect();
        if !found.is_empty() {
            return Ok(SchemaStatus::Newer { found });
        }
        let pending: Vec<String> = known.into_iter().filter(|name| !applied.contains(name)).collect();
        Ok(if pending.is_empty() {
            SchemaStatus::UpToDate
        } else {
            SchemaStatus::Older { pending }
        })
    }

    /// Applies what is missing; safe to call from several nodes at once.
    ///
    /// # Errors
    /// `Rejected` when the database is of a newer program, or a change could not be applied.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.migrate_if(|_| true).await
    }

    /// Creates the schema in an empty database, and leaves any other as it is; safe to call from several nodes at
    /// once.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn create_schema(&self) -> Result<(), StoreError> {
        self.migrate_if(|applied| applied.is_empty()).await
    }

    async fn migrate_if(&self, is_wanted: impl Fn(&[String]) -> bool) -> Result<(), StoreError> {
        if self.backend() == DbBackend::Sqlite {
            if !is_wanted(&self.applied_migrations().await?) {
                return Ok(());
            }
            return self.migrate_on(self.writer().without_deadline()).await;
        }
        let session = connect::postgres_session(self.url(), "porpoise-migrate")
            .await
            .map_err(|e| StoreError::Unavailable(e.to_string()))?;
        let locked = connect::postgres_session(self.url(), "porpoise-migrate-lock")
            .await
            .map_err(|e| StoreError::Unavailable(e.to_string()))?;
        let lock = self.statement("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK.into()]);
        locked.query_one_raw(lock).await.map_err(store_error)?;
        let done = if is_wanted(&self.applied_migrations().await?) {
            self.migrate_on(&session).await
        } else {
            Ok(())
        };
        // The lock ends with its session.
        locked.close().await.map_err(store_error)?;
        session.close().await.map_err(store_error)?;
        done
    }

    async fn migrate_on(&self, connection: &DatabaseConnection) -> Result<(), StoreError> {
        if let SchemaStatus::Newer { found } = self.schema_status().await? {
            return Err(StoreError::Rejected(format!(
                "the database was changed by a newer program ({}); use that program, or restore a backup",
                found.join(", ")
            )));
        }
        Migrator::up(connection, None).await.map_err(store_error)
    }

    /// Returns the names of the applied migrations in their order; none when there is no schema.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn applied_migrations(&self) -> Result<Vec<String>, StoreError> {
        let table = match self.backend() {
            DbBackend::Sqlite => "SELECT 1 FROM sqlite_master WHERE name = 'seaql_migrations'",
            _ => "SELECT 1 WHERE to_regclass('seaql_migrations') IS NOT NULL",
        };
        let exists = self
            .reader()
            .query_one_raw(self.statement(table, []))
            .await
            .map_err(store_error)?;
        if exists.is_none() {
            return Ok(Vec::new());
        }
        let sql = "SELECT version FROM seaql_migrations ORDER BY version";
        let rows = self
            .reader()
            .query_all_raw(self.statement(sql, []))
            .await
            .map_err(store_error)?;
        rows.iter()
            .map(|row| row.try_get_by_index(0).map_err(store_error))
            .collect()
    }
}
