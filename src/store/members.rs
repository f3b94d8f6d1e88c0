//! The lives of nodes: joining, beating, moving forward.

use actors::ports::{Beat, Join, Joined, Member, StoreError};
use engine::ids::{Generation, Incarnation, Millis};
use engine::states::MemberState;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult};

use super::rows::{Cells, damaged};
use super::{Store, begin_on, connect, store_error};

/// Ended lives stay listed for so long.
const LISTED_MS: i64 = 24 * 60 * 60 * 1000;

impl Store {
    /// Starts the only life of a standalone node.
    pub(super) async fn join_standalone(&self, join: &Join) -> Result<Joined, StoreError> {
        let transaction = begin_on(&self.inner.pools.engine).await?;
        let now = self.now_on(&transaction).await?;
        let end = "UPDATE member SET state = 'dead', state_at = $1, reason = 'superseded' \
                   WHERE state IN ('joining', 'active', 'draining')";
        transaction
            .execute_raw(self.statement(end, [now.0.into()]))
            .await
            .map_err(store_error)?;
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
            .map_err(store_error)?
            .ok_or_else(|| damaged("the new member has no number"))?;
        let mut cells = Cells::of(&row);
        let incarnation: i64 = cells.take()?;
        let generation = Generation(cells.take()?);
        let beat = "INSERT INTO member_beat (incarnation, seen_at) VALUES ($1, $2)";
        transaction
            .execute_raw(self.statement(beat, [incarnation.into(), now.0.into()]))
            .await
            .map_err(store_error)?;
        self.commit_engine(transaction).await?;
        Ok(Joined {
            incarnation: Incarnation(incarnation),
            generation,
            now,
        })
    }

    /// Moves a life forward. The same state again changes nothing; a step back is refused.
    pub(super) async fn move_member(&self, me: Incarnation, state: MemberState) -> Result<(), StoreError> {
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
    pub(super) async fn beat_once(&self, me: Incarnation) -> Result<Beat, StoreError> {
        let sql = "UPDATE member_beat SET seen_at = $2 WHERE incarnation = $1 \
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
            return Ok(Beat {
                now: self.now().await?,
                state: MemberState::Dead,
            });
        };
        let mut cells = Cells::of(&row);
        Ok(Beat {
            now: Millis(cells.take()?),
            state: cells.name()?,
        })
    }

    /// Lists lives that go on, and those that ended within a day.
    pub(super) async fn list_members(&self) -> Result<Vec<Member>, StoreError> {
        let now = self.now().await?;
        let sql = "SELECT incarnation, name, host, roles, state, joined_at, slots, worker_group, version \
                   FROM member WHERE state IN ('joining', 'active', 'draining') OR state_at > $1 \
                   ORDER BY incarnation";
        let rows = self
            .reader()
            .query_all_raw(self.statement(sql, [now.plus(-LISTED_MS).0.into()]))
            .await
            .map_err(store_error)?;
        rows.iter().map(read_member).collect()
    }
}

fn read_member(row: &QueryResult) -> Result<Member, StoreError> {
    let mut cells = Cells::of(row);
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
