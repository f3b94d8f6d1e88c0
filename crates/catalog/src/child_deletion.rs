//! The deletion of an instance with the instances that it started, at any depth.

use std::collections::BTreeSet;

use engine::ids::InstanceId;
use engine::states::InstanceState;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::columns::parse_name;
use crate::entity::{inbox, instance, instance_purge};
use crate::error::CatalogError;

/// Instances in one statement; more would be more parameters than a statement may have.
const CHUNK: usize = 1_000;

/// An instance that goes with the one that started it.
type Descendant = (i64, String, Option<i64>);

/// Explains why the parent of an instance holds it: while it is open, its children stay.
pub(crate) async fn find_open_parent<C: ConnectionTrait>(
    on: &C,
    parent: Option<i64>,
) -> Result<Option<String>, CatalogError> {
    let Some(parent) = parent else { return Ok(None) };
    let state: Option<String> = instance::Entity::find_by_id(parent)
        .select_only()
        .column(instance::Column::State)
        .lock(LockType::Share)
        .into_tuple()
        .one(on)
        .await?;
    let Some(state) = state else { return Ok(None) };
    let state: InstanceState = parse_name("state", &state)?;
    Ok((!state.is_final()).then(|| {
        format!("instance {parent}, which started it, is {state}; it can be deleted when that one has ended")
    }))
}

/// Lists the instances that an instance started, at any depth.
///
/// # Errors
/// With a readable text, when one of them cannot be deleted now.
pub(crate) async fn list_descendants<C: ConnectionTrait>(
    on: &C,
    root: InstanceId,
) -> Result<Result<Vec<i64>, String>, CatalogError> {
    let mut found = BTreeSet::new();
    let mut level = vec![root.0];
    while !level.is_empty() {
        let mut next = Vec::new();
        for parents in level.chunks(CHUNK) {
            let children: Vec<Descendant> = instance::Entity::find()
                .select_only()
                .columns([
                    instance::Column::Id,
                    instance::Column::State,
                    instance::Column::Owner,
                ])
                .filter(instance::Column::Parent.is_in(parents.iter().copied()))
                .order_by_asc(instance::Column::Id)
                .lock(LockType::Update)
                .into_tuple()
                .all(on)
                .await?;
            for (id, state, owner) in children {
                let state: InstanceState = parse_name("state", &state)?;
                if !state.is_final() || owner.is_some() {
                    return Ok(Err(format!(
                        "instance {id}, which it started, is {state}; it can be deleted when that one has ended"
                    )));
                }
                if found.insert(id) {
                    next.push(id);
                }
            }
        }
        level = next;
    }
    let found: Vec<i64> = found.into_iter().collect();
    Ok(match find_undecided(on, &found).await? {
        Some(id) => Err(format!(
            "a control operation on instance {id}, which it started, is not decided yet"
        )),
        None => Ok(found),
    })
}

/// Deletes instances; their other rows go a few at a time, as by retention.
pub(crate) async fn delete_descendants<C: ConnectionTrait>(on: &C, ids: &[i64]) -> Result<(), CatalogError> {
    for ids in ids.chunks(CHUNK) {
        let notes = ids.iter().map(|id| instance_purge::ActiveModel {
            instance: Set(*id),
            run: Set(ports::SWEEP.0),
        });
        instance_purge::Entity::insert_many(notes)
            .on_conflict(
                OnConflict::column(instance_purge::Column::Instance)
                    .do_nothing()
                    .to_owned(),
            )
            .exec_without_returning(on)
            .await?;
        instance::Entity::delete_many()
            .filter(instance::Column::Id.is_in(ids.iter().copied()))
            .exec(on)
            .await?;
    }
    Ok(())
}

async fn find_undecided<C: ConnectionTrait>(on: &C, ids: &[i64]) -> Result<Option<i64>, CatalogError> {
    for ids in ids.chunks(CHUNK) {
        let undecided: Option<i64> = inbox::Entity::find()
            .select_only()
            .column(inbox::Column::Instance)
            .filter(inbox::Column::Instance.is_in(ids.iter().copied()))
            .filter(inbox::Column::Kind.eq("command"))
            .filter(inbox::Column::AppliedAt.is_null())
            .into_tuple()
            .one(on)
            .await?;
        if undecided.is_some() {
            return Ok(undecided);
        }
    }
    Ok(None)
}
