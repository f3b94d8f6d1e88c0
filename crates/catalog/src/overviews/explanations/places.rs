//! The places that a queued instance waits for.

use engine::explain::{FullPlaces, PlaceWait};
use engine::ids::{InstanceId, Timestamp};
use engine::place::{no_place_reason, project_cap_reason};
use engine::spec::ConcurrencyRule;
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::columns::{narrow, parse_json};
use crate::entity::{place, project, workflow};
use crate::error::CatalogError;
use store::Store;

/// The state of an instance that waits, in `place`.
const WAITING: &str = "waiting";

/// The state of one that was admitted.
const HELD: &str = "held";

/// Holders that are named.
const NAMED_HOLDERS: u64 = 5;

/// Reads what an instance waits for; none when it waits for no place.
pub(super) async fn read_place(store: &Store, id: InstanceId) -> Result<Option<PlaceWait>, CatalogError> {
    let reader = store.reader();
    let row = place::Entity::find_by_id(id.0)
        .filter(place::Column::State.eq(WAITING))
        .one(reader)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let Some(workflow) = workflow::Entity::find_by_id(row.workflow_id).one(reader).await? else {
        return Ok(None);
    };
    let Some(project) = project::Entity::find_by_id(row.project_id).one(reader).await? else {
        return Ok(None);
    };
    let rule: Option<ConcurrencyRule> = workflow
        .concurrency
        .as_deref()
        .map(|text| parse_json("concurrency", text))
        .transpose()?;
    let of_workflow = match row.key.as_ref().zip(rule.as_ref()) {
        None => None,
        Some((key, rule)) => {
            let same = place::Column::WorkflowId.eq(row.workflow_id);
            let same = Condition::all().add(same).add(place::Column::Key.eq(key));
            let reason = no_place_reason(&workflow.name, rule, key);
            read_full(store, same, (rule.limit, reason)).await?
        }
    };
    let cap = project.max_instances.filter(|_| row.counted);
    let of_project = match cap {
        None => None,
        Some(cap) => {
            let cap = narrow("max_instances", cap)?;
            let same = place::Column::ProjectId.eq(row.project_id);
            let same = Condition::all().add(same).add(place::Column::Counted.eq(true));
            read_full(store, same, (cap, project_cap_reason(&project.name, cap))).await?
        }
    };
    Ok(Some(PlaceWait {
        since: Timestamp(row.since),
        due_at: row.due_at.map(Timestamp),
        workflow: of_workflow,
        project: of_project,
    }))
}

/// Reads the holders of places; none when one of the places is free.
async fn read_full(
    store: &Store,
    same: Condition,
    (limit, reason): (u32, String),
) -> Result<Option<FullPlaces>, CatalogError> {
    let held = place::Entity::find()
        .filter(same)
        .filter(place::Column::State.eq(HELD));
    let count = held.clone().count(store.reader()).await?;
    if count < u64::from(limit) {
        return Ok(None);
    }
    let holders: Vec<i64> = held
        .select_only()
        .column(place::Column::Instance)
        .order_by_asc(place::Column::Instance)
        .limit(NAMED_HOLDERS)
        .into_tuple()
        .all(store.reader())
        .await?;
    Ok(Some(FullPlaces {
        reason,
        holders: holders.into_iter().map(InstanceId).collect(),
        held: u32::try_from(count).unwrap_or(u32::MAX),
    }))
}
