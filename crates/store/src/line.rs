//! The line to PostgreSQL: no statement waits for ever, and no connection that has fallen silent is used again.
//!
//! The driver sets neither keepalive nor a user timeout on its sockets, so a connection whose packets are dropped
//! would hang for a quarter of an hour. Instead every statement has a deadline, which is longer than the server's own
//! limit: an answer that is later than that never comes. From then on no connection of before is trusted: each has to
//! answer a moment before it is used, and one that does not is closed.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sea_orm::sqlx::pool::PoolConnectionMetadata;
use sea_orm::sqlx::{Connection, PgConnection};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult,
    RuntimeErr, Statement, TransactionOptions, TransactionTrait,
};

/// The server ends a statement after 10 s by itself, and then says so.
const ANSWER: Duration = Duration::from_secs(11);

/// A connection that is not trusted answers within this time, or is closed.
const TEST: Duration = Duration::from_secs(1);

/// A connection that comes back so soon after an answer was missed may be the one that missed it.
const A_MOMENT: Duration = Duration::from_secs(5);

/// What is known of the line; cheap to clone, shared by all connections to one database.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    /// How long an answer is waited for; without end on SQLite, which is no network, and for tools.
    patience: Option<Duration>,
    /// When an answer was missed last.
    missed: Arc<Mutex<Option<Instant>>>,
}

impl Line {
    /// The line of a node: the server limits its statements, too.
    pub(super) fn with_deadline() -> Self {
        Self {
            patience: Some(ANSWER),
            ..Self::default()
        }
    }

    fn note_missed(&self) {
        *self.missed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether an answer was missed within this time.
    fn missed_within(&self, window: Duration) -> bool {
        let missed = *self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        missed.is_some_and(|at| at.elapsed() <= window)
    }

    /// Whether a connection that lay idle may be used: it was used since the last missed answer, or it answers now.
    pub(super) async fn may_be_used(
        &self,
        connection: &mut PgConnection,
        known: PoolConnectionMetadata,
    ) -> bool {
        !self.missed_within(known.idle_for) || answers(connection).await
    }

    /// Whether a connection that was given back may be kept.
    pub(super) async fn may_be_kept(&self, connection: &mut PgConnection) -> bool {
        !self.missed_within(A_MOMENT) || answers(connection).await
    }

    /// Waits for an answer, and remembers when it did not come: also when the caller does not wait any more.
    async fn wait<T>(&self, answer: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        let Some(patience) = self.patience else {
            return answer.await;
        };
        let mut waiting = Waiting {
            line: self,
            answered: false,
        };
        let answer = tokio::time::timeout(patience, answer).await;
        waiting.answered = answer.is_ok();
        answer.unwrap_or_else(|_| Err(no_answer(patience)))
    }
}

/// An answer that is being waited for.
struct Waiting<'a> {
    line: &'a Line,
    answered: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.line.note_missed();
        }
    }
}

async fn answers(connection: &mut PgConnection) -> bool {
    matches!(tokio::time::timeout(TEST, connection.ping()).await, Ok(Ok(())))
}

fn no_answer(patience: Duration) -> DbErr {
    let words = format!("the database has not answered for {} s", patience.as_secs());
    DbErr::Conn(RuntimeErr::Internal(words))
}

/// Connections whose statements have a deadline.
#[derive(Debug, Clone)]
pub struct Pool {
    connections: DatabaseConnection,
    line: Line,
}

impl Pool {
    pub(super) fn new(connections: DatabaseConnection, line: Line) -> Self {
        Self { connections, line }
    }

    /// The connections themselves, whose statements may take as long as they like.
    pub fn patient(&self) -> &DatabaseConnection {
        &self.connections
    }

    /// Begins a transaction, whose statements have the deadline, too.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn begin_with_options(&self, options: TransactionOptions) -> Result<Transaction, DbErr> {
        let begun = self
            .line
            .wait(self.connections.begin_with_options(options))
            .await?;
        Ok(Transaction {
            begun,
            line: self.line.clone(),
        })
    }
}

/// A transaction whose statements have a deadline. Dropped without `commit` it leaves nothing.
#[derive(Debug)]
pub struct Transaction {
    begun: DatabaseTransaction,
    line: Line,
}

impl Transaction {
    /// Stores everything together.
    ///
    /// # Errors
    /// When nobody knows whether it is stored, or it is surely not.
    pub async fn commit(self) -> Result<(), DbErr> {
        self.line.wait(self.begun.commit()).await
    }

    /// Leaves nothing.
    ///
    /// # Errors
    /// When the database cannot be reached, which leaves nothing either.
    pub async fn rollback(self) -> Result<(), DbErr> {
        self.line.wait(self.begun.rollback()).await
    }
}

/// Gives what runs statements the deadline of its line.
macro_rules! with_deadline {
    ($name:ident, $inner:ident) => {
        #[async_trait]
        impl ConnectionTrait for $name {
            fn get_database_backend(&self) -> DbBackend {
                self.$inner.get_database_backend()
            }

            async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
                self.line.wait(self.$inner.execute_raw(statement)).await
            }

            async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                self.line.wait(self.$inner.execute_unprepared(sql)).await
            }

            async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
                self.line.wait(self.$inner.query_one_raw(statement)).await
            }

            async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
                self.line.wait(self.$inner.query_all_raw(statement)).await
            }
        }
    };
}

with_deadline!(Pool, connections);
with_deadline!(Transaction, begun);
