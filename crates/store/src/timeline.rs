//! The history that a PostgreSQL server continues, and the check that connections still lead to the joined one.
//!
//! A promoted standby has another timeline, a database that was moved has another system identifier, and an older
//! copy that was started in the place of the newer one has fewer heartbeats of this process than were acknowledged.
//! Positions of the write-ahead log prove nothing: recovery after a crash gives up an unfinished end of it.
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
    ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint";

/// Counts the heartbeats of an incarnation.
const HEARTBEATS_QUERY: &str = "SELECT heartbeats FROM member_heartbeat WHERE incarnation = $1";

/// SQLSTATE of a role without the permission, and of a server without such a function or that refuses it.
const NOT_PERMITTED: [&str; 3] = ["42501", "42883", "0A000"];

/// One history of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseTimeline {
    /// Assigned when the server's files were made; a physical copy has the same.
    pub system: String,
    /// Rises with each promotion.
    pub timeline: i64,
}

impl DatabaseTimeline {
    /// Says why this does not continue `before`, if it does not.
    pub fn divergence_from(&self, before: &Self) -> Option<String> {
        if self.system != before.system {
            return Some(server_changed(&before.system, &self.system));
        }
        (self.timeline != before.timeline).then(|| timeline_changed(before.timeline, self.timeline))
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

/// Describes a database without commits that it has acknowledged.
pub(crate) fn heartbeats_lost(incarnation: Incarnation) -> String {
    format!("the database has lost commits of the incarnation {incarnation}: an older copy was restored")
}

/// What a connection must show to continue the history that this process has joined.
#[derive(Debug, Clone, PartialEq, Eq)]
struct JoinedHistory {
    /// The incarnation of this process.
    incarnation: Incarnation,
    /// The number of its heartbeats that the database has acknowledged.
    heartbeats: i64,
    /// None where the server does not show it.
    timeline: Option<DatabaseTimeline>,
}

impl JoinedHistory {
    /// Says why a database has lost commits if it stores fewer heartbeats than it acknowledged, or no row for them.
    fn lost_by(&self, stored: Option<i64>) -> Option<String> {
        let complete = stored.is_some_and(|stored| stored >= self.heartbeats);
        (!complete).then(|| heartbeats_lost(self.incarnation))
    }
}

/// Compares every new connection with the history that this process has joined; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct TimelineMonitor {
    shared: Arc<MonitorState>,
}

#[derive(Debug, Default)]
struct MonitorState {
    progress: Mutex<MonitorProgress>,
    divergence: Notify,
}

#[derive(Debug, Default)]
struct MonitorProgress {
    /// None until this process has joined.
    joined: Option<(JoinedHistory, Generation)>,
    /// Why the database is not the one that was joined.
    divergence: Option<String>,
}

impl TimelineMonitor {
    fn progress(&self) -> MutexGuard<'_, MonitorProgress> {
        self.shared
            .progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Compares every later connection with this history.
    pub(crate) fn start(
        &self,
        (incarnation, generation): (Incarnation, Generation),
        timeline: Option<DatabaseTimeline>,
    ) {
        let joined = JoinedHistory {
            incarnation,
            heartbeats: 0,
            timeline,
        };
        self.progress().joined = Some((joined, generation));
    }

    /// Returns what a connection must show that is read from now on; none until this process has joined.
    fn joined(&self) -> Option<JoinedHistory> {
        self.progress().joined.as_ref().map(|(joined, _)| joined.clone())
    }

    /// Returns the generation in which this process has joined as this incarnation, if it has.
    pub(crate) fn generation_of(&self, incarnation: Incarnation) -> Option<Generation> {
        let progress = self.progress();
        let joined = progress.joined.as_ref();
        joined
            .filter(|(joined, _)| joined.incarnation == incarnation)
            .map(|(_, generation)| *generation)
    }

    /// Returns how many heartbeats of an incarnation the database has acknowledged to this process.
    pub(crate) fn acknowledged_heartbeats(&self, incarnation: Incarnation) -> i64 {
        let joined = self.joined().filter(|joined| joined.incarnation == incarnation);
        joined.map_or(0, |joined| joined.heartbeats)
    }

    /// Records how many heartbeats of an incarnation the database has acknowledged.
    pub(crate) fn acknowledge_heartbeat(&self, incarnation: Incarnation, count: i64) {
        if let Some((joined, _)) = &mut self.progress().joined
            && joined.incarnation == incarnation
        {
            joined.heartbeats = joined.heartbeats.max(count);
        }
    }

    /// Records that a connection leads to another history.
    fn record_divergence(&self, why: &str) {
        let mut progress = self.progress();
        if progress.divergence.is_none() {
            progress.divergence = Some(why.to_owned());
            self.shared.divergence.notify_one();
        }
    }

    /// Waits until the database is not the one that was joined; says why.
    pub(crate) async fn diverged(&self) -> String {
        loop {
            if let Some(divergence) = self.progress().divergence.clone() {
                return divergence;
            }
            self.shared.divergence.notified().await;
        }
    }

    /// Refuses a new connection to another history.
    pub(crate) async fn check_connection(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        // Taken before the connection is read: a heartbeat that is acknowledged meanwhile may be missing there.
        let Some(joined) = self.joined() else {
            return Ok(());
        };
        let Some(divergence) = read_divergence(connection, &joined).await? else {
            return Ok(());
        };
        self.record_divergence(&divergence);
        Err(sqlx::Error::Protocol(divergence))
    }

    /// Reads the timeline through a connection that may lead to any server.
    pub(crate) async fn poll<C: ConnectionTrait>(&self, connection: &C) {
        if let Some(before) = self.joined().and_then(|joined| joined.timeline)
            && let Ok(Some(current)) = query_timeline(connection).await
            && let Some(divergence) = current.divergence_from(&before)
        {
            self.record_divergence(&divergence);
        }
    }
}

/// Reads through a new connection why it leads to another history, if it does.
async fn read_divergence(
    connection: &mut PgConnection,
    joined: &JoinedHistory,
) -> Result<Option<String>, sqlx::Error> {
    if let Some(before) = &joined.timeline {
        let row = sqlx::query(TIMELINE_QUERY).fetch_one(&mut *connection).await?;
        if let Some(divergence) = read_timeline(&row)?.divergence_from(before) {
            return Ok(Some(divergence));
        }
    }
    let query = sqlx::query(HEARTBEATS_QUERY).bind(joined.incarnation.0);
    let row = query.fetch_optional(connection).await?;
    Ok(joined.lost_by(row.map(|row| row.try_get(0)).transpose()?))
}

fn read_timeline(row: &PgRow) -> Result<DatabaseTimeline, sqlx::Error> {
    Ok(DatabaseTimeline {
        system: row.try_get(0)?,
        timeline: row.try_get(1)?,
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
