//! The store on SQLite and PostgreSQL: the only code that knows SQL.
//!
//! One writer connection on SQLite, small pools on PostgreSQL. The engine's side is `actors::ports::Store`;
//! what people and the API read and edit is the catalog. No transaction waits for anything but the database.

pub mod catalog;

mod attempts;
mod bulk;
mod claim;
mod commits;
mod connect;
mod creates;
mod deaths;
mod engine_side;
mod error;
mod generation;
mod line;
mod lineage;
mod load;
mod lock;
mod members;
mod need;
mod owners;
mod results;
mod rows;
mod schema;
mod write;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use actors::clock::Clock;
use actors::ports::StoreError;
use engine::definition::Definition;
use engine::ids::{Incarnation, Millis};
use sea_orm::{ConnectionTrait, DbBackend, SqliteTransactionMode, Statement, TransactionOptions, Value};

pub use connect::{OpenError, Role};
pub use error::{DISK_FULL, is_unique_violation, store_error};
pub use generation::Raised;
pub use line::{Pool, Transaction};
pub use lineage::Lineage;
pub use lock::{Alone, StandaloneLockError};
pub use schema::SchemaStatus;

/// Pinned definitions that were read before; a version never changes.
type Definitions = Mutex<BTreeMap<(i64, i64), Arc<Definition>>>;

/// The database. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    url: String,
    pools: connect::Pools,
    clock: Clock,
    definitions: Definitions,
    watch: lineage::Watch,
}

impl Store {
    /// Connects to `sqlite://PATH` or `postgres://…`; a missing SQLite file is created, an empty one.
    ///
    /// # Errors
    /// When the address is of neither kind or the database does not answer.
    pub async fn open(url: &str, role: Role) -> Result<Self, OpenError> {
        let watch = lineage::Watch::default();
        let pools = connect::open(url, role, &watch).await?;
        Ok(Self {
            inner: Arc::new(Inner {
                url: url.to_owned(),
                pools,
                clock: connect::machine_clock(),
                definitions: Mutex::default(),
                watch,
            }),
        })
    }

    /// Names the sessions of the group commit `master:<incarnation>` from now on: whoever takes over from this
    /// life ends them by that name.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn name_engine_sessions(&self, me: Incarnation) -> Result<(), StoreError> {
        let named = self.inner.pools.name_engine_sessions(format!("master:{me}")).await;
        named.map_err(store_error)
    }

    /// Which database it is.
    pub fn backend(&self) -> DbBackend {
        self.inner.pools.backend
    }

    /// Connections for reading; on SQLite they see the last commit and never wait for the writer.
    pub fn reader(&self) -> &Pool {
        &self.inner.pools.reader
    }

    /// Connections for single writing statements; on SQLite there is one, so that writers queue.
    pub fn writer(&self) -> &Pool {
        &self.inner.pools.writer
    }

    /// Begins a writing transaction; on SQLite it has the write lock from the start.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        begin_on(self.writer()).await
    }

    /// Begins a reading transaction that sees one moment.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn begin_read(&self) -> Result<Transaction, StoreError> {
        let options = TransactionOptions {
            isolation_level: (self.backend() == DbBackend::Postgres)
                .then_some(sea_orm::IsolationLevel::RepeatableRead),
            ..TransactionOptions::default()
        };
        self.reader()
            .begin_with_options(options)
            .await
            .map_err(store_error)
    }

    /// Commits; only here an error may mean that the change is stored.
    ///
    /// # Errors
    /// `Uncertain` when the connection was lost on PostgreSQL; otherwise nothing was stored.
    pub async fn commit(&self, transaction: Transaction) -> Result<(), StoreError> {
        let backend = self.backend();
        transaction
            .commit()
            .await
            .map_err(|e| error::commit_error(e, backend))
    }

    /// Makes a statement with `$1`, `$2`, … for the connected database.
    pub fn statement<I>(&self, sql: &str, values: I) -> Statement
    where
        I: IntoIterator<Item = Value>,
    {
        Statement::from_sql_and_values(self.backend(), sql, values)
    }

    /// Returns the database's time: PostgreSQL is asked; on SQLite it is this machine's clock at the start of
    /// the process plus monotonic time.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn now(&self) -> Result<Millis, StoreError> {
        self.now_on(self.reader()).await
    }

    async fn now_on<C: ConnectionTrait>(&self, connection: &C) -> Result<Millis, StoreError> {
        if self.backend() == DbBackend::Sqlite {
            return Ok(self.inner.clock.now());
        }
        let row = connection
            .query_one_raw(self.statement(connect::POSTGRES_NOW, []))
            .await
            .map_err(store_error)?
            .ok_or_else(|| StoreError::Unavailable("the database's clock did not answer".to_owned()))?;
        row.try_get_by_index(0).map(Millis).map_err(store_error)
    }
}

async fn begin_on(connection: &Pool) -> Result<Transaction, StoreError> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    connection.begin_with_options(options).await.map_err(store_error)
}
