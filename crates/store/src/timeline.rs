//! The history that a PostgreSQL server continues, and the check that connections still lead to the joined one.
//!
//! A promoted standby has another timeline, a database that was moved has another system identifier, and an older
//! copy that was started in the place of the newer one has less write-ahead log than this process has seen.
//! Connections break in all three cases, so each new one is checked before its first use: nothing that was decided
//! on one history is ever written to another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::ids::{Generation, Incarnation};
use sea_orm::sqlx::postgres::{PgConnection, PgRow};
use sea_orm::sqlx::{self, Row};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement};
use tokio::sync::Notify;

/// Reads the timeline as a session sees it. The name of the current segment shows it from the first write on;
/// `pg_control_checkpoint()` would show it only after the next checkpoint.
const TIMELINE_QUERY: &str = "SELECT (SELECT system_identifier::text FROM pg_control_system()), \
    ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint, \
    (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint";

/// SQLSTATE of a role without the permission, and of a server without such a function or that refuses it.
const NOT_PERMITTED: [&str; 3] = ["42501", "42883", "0A000"];

/// One history of a database, and how much of it is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseTimeline {
    /// Assigned when the server's files were made; a physical copy has the same.
    pub system: String,
    /// Rises with each promotion.
    pub timeline: i64,
    /// The write-ahead log that is safe on disk, in bytes.
    pub flushed: i64,
}

impl DatabaseTimeline {
    /// Says why this does not continue `before`, if it does not.
    pub fn divergence_from(&self, before: &Self) -> Option<String> {
        if self.system != before.system {
            return Some(server_changed(&before.system, &self.system));
        }
        if self.timeline != before.timeline {
            return Some(timeline_changed(before.timeline, self.timeline));
        }
        let lost = before.flushed.saturating_sub(self.flushed);
        (lost > 0).then(|| {
            format!(
                "the database has {lost} bytes less of its history than before: an older copy was restored"
            )
        })
    }
}

/// Describes another server's files.
pub(crate) fn server_changed(from: &str, to: &str) -> String {
    format!("the database was moved to another server (system identifier {from}, now {to})")
}

/// Describes a promoted standby, or a finished restore.
pub(crate) fn timeline_changed(from: i64, to: i64) -> String {
    format!("another server of the database took over, or it was restored (timeline {from}, now {to})")
}

/// Compares every new connection with the timeline that this process has joined; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct TimelineMonitor {
    shared: Arc<MonitorState>,
}

#[derive(Debug, Default)]
struct MonitorState {
    joined: Mutex<JoinedTimeline>,
    divergence: Notify,
}

#[derive(Debug, Default)]
struct JoinedTimeline {
    /// The incarnation of this process; none until it has joined.
    incarnation: Option<(Incarnation, Generation)>,
    /// None until then, and where the server does not show it.
    timeline: Option<DatabaseTimeline>,
    /// Why the database is not the one that was joined.
    divergence: Option<String>,
}

impl TimelineMonitor {
    fn joined(&self) -> MutexGuard<'_, JoinedTimeline> {
        self.shared.joined.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compares every later connection with this timeline.
    pub(crate) fn start(&self, incarnation: (Incarnation, Generation), timeline: Option<DatabaseTimeline>) {
        let mut joined = self.joined();
        joined.incarnation = Some(incarnation);
        joined.timeline = timeline;
    }

    /// Returns the generation in which this process has joined as this incarnation, if it has.
    pub(crate) fn generation_of(&self, incarnation: Incarnation) -> Option<Generation> {
        let joined = self.joined().incarnation;
        joined
            .filter(|(joined, _)| *joined == incarnation)
            .map(|(_, generation)| generation)
    }

    /// Records the timeline that a session sees; says why it diverges, if it does.
    pub(crate) fn observe(&self, current: DatabaseTimeline) -> Option<String> {
        let mut joined = self.joined();
        let known = joined.timeline.as_mut()?;
        let Some(divergence) = current.divergence_from(known) else {
            // Another connection may have seen more a moment ago.
            known.flushed = known.flushed.max(current.flushed);
            return None;
        };
        if joined.divergence.is_none() {
            joined.divergence = Some(divergence.clone());
            self.shared.divergence.notify_one();
        }
        Some(divergence)
    }

    fn is_active(&self) -> bool {
        self.joined().timeline.is_some()
    }

    /// Waits until the database is not the one that was joined; says why.
    pub(crate) async fn diverged(&self) -> String {
        loop {
            if let Some(divergence) = self.joined().divergence.clone() {
                return divergence;
            }
            self.shared.divergence.notified().await;
        }
    }

    /// Refuses a new connection to another timeline.
    pub(crate) async fn check_connection(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if !self.is_active() {
            return Ok(());
        }
        let row = sqlx::query(TIMELINE_QUERY).fetch_one(connection).await?;
        match self.observe(read_timeline(&row)?) {
            None => Ok(()),
            Some(divergence) => Err(sqlx::Error::Protocol(divergence)),
        }
    }

    /// Reads the timeline through a connection that may lead to any server.
    pub(crate) async fn poll<C: ConnectionTrait>(&self, connection: &C) {
        if self.is_active()
            && let Ok(Some(current)) = query_timeline(connection).await
        {
            self.observe(current);
        }
    }
}

fn read_timeline(row: &PgRow) -> Result<DatabaseTimeline, sqlx::Error> {
    Ok(DatabaseTimeline {
        system: row.try_get(0)?,
        timeline: row.try_get(1)?,
        flushed: row.try_get(2)?,
    })
}

/// Reads the server's timeline; none on SQLite and where the server does not show it.
pub(crate) async fn query_timeline<C: ConnectionTrait>(
    connection: &C,
) -> Result<Option<DatabaseTimeline>, DbErr> {
    if connection.get_database_backend() != DbBackend::Postgres {
        return Ok(None);
    }
    let query = Statement::from_string(DbBackend::Postgres, TIMELINE_QUERY);
    let row: Option<QueryResult> = match connection.query_one_raw(query).await {
        Err(error) if is_not_permitted(&error) => {
            tracing::warn!(
                %error,
                "the database does not show its timeline; after a restore, or a failover that lost commits, run \
                 `porpoise db restored`"
            );
            return Ok(None);
        }
        answer => answer?,
    };
    let Some(row) = row else { return Ok(None) };
    Ok(Some(DatabaseTimeline {
        system: row.try_get_by_index(0)?,
        timeline: row.try_get_by_index(1)?,
        flushed: row.try_get_by_index(2)?,
    }))
}

fn is_not_permitted(error: &DbErr) -> bool {
    let (DbErr::Query(sea_orm::RuntimeErr::SqlxError(cause))
    | DbErr::Exec(sea_orm::RuntimeErr::SqlxError(cause))) = error
    else {
        return false;
    };
    let code = cause.as_database_error().and_then(|answer| answer.code());
    code.is_some_and(|code| NOT_PERMITTED.contains(&code.as_ref()))
}

#[cfg(test)]
mod tests;
