//! Which line of history PostgreSQL is on, and how a connection to another one is told from a restart.
//!
//! A promoted standby has another timeline, a database that was moved has another system identifier, and an older
//! copy that was started in the place of the newer one has less of the write-ahead log than this process has seen.
//! Connections break in all three cases, so each new one is asked before it is used: nothing that was decided
//! on one line of history is ever written to another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::ids::{Generation, Incarnation};
use sea_orm::sqlx::postgres::{PgConnection, PgRow};
use sea_orm::sqlx::{self, Row};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement};
use tokio::sync::Notify;

/// What a session sees of it. The name of the current segment tells the timeline from the first write on;
/// `pg_control_checkpoint()` would tell it only after the next checkpoint.
const ASK: &str = "SELECT (SELECT system_identifier::text FROM pg_control_system()), \
    ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint, \
    (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint";

/// SQLSTATE of a role that may not ask, and of a server that has no such function or refuses it.
const NOT_TOLD: [&str; 3] = ["42501", "42883", "0A000"];

/// One line of history, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// Given when the server's files were made; a physical copy has the same.
    pub system: String,
    /// Rises with each promotion.
    pub timeline: i64,
    /// The write-ahead log that is safe on disk, in bytes.
    pub flushed: i64,
}

impl Lineage {
    /// Says why this is not what became of `before`, if it is not.
    pub fn departs_from(&self, before: &Self) -> Option<String> {
        if self.system != before.system {
            return Some(moved(&before.system, &self.system));
        }
        if self.timeline != before.timeline {
            return Some(promoted(before.timeline, self.timeline));
        }
        let lost = before.flushed.saturating_sub(self.flushed);
        (lost > 0).then(|| {
            format!(
                "the database has {lost} bytes less of its history than before: an older copy was restored"
            )
        })
    }
}

/// Another server's files.
pub(super) fn moved(from: &str, to: &str) -> String {
    format!("the database was moved to another server (system identifier {from}, now {to})")
}

/// A standby took over, or a restore ended.
pub(super) fn promoted(from: i64, to: i64) -> String {
    format!("another server of the database took over, or it was restored (timeline {from}, now {to})")
}

/// Compares every new connection with what this process has joined.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    joined: Mutex<Joined>,
    departed: Notify,
}

#[derive(Debug, Default)]
struct Joined {
    /// The life of this process; none until it has joined.
    life: Option<(Incarnation, Generation)>,
    /// None until then, and where the server does not tell.
    lineage: Option<Lineage>,
    /// Why the database is not the one that was joined.
    departed: Option<String>,
}

impl Watch {
    fn joined(&self) -> MutexGuard<'_, Joined> {
        self.inner.joined.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds every later connection against this.
    pub(super) fn begin(&self, life: (Incarnation, Generation), lineage: Option<Lineage>) {
        let mut joined = self.joined();
        joined.life = Some(life);
        joined.lineage = lineage;
    }

    /// Returns the generation in which this process has joined as `me`, if it has.
    pub(super) fn generation_of(&self, me: Incarnation) -> Option<Generation> {
        let life = self.joined().life;
        life.filter(|(joined, _)| *joined == me)
            .map(|(_, generation)| generation)
    }

    /// Takes note of what a session sees; says why it is another line of history, if it is.
    pub(super) fn see(&self, seen: Lineage) -> Option<String> {
        let mut joined = self.joined();
        let known = joined.lineage.as_mut()?;
        let Some(why) = seen.departs_from(known) else {
            // Another connection may have seen more a moment ago.
            known.flushed = known.flushed.max(seen.flushed);
            return None;
        };
        if joined.departed.is_none() {
            joined.departed = Some(why.clone());
            self.inner.departed.notify_one();
        }
        Some(why)
    }

    fn is_watching(&self) -> bool {
        self.joined().lineage.is_some()
    }

    /// Returns why the database is not the one that was joined; waits for that.
    pub(super) async fn departed(&self) -> String {
        loop {
            if let Some(why) = self.joined().departed.clone() {
                return why;
            }
            self.inner.departed.notified().await;
        }
    }

    /// Refuses a new connection to another line of history.
    pub(super) async fn admit(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if !self.is_watching() {
            return Ok(());
        }
        let row = sqlx::query(ASK).fetch_one(connection).await?;
        match self.see(read(&row)?) {
            None => Ok(()),
            Some(why) => Err(sqlx::Error::Protocol(why)),
        }
    }

    /// Looks through a connection that may be used whatever it leads to.
    pub(super) async fn look<C: ConnectionTrait>(&self, connection: &C) {
        if self.is_watching()
            && let Ok(Some(seen)) = ask(connection).await
        {
            self.see(seen);
        }
    }
}

fn read(row: &PgRow) -> Result<Lineage, sqlx::Error> {
    Ok(Lineage {
        system: row.try_get(0)?,
        timeline: row.try_get(1)?,
        flushed: row.try_get(2)?,
    })
}

/// Asks the server; none on SQLite and where the server does not tell.
pub(super) async fn ask<C: ConnectionTrait>(connection: &C) -> Result<Option<Lineage>, DbErr> {
    if connection.get_database_backend() != DbBackend::Postgres {
        return Ok(None);
    }
    let asked = Statement::from_string(DbBackend::Postgres, ASK);
    let row: Option<QueryResult> = match connection.query_one_raw(asked).await {
        Err(error) if is_not_told(&error) => {
            tracing::warn!(
                %error,
                "the database does not tell which line of its history it is on; after a restore, or a failover \
                 that lost commits, run `porpoise db restored`"
            );
            return Ok(None);
        }
        asked => asked?,
    };
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Lineage {
        system: row.try_get_by_index(0)?,
        timeline: row.try_get_by_index(1)?,
        flushed: row.try_get_by_index(2)?,
    }))
}

fn is_not_told(error: &DbErr) -> bool {
    let (DbErr::Query(sea_orm::RuntimeErr::SqlxError(cause))
    | DbErr::Exec(sea_orm::RuntimeErr::SqlxError(cause))) = error
    else {
        return false;
    };
    let code = cause.as_database_error().and_then(|said| said.code());
    code.is_some_and(|code| NOT_TOLD.contains(&code.as_ref()))
}

#[cfg(test)]
mod tests;
