//! The places that a queued instance lacks.

use engine::explain::{HeldPlaces, PlaceShortage};
use engine::ids::InstanceId;
use engine::place::{no_place_reason, project_cap_reason};
use engine::spec::ConcurrencyRule;
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::columns::{narrow, parse_json};
use crate::entity::{place, project, workflow};
use crate::error::CatalogError;
use store::Store;

/// Holders that are named for each kind of place.
const NAMED_HOLDERS: u64 = 5;

/// Reads which places an instance lacks; none of those that it does not wait for, or that have just come free.
pub(super) async fn read_place_shortage(
    store: &Store,
    instance: InstanceId,
) -> Result<PlaceShortage, CatalogError> {
    let reader = store.reader();
    let Some(wanted) = place::Entity::find_by_id(instance.0).one(reader).await? else {
        return Ok(PlaceShortage::default());
    };
    let workflow = workflow::Entity::find_by_id(wanted.workflow_id)
        .one(reader)
        .await?;
    let project = project::Entity::find_by_id(wanted.project_id).one(reader).await?;
    let mut shortage = PlaceShortage::default();
    if let (Some(workflow), Some(key)) = (workflow, &wanted.key)
        && let Some(text) = &workflow.concurrency
    {
        let rule: ConcurrencyRule = parse_json("concurrency", text)?;
        let of_key = Condition::all()
            .add(place::Column::WorkflowId.eq(wanted.workflow_id))
            .add(place::Column::Key.eq(key));
        let reason = no_place_reason(&workflow.name, &rule, key);
        let held = read_held(store, of_key, (workflow.name, reason)).await?;
        shortage.workflow = Some(held).filter(|held| held.used >= rule.limit);
    }
    if let Some((project, cap)) = project.and_then(|row| Some((row.name, row.max_instances?)))
        && wanted.counted
    {
        let cap: u32 = narrow("max_instances", cap)?;
        let of_project = Condition::all()
            .add(place::Column::ProjectId.eq(wanted.project_id))
            .add(place::Column::Counted.eq(true));
        let reason = project_cap_reason(&project, cap);
        let held = read_held(store, of_project, (project, reason)).await?;
        shortage.project = Some(held).filter(|held| held.used >= cap);
    }
    Ok(shortage)
}

/// Reads who holds places.
async fn read_held(
    store: &Store,
    which: Condition,
    (name, reason): (String, String),
) -> Result<HeldPlaces, CatalogError> {
    let held = place::Entity::find()
        .filter(which)
        .filter(place::Column::State.eq("held"));
    let used = held.clone().count(store.reader()).await?;
    let holders: Vec<i64> = held
        .select_only()
        .column(place::Column::Instance)
        .order_by_asc(place::Column::Instance)
        .limit(NAMED_HOLDERS)
        .into_tuple()
        .all(store.reader())
        .await?;
    Ok(HeldPlaces {
        name,
        reason,
        used: u32::try_from(used).unwrap_or(u32::MAX),
        holders: holders.into_iter().map(InstanceId).collect(),
    })
}
