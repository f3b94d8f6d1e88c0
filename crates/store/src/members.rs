//! The lives of nodes: joining, beating, moving forward.

use actors::ports::{DbHeartbeat, Join, JoinResult, Member, MemberStatus, StoreError};
use engine::ids::{Generation, Incarnation, Millis};
use engine::states::MemberState;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Value};

use super::rows::{Cells, damaged, row_lock};
use super::{Store, Transaction, begin_on, connect, is_unique_violation, store_error};

/// Ended lives stay listed for so long.
const LISTED_MS: i64 = 24 * 60 * 60 * 1000;

/// The condition of a life that goes on.
pub(super) const LIVE: &str = "state IN ('joining', 'active', 'draining')";

/// The columns of a member as it is read.
const MEMBER: &str = "incarnation, name, host, roles, state, joined_at, slots, worker_group, version";

impl Store {
    /// Starts the only life of a standalone node.
    pub(super) async fn join_standalone(&self, join: &Join) -> Result<JoinResult, StoreError> {
        self.start_life(join, "", Vec::new()).await
    }

    /// Starts a life among others. Of two that join under one name or host at the same moment, the second one
    /// supersedes the first or is refused: the unique keys hold whatever each of them saw.
    pub(super) async fn join_cluster(&self, join: &Join) -> Result<JoinResult, StoreError> {
        let mine = vec![join.name.clone().into(), join.host.clone().into()];
        self.start_life(join, " AND (name = $1 OR host = $2)", mine).await
    }

    /// Ends the live lives of a condition and starts a new one.
    async fn start_life(&self, join: &Join, of: &str, values: Vec<Value>) -> Result<JoinResult, StoreError> {
        let lineage = self.lineage().await?;
        let transaction = begin_on(&self.inner.pools.engine).await?;
        let raised = self.follow(&transaction, lineage.as_ref()).await?;
        // Locked before the clock is read: what an old life still claims is committed before it is dead.
        let lock = row_lock(self.backend(), "FOR NO KEY UPDATE");
        let live = format!("SELECT incarnation FROM member WHERE {LIVE}{of} ORDER BY incarnation{lock}");
        let old = transaction
            .query_all_raw(self.statement(&live, values))
            .await
            .map_err(store_error)?;
        let now = self.now_on(&transaction).await?;
        let end =
            "UPDATE member SET state = 'dead', state_at = $2, reason = 'superseded' WHERE incarnation = $1";
        for row in &old {
            let incarnation: i64 = Cells::of(row).take()?;
            transaction
                .execute_raw(self.statement(end, [incarnation.into(), now.0.into()]))
                .await
                .map_err(store_error)?;
        }
        let (incarnation, generation) = self.insert_life(&transaction, join, now).await?;
        self.commit_engine(transaction).await?;
        if let Some(raised) = raised {
            raised.report();
        }
        self.inner.watch.begin((incarnation, generation), lineage);
        Ok(JoinResult {
            incarnation,
            generation,
            now,
        })
    }

    /// Inserts the row and the first beat of a new life.
    async fn insert_life(
        &self,
        transaction: &Transaction,
        join: &Join,
        now: Millis,
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
            .ok_or_else(|| damaged("the new member has no number"))?;
        let mut cells = Cells::of(&row);
        let incarnation: i64 = cells.take()?;
        let generation = Generation(cells.take()?);
        let beat = "INSERT INTO member_heartbeat (incarnation, seen_at) VALUES ($1, $2)";
        transaction
            .execute_raw(self.statement(beat, [incarnation.into(), now.0.into()]))
            .await
            .map_err(store_error)?;
        Ok((Incarnation(incarnation), generation))
    }

    /// Remembers the digest of the cluster's secret if there is none; answers whether it is this one.
    pub(super) async fn agree_on_secret(&self, digest: &str) -> Result<bool, StoreError> {
        let sql =
            "UPDATE cluster_meta SET secret_hash = coalesce(secret_hash, $1) RETURNING secret_hash = $1";
        let row = self
            .writer()
            .query_one_raw(self.statement(sql, [digest.into()]))
            .await
            .map_err(store_error)?
            .ok_or_else(|| damaged("the row of the cluster is missing"))?;
        Cells::of(&row).take()
    }

    /// Moves a life forward. The same state again changes nothing; a step back is refused.
    pub(super) async fn set_member_state(&self, me: Incarnation, state: MemberState) -> Result<(), StoreError> {
        let now = self.now().await?;
        let sql = "UPDATE member SET state = $2, state_at = CASE WHEN state = $2 THEN state_at ELSE $3 END \
                   WHERE incarnation = $1";
        let values = [me.0.into(), state.as_str().into(), now.0.into()];
        let done = self
            .inner
            .pools
            .beats
            .execute_raw(self.statement(sql, values))
            .await
            .map_err(store_error)?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Rejected(format!("there is no member {me}")));
        }
        Ok(())
    }

    /// Says that this life goes on. Without a row it is as good as dead.
    pub(super) async fn record_heartbeat(&self, me: Incarnation) -> Result<DbHeartbeat, StoreError> {
        let sql = "UPDATE member_heartbeat SET seen_at = $2 WHERE incarnation = $1 \
                   RETURNING seen_at, (SELECT state FROM member WHERE incarnation = $1)";
        let statement = if self.backend() == DbBackend::Postgres {
            let clock = connect::POSTGRES_NOW;
            self.statement(&sql.replace("$2", &format!("({clock})")), [me.0.into()])
        } else {
            let now = self.inner.clock.now();
            self.statement(sql, [me.0.into(), now.0.into()])
        };
        let row = self
            .inner
            .pools
            .beats
            .query_one_raw(statement)
            .await
            .map_err(store_error)?;
        let Some(row) = row else {
            self.is_forgotten(me).await?;
            return Ok(DbHeartbeat {
                // Asked here: where this life is not known, the other pools may be refused.
                now: self.now_on(&self.inner.pools.beats).await?,
                state: MemberState::Dead,
            });
        };
        let mut cells = Cells::of(&row);
        Ok(DbHeartbeat {
            now: Millis(cells.take()?),
            state: cells.name()?,
        })
    }

    /// The database does not know a life that has joined: it has lost at least that commit.
    async fn is_forgotten(&self, me: Incarnation) -> Result<(), StoreError> {
        let joined = self.inner.watch.generation_of(me);
        if let Some(mine) = joined.filter(|_| self.backend() == DbBackend::Postgres) {
            let why = format!("the database has forgotten the life {me}");
            if let Some(raised) = self.leave_behind(mine, &why).await? {
                raised.report();
            }
        }
        Ok(())
    }

    /// Lists lives that go on, and those that ended within a day.
    pub(super) async fn list_members(&self) -> Result<Vec<Member>, StoreError> {
        let now = self.now().await?;
        let sql = format!("SELECT {MEMBER} FROM member WHERE {LIVE} OR state_at > $1 ORDER BY incarnation");
        let rows = self
            .reader()
            .query_all_raw(self.statement(&sql, [now.plus(-LISTED_MS).0.into()]))
            .await
            .map_err(store_error)?;
        rows.iter().map(|row| read_member(&mut Cells::of(row))).collect()
    }

    /// Lists lives that go on, and how long each has been silent by the database's clock.
    pub(super) async fn list_live_members(&self) -> Result<Vec<MemberStatus>, StoreError> {
        let now = self.now().await?;
        let sql = format!(
            "SELECT {MEMBER}, coalesce((SELECT b.seen_at FROM member_heartbeat b \
             WHERE b.incarnation = member.incarnation), joined_at) \
             FROM member WHERE {LIVE} ORDER BY incarnation"
        );
        let rows = self
            .reader()
            .query_all_raw(self.statement(&sql, []))
            .await
            .map_err(store_error)?;
        rows.iter()
            .map(|row| {
                let mut cells = Cells::of(row);
                let member = read_member(&mut cells)?;
                let seen_at: i64 = cells.take()?;
                // A beat may come between the two reads.
                let heartbeat_age_ms = now.0.saturating_sub(seen_at).max(0);
                Ok(MemberStatus { member, heartbeat_age_ms })
            })
            .collect()
    }
}

/// Says in words that another life with this name or host joined at the same moment.
fn already_joined(join: &Join, error: DbErr) -> StoreError {
    if is_unique_violation(&error) {
        return StoreError::Rejected(format!(
            "another node joined as {} or at {} at the same moment; each name and each address serves one node",
            join.name, join.host
        ));
    }
    store_error(error)
}

/// Reads the cells of `MEMBER`.
fn read_member(cells: &mut Cells<'_>) -> Result<Member, StoreError> {
    Ok(Member {
        incarnation: Incarnation(cells.take()?),
        name: cells.take()?,
        host: cells.take()?,
        roles: cells
            .take::<String>()?
            .split(',')
            .filter(|role| !role.is_empty())
            .map(str::to_owned)
            .collect(),
        state: cells.name()?,
        joined_at: Millis(cells.take()?),
        slots: cells.small()?,
        worker_group: cells.take()?,
        version: cells.take()?,
    })
}
