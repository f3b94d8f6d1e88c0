//! Counts and durations of instances.

use std::collections::BTreeMap;

use engine::ids::{InstanceId, Timestamp};
use engine::states::InstanceState;
use engine::timezone::{Tz, format_date};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationTrait};

use crate::columns::parse_name;
use crate::entity::{instance, project, workflow};
use crate::error::CatalogError;
use crate::instance_filter::InstanceFilter;
use store::Store;

/// Instances that are read with one statement.
const READ_AT_ONCE: u64 = 20_000;

/// By what instances are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatisticsKey {
    /// Their state.
    State,
    /// The day of their creation in this zone.
    Day(Tz),
    /// Their workflow, as `PROJECT/NAME`.
    Workflow,
}

/// The instances of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatisticsRow {
    /// The key.
    pub key: String,
    /// How many instances.
    pub total: u64,
    /// How many in which state; states without an instance are absent.
    pub by_state: BTreeMap<InstanceState, u64>,
    /// Durations of the final ones that ran: half of them took at most this, in milliseconds.
    pub p50_ms: Option<i64>,
    /// 95 of 100 took at most this.
    pub p95_ms: Option<i64>,
}

/// The statistics of instances.
#[derive(Debug, Clone, Copy)]
pub struct Statistics<'a> {
    store: &'a Store,
}

#[derive(FromQueryResult)]
struct CountedInstance {
    id: i64,
    workflow_id: i64,
    state: String,
    created_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
}

/// The instances of one key until now.
#[derive(Default)]
struct Tally {
    by_state: BTreeMap<InstanceState, u64>,
    durations: Vec<i64>,
}

impl Tally {
    fn add(&mut self, state: InstanceState, row: &CountedInstance) {
        *self.by_state.entry(state).or_default() += 1;
        if let (true, Some(started), Some(ended)) = (state.is_final(), row.started_at, row.ended_at) {
            self.durations.push(ended - started);
        }
    }

    fn into_row(mut self, key: String) -> StatisticsRow {
        self.durations.sort_unstable();
        StatisticsRow {
            key,
            total: self.by_state.values().sum(),
            p50_ms: percentile(&self.durations, 50),
            p95_ms: percentile(&self.durations, 95),
            by_state: self.by_state,
        }
    }
}

impl<'a> Statistics<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Counts the wanted instances, in the order of the keys.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn count(
        self,
        filter: &InstanceFilter,
        key: StatisticsKey,
    ) -> Result<Vec<StatisticsRow>, CatalogError> {
        let Some(condition) = filter.condition(self.store).await? else {
            return Ok(Vec::new());
        };
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        let mut names = WorkflowNames::new(self.store);
        let mut after: Option<(Timestamp, InstanceId)> = None;
        loop {
            let mut query = instance::Entity::find().filter(condition.clone());
            if let Some((created_at, id)) = after {
                let key = Expr::tuple([
                    Expr::col(instance::Column::CreatedAt),
                    Expr::col(instance::Column::Id),
                ]);
                query = query.filter(key.gt(Expr::tuple([Expr::value(created_at.0), Expr::value(id.0)])));
            }
            let rows = query
                .order_by_asc(instance::Column::CreatedAt)
                .order_by_asc(instance::Column::Id)
                .limit(READ_AT_ONCE)
                .into_model::<CountedInstance>()
                .all(self.store.reader())
                .await?;
            let Some(last) = rows.last() else { break };
            after = Some((Timestamp(last.created_at), InstanceId(last.id)));
            for row in &rows {
                let state = parse_name("state", &row.state)?;
                let key = match key {
                    StatisticsKey::State => row.state.clone(),
                    StatisticsKey::Day(zone) => format_date(Timestamp(row.created_at), zone),
                    StatisticsKey::Workflow => names.name_of(row.workflow_id).await?,
                };
                tallies.entry(key).or_default().add(state, row);
            }
        }
        let rows = tallies.into_iter();
        Ok(rows.map(|(key, tally)| tally.into_row(key)).collect())
    }
}

/// Returns the value that `percent` of a hundred sorted values do not exceed.
fn percentile(sorted: &[i64], percent: usize) -> Option<i64> {
    let place = (sorted.len() * percent).div_ceil(100).checked_sub(1)?;
    sorted.get(place).copied()
}

/// The names of workflows that were looked up.
struct WorkflowNames<'a> {
    store: &'a Store,
    known: BTreeMap<i64, String>,
}

impl<'a> WorkflowNames<'a> {
    fn new(store: &'a Store) -> Self {
        Self {
            store,
            known: BTreeMap::new(),
        }
    }

    async fn name_of(&mut self, id: i64) -> Result<String, CatalogError> {
        if let Some(name) = self.known.get(&id) {
            return Ok(name.clone());
        }
        let found: Option<(String, String)> = workflow::Entity::find_by_id(id)
            .join(JoinType::InnerJoin, workflow::Relation::Project.def())
            .select_only()
            .column_as(project::Column::Name, "project_name")
            .column_as(workflow::Column::Name, "workflow_name")
            .into_tuple()
            .one(self.store.reader())
            .await?;
        let name = found.map_or_else(String::new, |(project, workflow)| format!("{project}/{workflow}"));
        self.known.insert(id, name.clone());
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        assert_eq!(percentile(&[], 50), None);
        assert_eq!(percentile(&[7], 95), Some(7));
        let hundred: Vec<i64> = (1..=100).collect();
        assert_eq!(percentile(&hundred, 50), Some(50));
        assert_eq!(percentile(&hundred, 95), Some(95));
        assert_eq!(percentile(&[1, 2, 3], 50), Some(2));
    }
}
