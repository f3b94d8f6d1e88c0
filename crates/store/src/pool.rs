//! Pools whose statements have a deadline, and whose connections are checked after an answer was missed.
//!
//! The driver sets neither keepalive nor a user timeout on its sockets, so a connection whose packets are dropped
//! would hang for a quarter of an hour. Instead every statement has a deadline that is longer than the server's own
//! limit: an answer later than that never arrives. After a missed answer no older connection is trusted: it has to
//! answer a ping before its next use, or it is closed.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ports::StoreError;
use sea_orm::sqlx::pool::PoolConnectionMetadata;
use sea_orm::sqlx::{Connection, PgConnection};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, IsolationLevel,
    QueryResult, RuntimeErr, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};

use crate::error::{ErrorKind, store_error};

/// Time within which a statement is answered; the server ends one after 10 s by itself, and reports it.
const STATEMENT_DEADLINE: Duration = Duration::from_secs(11);

/// Time within which a connection that is not trusted answers a ping, or is closed.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// Time after a missed answer in which a released connection may be the one that missed it.
const SUSPICION_WINDOW: Duration = Duration::from_secs(5);

/// The time limit and the recent silence of the connections to one database; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct MonitoredConnection {
    /// Limit of a statement; none on SQLite, which is no network, and for tools.
    deadline: Option<Duration>,
    last_missed: Arc<Mutex<Option<Instant>>>,
}

impl MonitoredConnection {
    /// Limits the statements of a node, which the server limits, too.
    pub(crate) fn with_deadline() -> Self {
        Self {
            deadline: Some(STATEMENT_DEADLINE),
            ..Self::default()
        }
    }

    fn record_missed_answer(&self) {
        *self.last_missed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn has_missed_within(&self, window: Duration) -> bool {
        let missed = *self.last_missed.lock().unwrap_or_else(PoisonError::into_inner);
        missed.is_some_and(|at| at.elapsed() <= window)
    }

    /// Whether an idle connection may be used: it was used since the last missed answer, or it answers now.
    pub(crate) async fn is_usable(
        &self,
        connection: &mut PgConnection,
        metadata: PoolConnectionMetadata,
    ) -> bool {
        !self.has_missed_within(metadata.idle_for) || answers_ping(connection).await
    }

    /// Whether a released connection may stay in the pool.
    pub(crate) async fn is_reusable(&self, connection: &mut PgConnection) -> bool {
        !self.has_missed_within(SUSPICION_WINDOW) || answers_ping(connection).await
    }

    /// Waits for an answer, measures it, and records when it did not arrive, also when the caller stops waiting.
    async fn run<T>(
        &self,
        op: &'static str,
        answer: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        let started = Instant::now();
        let answer = self.await_answer(answer).await;
        metrics::histogram!("porpoise_db_query_duration_seconds", "op" => op)
            .record(started.elapsed().as_secs_f64());
        if let Err(error) = &answer {
            let kind = ErrorKind::of(error).as_str();
            metrics::counter!("porpoise_db_errors_total", "kind" => kind).increment(1);
        }
        answer
    }

    async fn await_answer<T>(&self, answer: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        let Some(deadline) = self.deadline else {
            return answer.await;
        };
        let mut pending = PendingAnswer {
            connection: self,
            arrived: false,
        };
        let answer = tokio::time::timeout(deadline, answer).await;
        pending.arrived = answer.is_ok();
        answer.unwrap_or_else(|_| Err(no_answer(deadline)))
    }
}

/// An answer that a statement waits for; dropped before it arrived, it counts as missed.
struct PendingAnswer<'a> {
    connection: &'a MonitoredConnection,
    arrived: bool,
}

impl Drop for PendingAnswer<'_> {
    fn drop(&mut self) {
        if !self.arrived {
            self.connection.record_missed_answer();
        }
    }
}

async fn answers_ping(connection: &mut PgConnection) -> bool {
    matches!(
        tokio::time::timeout(PING_TIMEOUT, connection.ping()).await,
        Ok(Ok(()))
    )
}

fn no_answer(deadline: Duration) -> DbErr {
    let text = format!("the database has not answered for {} s", deadline.as_secs());
    DbErr::Conn(RuntimeErr::Internal(text))
}

/// Connections whose statements have a deadline.
#[derive(Debug, Clone)]
pub struct Pool {
    connections: DatabaseConnection,
    monitor: MonitoredConnection,
}

impl Pool {
    pub(crate) fn new(connections: DatabaseConnection, monitor: MonitoredConnection) -> Self {
        Self { connections, monitor }
    }

    /// Returns the connections themselves, whose statements have no deadline.
    pub fn without_deadline(&self) -> &DatabaseConnection {
        &self.connections
    }

    /// Begins a writing transaction; on SQLite it has the write lock from the start.
    pub(crate) async fn begin_write(&self) -> Result<Transaction, StoreError> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.begin_with_options(options).await.map_err(store_error)
    }

    /// Begins a reading transaction that sees one moment.
    pub(crate) async fn begin_read(&self) -> Result<Transaction, StoreError> {
        let options = TransactionOptions {
            isolation_level: (self.get_database_backend() == DbBackend::Postgres)
                .then_some(IsolationLevel::RepeatableRead),
            ..TransactionOptions::default()
        };
        self.begin_with_options(options).await.map_err(store_error)
    }

    /// Begins a transaction, whose statements have the deadline, too.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn begin_with_options(&self, options: TransactionOptions) -> Result<Transaction, DbErr> {
        let begin = self.connections.begin_with_options(options);
        Ok(Transaction {
            open: self.monitor.run("begin", begin).await?,
            monitor: self.monitor.clone(),
        })
    }
}

/// A transaction whose statements have a deadline. Dropped without `commit` it leaves nothing.
#[derive(Debug)]
pub struct Transaction {
    open: DatabaseTransaction,
    monitor: MonitoredConnection,
}

impl Transaction {
    /// Stores everything together.
    ///
    /// # Errors
    /// When it is unknown whether it is stored, or it is surely not.
    pub async fn commit(self) -> Result<(), DbErr> {
        self.monitor.run("commit", self.open.commit()).await
    }

    /// Leaves nothing.
    ///
    /// # Errors
    /// When the database cannot be reached, which leaves nothing either.
    pub async fn rollback(self) -> Result<(), DbErr> {
        self.monitor.run("rollback", self.open.rollback()).await
    }
}

/// Gives every statement of a connection its deadline and its measurement.
macro_rules! monitored_connection {
    ($name:ident, $inner:ident) => {
        #[async_trait]
        impl ConnectionTrait for $name {
            fn get_database_backend(&self) -> DbBackend {
                self.$inner.get_database_backend()
            }

            async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
                let answer = self.$inner.execute_raw(statement);
                self.monitor.run("execute", answer).await
            }

            async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                let answer = self.$inner.execute_unprepared(sql);
                self.monitor.run("execute", answer).await
            }

            async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
                let answer = self.$inner.query_one_raw(statement);
                self.monitor.run("query", answer).await
            }

            async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
                let answer = self.$inner.query_all_raw(statement);
                self.monitor.run("query", answer).await
            }
        }
    };
}

monitored_connection!(Pool, connections);
monitored_connection!(Transaction, open);
