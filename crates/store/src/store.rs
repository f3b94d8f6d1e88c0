//! The open database: its pools, its clock, and what is cached of it.

use std::sync::Arc;

use engine::ids::{Incarnation, Timestamp};
use engine::spec::Definition;
use ports::StoreError;
use ports::clock::TimeSource;
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use secrets::SharedKeyRing;

use crate::connect::{self, OpenError, Pools, Role};
use crate::error::{commit_error, store_error};
use crate::pool::{Pool, Transaction};
use crate::timeline::TimelineMonitor;
use crate::version_cache::VersionCache;

/// Parsed definitions that are kept.
const MAX_DEFINITIONS: usize = 256;

/// The database. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<SharedStore>,
    keys: SharedKeyRing,
}

#[derive(Debug)]
struct SharedStore {
    url: String,
    role: Role,
    pools: Pools,
    definitions: VersionCache<Definition>,
    timeline: TimelineMonitor,
}

impl Store {
    /// Connects to `sqlite://PATH` or `postgres://…`; a missing SQLite file is created, an empty one.
    ///
    /// # Errors
    /// When the address is of neither kind or the database does not answer.
    pub async fn open(url: &str, role: Role) -> Result<Self, OpenError> {
        let timeline = TimelineMonitor::default();
        let pools = connect::open(url, role, &timeline).await?;
        Ok(Self {
            shared: Arc::new(SharedStore {
                url: url.to_owned(),
                role,
                pools,
                definitions: VersionCache::with_capacity(MAX_DEFINITIONS),
                timeline,
            }),
            keys: SharedKeyRing::default(),
        })
    }

    /// Uses the keys of a node for secret values; without any, nothing secret can be stored or read.
    #[must_use]
    pub fn with_keys(self, keys: SharedKeyRing) -> Self {
        Self { keys, ..self }
    }

    /// Returns the keys of secret values.
    pub fn keys(&self) -> &SharedKeyRing {
        &self.keys
    }

    /// Names the sessions of the group commit `master:<incarnation>` from now on: a master that takes over from
    /// this incarnation ends them by that name.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn name_engine_sessions(&self, this_node: Incarnation) -> Result<(), StoreError> {
        let named = self
            .shared
            .pools
            .name_engine_sessions(format!("master:{this_node}"))
            .await;
        named.map_err(store_error)
    }

    /// Returns the kind of the connected database.
    pub fn backend(&self) -> DbBackend {
        self.shared.pools.backend()
    }

    /// Returns the connections for reading; on SQLite they see the last commit and never wait for the writer.
    pub fn reader(&self) -> &Pool {
        self.shared.pools.reader()
    }

    /// Returns the connections for single writing statements; on SQLite there is one, so that writers queue.
    pub fn writer(&self) -> &Pool {
        self.shared.pools.writer()
    }

    /// Returns the connections of the group commit and of claims.
    pub(crate) fn engine_pool(&self) -> &Pool {
        self.shared.pools.engine()
    }

    /// Returns the connection of heartbeats, which waits behind no other statement.
    pub(crate) fn heartbeat_pool(&self) -> &Pool {
        self.shared.pools.heartbeats()
    }

    /// Returns the name of the sessions of the group commit.
    pub(crate) fn engine_session_name(&self) -> String {
        self.shared.pools.engine_session_name()
    }

    pub(crate) fn role(&self) -> Role {
        self.shared.role
    }

    pub(crate) fn url(&self) -> &str {
        &self.shared.url
    }

    /// Returns the origin of the database's time: a file has no clock but this machine's.
    pub fn time_source(&self) -> TimeSource {
        match self.backend() {
            DbBackend::Sqlite => TimeSource::Machine,
            _ => TimeSource::Server,
        }
    }

    pub(crate) fn definitions(&self) -> &VersionCache<Definition> {
        &self.shared.definitions
    }

    pub(crate) fn timeline_monitor(&self) -> &TimelineMonitor {
        &self.shared.timeline
    }

    /// Begins a writing transaction; on SQLite it has the write lock from the start.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        self.writer().begin_write().await
    }

    /// Begins a reading transaction that sees one moment.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn begin_read(&self) -> Result<Transaction, StoreError> {
        self.reader().begin_read().await
    }

    /// Commits; only here an error may mean that the change is stored.
    ///
    /// # Errors
    /// `Uncertain` when the connection was lost on PostgreSQL; otherwise nothing was stored.
    pub async fn commit(&self, transaction: Transaction) -> Result<(), StoreError> {
        let backend = self.backend();
        let committed = transaction.commit().await;
        committed.map_err(|error| commit_error(error, backend))
    }

    /// Makes a statement with `$1`, `$2`, … for the connected database.
    pub fn statement<I>(&self, sql: &str, values: I) -> Statement
    where
        I: IntoIterator<Item = Value>,
    {
        Statement::from_sql_and_values(self.backend(), sql, values)
    }

    /// Returns the database's time: PostgreSQL is asked; on SQLite it is this machine's.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn now(&self) -> Result<Timestamp, StoreError> {
        self.now_on(self.reader()).await
    }

    /// Returns the database's time as this connection sees it.
    pub(crate) async fn now_on<C: ConnectionTrait>(&self, connection: &C) -> Result<Timestamp, StoreError> {
        if self.backend() == DbBackend::Sqlite {
            return Ok(connect::machine_time());
        }
        let row = connection
            .query_one_raw(self.statement(connect::POSTGRES_NOW, []))
            .await
            .map_err(store_error)?
            .ok_or_else(|| StoreError::Unavailable("the database's clock did not answer".to_owned()))?;
        row.try_get_by_index(0).map(Timestamp).map_err(store_error)
    }
}
