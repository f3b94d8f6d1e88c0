//! The incarnations of nodes: joining, heartbeats, changes of state.

use async_trait::async_trait;
use engine::ids::{Generation, Incarnation, Timestamp};
use engine::states::MemberState;
use ports::{
    DbHeartbeat, HeartbeatReading, Join, JoinResult, Member, MemberStatus, MembershipStore, StoreError,
};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};

use crate::batch_sql::row_lock;
use crate::connect::{self, Role};
use crate::engine::alerts::events::{NodeEventRow, store_node_events};
use crate::error::{is_unique_violation, store_error};
use crate::ownership_predicates::LIVE_MEMBER;
use crate::pool::Transaction;
use crate::row_reader::{RowReader, corrupt};
use crate::store::Store;
use crate::timeline;

/// Time for which ended incarnations are listed.
const LISTED_MS: i64 = 24 * 60 * 60 * 1000;

/// The columns of a member as it is read.
const MEMBER: &str = "incarnation, name, host, roles, state, joined_at, slots, worker_group, version";

#[async_trait]
impl MembershipStore for Store {
    async fn join_standalone(&self, join: &Join) -> Result<JoinResult, StoreError> {
        self.start_incarnation(join, "", Vec::new()).await
    }

    /// Starts an incarnation among others. Of two that join under one name or host at the same moment, the second
    /// supersedes the first or is refused: the unique keys hold whatever each of them read.
    async fn join_cluster(&self, join: &Join) -> Result<JoinResult, StoreError> {
        let name_or_host = vec![join.name.clone().into(), join.host.clone().into()];
        self.start_incarnation(join, " AND (name = $1 OR host = $2)", name_or_host)
            .await
    }

    async fn agree_on_secret(&self, digest: &str) -> Result<bool, StoreError> {
        let sql =
            "UPDATE cluster_meta SET secret_hash = coalesce(secret_hash, $1) RETURNING secret_hash = $1";
        let row = self
            .writer()
            .query_one_raw(self.statement(sql, [digest.into()]))
            .await
            .map_err(store_error)?
            .ok_or_else(|| corrupt("the row of the cluster is missing"))?;
        RowReader::new(&row).next_value()
    }

    /// Moves an incarnation forward. The same state again changes nothing; a step back is refused.
    async fn set_member_state(&self, incarnation: Incarnation, state: MemberState) -> Result<(), StoreError> {
        let now = self.now().await?;
        let sql = "UPDATE member SET state = $2, state_at = CASE WHEN state = $2 THEN state_at ELSE $3 END \
                   WHERE incarnation = $1";
        let values = [incarnation.0.into(), state.as_str().into(), now.0.into()];
        let done = self
            .heartbeat_pool()
            .execute_raw(self.statement(sql, values))
            .await
            .map_err(store_error)?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Rejected(format!("there is no member {incarnation}")));
        }
        Ok(())
    }

    /// Stores that an incarnation is alive. One whose row is missing, or has fewer heartbeats than were acknowledged,
    /// counts as dead; nothing is written then, so that every later connection finds the same.
    async fn record_heartbeat(&self, incarnation: Incarnation) -> Result<DbHeartbeat, StoreError> {
        let acknowledged = self.acknowledged_heartbeats(incarnation);
        // Read to its end: the row comes before the commit, which may still fail.
        let rows = self
            .heartbeat_pool()
            .query_all_raw(self.heartbeat_statement(incarnation, acknowledged))
            .await
            .map_err(store_error)?;
        let Some(row) = rows.first() else {
            self.bump_if_lost(incarnation).await?;
            return Ok(DbHeartbeat {
                // On this pool: where this incarnation is not known, the other pools may be refused.
                now: self.now_on(self.heartbeat_pool()).await?,
                state: MemberState::Dead,
            });
        };
        let mut columns = RowReader::new(row);
        let heartbeat = DbHeartbeat {
            now: Timestamp(columns.next_value()?),
            state: columns.next_parsed()?,
        };
        self.timeline_monitor()
            .acknowledge_heartbeat(incarnation, columns.next_value()?);
        Ok(heartbeat)
    }

    async fn read_heartbeat(&self, incarnation: Incarnation) -> Result<Option<HeartbeatReading>, StoreError> {
        let now = self.now().await?;
        let sql = format!(
            "SELECT b.heartbeats, b.seen_at FROM member_heartbeat b JOIN member USING (incarnation) \
             WHERE incarnation = $1 AND {LIVE_MEMBER}"
        );
        let row = self
            .reader()
            .query_one_raw(self.statement(&sql, [incarnation.0.into()]))
            .await
            .map_err(store_error)?;
        let Some(row) = row else { return Ok(None) };
        let mut columns = RowReader::new(&row);
        let (count, seen_at): (i64, i64) = (columns.next_value()?, columns.next_value()?);
        Ok(Some(HeartbeatReading {
            count,
            // A heartbeat may arrive between the two reads.
            age_ms: now.0.saturating_sub(seen_at).max(0),
        }))
    }

    async fn list_members(&self) -> Result<Vec<Member>, StoreError> {
        let now = self.now().await?;
        let sql =
            format!("SELECT {MEMBER} FROM member WHERE {LIVE_MEMBER} OR state_at > $1 ORDER BY incarnation");
        let rows = self
            .reader()
            .query_all_raw(self.statement(&sql, [now.plus(-LISTED_MS).0.into()]))
            .await
            .map_err(store_error)?;
        rows.iter()
            .map(|row| read_member(&mut RowReader::new(row)))
            .collect()
    }

    async fn list_live_members(&self) -> Result<Vec<MemberStatus>, StoreError> {
        let now = self.now().await?;
        let sql = format!(
            "SELECT {MEMBER}, coalesce((SELECT b.seen_at FROM member_heartbeat b \
             WHERE b.incarnation = member.incarnation), joined_at) \
             FROM member WHERE {LIVE_MEMBER} ORDER BY incarnation"
        );
        let rows = self
            .reader()
            .query_all_raw(self.statement(&sql, []))
            .await
            .map_err(store_error)?;
        rows.iter()
            .map(|row| {
                let mut columns = RowReader::new(row);
                let member = read_member(&mut columns)?;
                let seen_at: i64 = columns.next_value()?;
                // A heartbeat may arrive between the two reads.
                let heartbeat_age_ms = now.0.saturating_sub(seen_at).max(0);
                Ok(MemberStatus {
                    member,
                    heartbeat_age_ms,
                })
            })
            .collect()
    }
}

impl Store {
    /// Ends the live incarnations of a condition and starts a new one.
    async fn start_incarnation(
        &self,
        join: &Join,
        condition: &str,
        values: Vec<Value>,
    ) -> Result<JoinResult, StoreError> {
        let timeline = self.timeline().await?;
        let transaction = self.engine_pool().begin_write().await?;
        let bump = self.check_at_join(&transaction, timeline.as_ref()).await?;
        // Locked before the clock is read: what an old incarnation still claims is committed before it is dead.
        let lock = row_lock(self.backend(), "FOR NO KEY UPDATE");
        let live = format!(
            "SELECT incarnation FROM member WHERE {LIVE_MEMBER}{condition} ORDER BY incarnation{lock}"
        );
        let old = transaction
            .query_all_raw(self.statement(&live, values))
            .await
            .map_err(store_error)?;
        let now = self.now_on(&transaction).await?;
        let end =
            "UPDATE member SET state = 'dead', state_at = $2, reason = 'superseded' WHERE incarnation = $1";
        for row in &old {
            let incarnation: i64 = RowReader::new(row).next_value()?;
            transaction
                .execute_raw(self.statement(end, [incarnation.into(), now.0.into()]))
                .await
                .map_err(store_error)?;
            let death = NodeEventRow::death(incarnation, now, "its node or address started again");
            store_node_events(&transaction, &[death]).await?;
        }
        let (incarnation, generation) = self.insert_member(&transaction, join, now).await?;
        if let Some(bump) = bump {
            bump.log();
        }
        self.commit_engine(transaction).await?;
        self.timeline_monitor().start((incarnation, generation), timeline);
        Ok(JoinResult {
            incarnation,
            generation,
            now,
        })
    }

    /// Inserts the row and the first heartbeat of a new incarnation.
    async fn insert_member(
        &self,
        transaction: &Transaction,
        join: &Join,
        now: Timestamp,
    ) -> Result<(Incarnation, Generation), StoreError> {
        let insert = "INSERT INTO member \
                      (name, host, roles, state, slots, worker_group, version, joined_at, state_at) \
                      VALUES ($1, $2, $3, 'joining', $4, $5, $6, $7, $7) \
                      RETURNING incarnation, (SELECT generation FROM cluster_meta)";
        let values = [
            join.name.clone().into(),
            join.host.clone().into(),
            join.roles.join(",").into(),
            i64::from(join.slots).into(),
            join.worker_group.clone().into(),
            join.version.clone().into(),
            now.0.into(),
        ];
        let row = transaction
            .query_one_raw(self.statement(insert, values))
            .await
            .map_err(|error| already_joined(join, error))?
            .ok_or_else(|| corrupt("the new member has no number"))?;
        let mut columns = RowReader::new(&row);
        let incarnation: i64 = columns.next_value()?;
        let generation = Generation(columns.next_value()?);
        let heartbeat = "INSERT INTO member_heartbeat (incarnation, seen_at) VALUES ($1, $2)";
        transaction
            .execute_raw(self.statement(heartbeat, [incarnation.into(), now.0.into()]))
            .await
            .map_err(store_error)?;
        Ok((Incarnation(incarnation), generation))
    }

    /// Returns how many heartbeats of an incarnation the database must have. A pure worker asks for none: it decides
    /// nothing, and its heartbeat is as true in an older copy.
    fn acknowledged_heartbeats(&self, incarnation: Incarnation) -> i64 {
        match self.role() {
            Role::Node => self.timeline_monitor().acknowledged_heartbeats(incarnation),
            Role::Worker | Role::Tool => 0,
        }
    }

    fn heartbeat_statement(&self, incarnation: Incarnation, acknowledged: i64) -> Statement {
        let sql = "UPDATE member_heartbeat SET seen_at = $3, heartbeats = heartbeats + 1 \
                   WHERE incarnation = $1 AND heartbeats >= $2 \
                   RETURNING seen_at, (SELECT state FROM member WHERE incarnation = $1), heartbeats";
        let values = [incarnation.0.into(), acknowledged.into()];
        if self.backend() == DbBackend::Postgres {
            let clock = connect::POSTGRES_NOW;
            self.statement(&sql.replace("$3", &format!("({clock})")), values)
        } else {
            let now = connect::machine_time().0.into();
            self.statement(sql, values.into_iter().chain([now]))
        }
    }

    /// Bumps the generation when the database does not know an incarnation that has joined, or not all of its
    /// heartbeats: it has lost at least those commits.
    async fn bump_if_lost(&self, incarnation: Incarnation) -> Result<(), StoreError> {
        let joined = self.timeline_monitor().generation_of(incarnation);
        if let Some(joined) = joined.filter(|_| self.backend() == DbBackend::Postgres) {
            let why = timeline::heartbeats_lost(incarnation);
            self.bump_generation(joined, &why).await?;
        }
        Ok(())
    }
}

/// Whether a member is active, and stays so until the commit.
pub(crate) async fn lock_active_member(
    transaction: &Transaction,
    incarnation: i64,
) -> Result<bool, StoreError> {
    let backend = transaction.get_database_backend();
    let sql = format!(
        "SELECT 1 FROM member WHERE incarnation = $1 AND state = 'active'{}",
        row_lock(backend, "FOR SHARE")
    );
    let row = transaction
        .query_one_raw(Statement::from_sql_and_values(backend, sql, [incarnation.into()]))
        .await
        .map_err(store_error)?;
    Ok(row.is_some())
}

/// Explains that another incarnation with this name or host joined at the same moment.
fn already_joined(join: &Join, error: DbErr) -> StoreError {
    if is_unique_violation(&error) {
        return StoreError::Rejected(format!(
            "another node joined as {} or at {} at the same moment; each name and each address serves one node",
            join.name, join.host
        ));
    }
    store_error(error)
}

/// Reads the columns of `MEMBER`.
fn read_member(columns: &mut RowReader<'_>) -> Result<Member, StoreError> {
    Ok(Member {
        incarnation: Incarnation(columns.next_value()?),
        name: columns.next_value()?,
        host: columns.next_value()?,
        roles: columns
            .next_value::<String>()?
            .split(',')
            .filter(|role| !role.is_empty())
            .map(str::to_owned)
            .collect(),
        state: columns.next_parsed()?,
        joined_at: Timestamp(columns.next_value()?),
        slots: columns.next_u32()?,
        worker_group: columns.next_value()?,
        version: columns.next_value()?,
    })
}
