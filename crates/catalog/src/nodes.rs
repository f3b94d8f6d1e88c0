//! Nodes, take-overs and the database itself as readers see them.

use std::collections::BTreeMap;

use engine::ids::{Incarnation, Timestamp};
use engine::states::MemberState;
use sea_orm::{ColumnTrait, Condition, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::columns::{narrow, parse_name};
use crate::entity::{attempt, failover, instance, member};
use crate::error::CatalogError;
use crate::page::{Page, PageRequest};
use store::Store;

/// Time for which ended incarnations are listed.
const LISTED_MS: i64 = 24 * 60 * 60 * 1000;

/// One incarnation of a node as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRow {
    /// Which incarnation.
    pub incarnation: Incarnation,
    /// The node's name.
    pub name: String,
    /// Its address.
    pub host: String,
    /// `master`, `worker`, `api`.
    pub roles: Vec<String>,
    /// Its state.
    pub state: MemberState,
    /// When it joined.
    pub joined_at: Timestamp,
    /// How many instances it owns.
    pub instances: u32,
    /// Slots of its worker.
    pub slots_total: u32,
    /// Attempts that are created or running there; what masters bound beyond its slots is refused there, and is
    /// not counted.
    pub slots_used: u32,
    /// The group of its worker.
    pub worker_group: String,
    /// The program's version.
    pub version: String,
}

/// One of the two incarnations of a take-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailoverSide {
    /// Which incarnation.
    pub incarnation: Incarnation,
    /// Its address.
    pub host: String,
}

/// One death and what became of the instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailoverRow {
    /// Its row; grows.
    pub id: i64,
    /// Who was declared dead.
    pub dead: FailoverSide,
    /// Who took over.
    pub survivor: FailoverSide,
    /// Why it was declared dead, in words.
    pub reason: String,
    /// When it was first suspected.
    pub suspected_at: Option<Timestamp>,
    /// When it was declared dead.
    pub declared_at: Timestamp,
    /// When the last of its instances had a new owner.
    pub acknowledged_at: Option<Timestamp>,
    /// How many instances moved.
    pub instances: u32,
    /// How many attempts continued.
    pub attempts_reattached: u32,
    /// How many attempts were lost.
    pub attempts_lost: u32,
}

impl TryFrom<failover::Model> for FailoverRow {
    type Error = CatalogError;

    fn try_from(row: failover::Model) -> Result<Self, CatalogError> {
        let side = |incarnation, host| FailoverSide {
            incarnation: Incarnation(incarnation),
            host,
        };
        Ok(Self {
            id: row.id,
            dead: side(row.dead, row.dead_host),
            survivor: side(row.survivor, row.survivor_host),
            reason: row.reason,
            suspected_at: row.suspected_at.map(Timestamp),
            declared_at: Timestamp(row.declared_at),
            acknowledged_at: row.acknowledged_at.map(Timestamp),
            instances: narrow("instances", row.instances)?,
            attempts_reattached: narrow("attempts_reattached", row.attempts_reattached)?,
            attempts_lost: narrow("attempts_lost", row.attempts_lost)?,
        })
    }
}

/// What is behind the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseInfo {
    /// `sqlite` or `postgres`.
    pub backend: &'static str,
    /// The name of the newest migration that was applied.
    pub schema_version: String,
}

/// The nodes.
#[derive(Debug, Clone, Copy)]
pub struct Nodes<'a> {
    store: &'a Store,
}

impl<'a> Nodes<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Lists the live nodes, and those that ended within the day before `at`, newest first.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn list(self, at: Timestamp) -> Result<Vec<NodeRow>, CatalogError> {
        let read = self.store.begin_read().await?;
        let is_listed = Condition::any()
            .add(member::Column::State.is_not_in(["left", "dead"]))
            .add(member::Column::StateAt.gt(at.0 - LISTED_MS));
        let rows = member::Entity::find()
            .filter(is_listed)
            .order_by_desc(member::Column::Incarnation)
            .all(&read)
            .await?;
        let owned: Vec<(i64, i64)> = instance::Entity::find()
            .select_only()
            .column(instance::Column::Owner)
            .column_as(instance::Column::Id.count(), "number")
            .filter(instance::Column::Owner.is_not_null())
            .group_by(instance::Column::Owner)
            .into_tuple()
            .all(&read)
            .await?;
        let used: Vec<(i64, i64)> = attempt::Entity::find()
            .select_only()
            .column(attempt::Column::Worker)
            .column_as(attempt::Column::Number.count(), "number")
            .filter(attempt::Column::State.is_in(["created", "running"]))
            .filter(attempt::Column::Worker.is_not_null())
            .group_by(attempt::Column::Worker)
            .into_tuple()
            .all(&read)
            .await?;
        let owned: BTreeMap<i64, i64> = owned.into_iter().collect();
        let used: BTreeMap<i64, i64> = used.into_iter().collect();
        let count = |counts: &BTreeMap<i64, i64>, row: &member::Model| {
            counts.get(&row.incarnation).copied().unwrap_or(0)
        };
        rows.into_iter()
            .map(|row| {
                let (owned, used) = (count(&owned, &row), count(&used, &row));
                node_row(row, owned, used)
            })
            .collect()
    }

    /// Lists one page of them.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list_page(self, at: Timestamp, page: &PageRequest) -> Result<Page<NodeRow>, CatalogError> {
        let before = page.after::<i64>("nodes")?.unwrap_or(i64::MAX);
        let mut nodes = self.list(at).await?;
        nodes.retain(|node| node.incarnation.0 < before);
        Ok(Page::cut("nodes", page, nodes, |node: &NodeRow| {
            node.incarnation.to_string()
        }))
    }

    /// Lists take-overs, newest first.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn list_failovers(self, page: &PageRequest) -> Result<Page<FailoverRow>, CatalogError> {
        let before = page.after::<i64>("failovers")?.unwrap_or(i64::MAX);
        let rows = failover::Entity::find()
            .filter(failover::Column::Id.lt(before))
            .order_by_desc(failover::Column::Id)
            .limit(page.rows())
            .all(self.store.reader())
            .await?;
        let items = rows
            .into_iter()
            .map(FailoverRow::try_from)
            .collect::<Result<_, _>>()?;
        Ok(Page::cut("failovers", page, items, |row: &FailoverRow| {
            row.id.to_string()
        }))
    }

    /// Reads what the database is; an error means that it cannot be reached.
    ///
    /// # Errors
    /// `Unavailable`: it cannot be reached.
    pub async fn database(self) -> Result<DatabaseInfo, CatalogError> {
        let applied = self.store.applied_migrations().await?;
        Ok(DatabaseInfo {
            backend: if self.store.backend() == DbBackend::Sqlite {
                "sqlite"
            } else {
                "postgres"
            },
            schema_version: applied.last().cloned().unwrap_or_default(),
        })
    }
}

fn node_row(row: member::Model, owned: i64, used: i64) -> Result<NodeRow, CatalogError> {
    let slots_total = narrow("slots", row.slots)?;
    Ok(NodeRow {
        incarnation: Incarnation(row.incarnation),
        name: row.name,
        host: row.host,
        roles: row.roles.split(',').map(str::to_owned).collect(),
        state: parse_name("state", &row.state)?,
        joined_at: Timestamp(row.joined_at),
        instances: narrow("instances", owned)?,
        slots_total,
        slots_used: narrow::<u32>("slots_used", used)?.min(slots_total),
        worker_group: row.worker_group,
        version: row.version,
    })
}
