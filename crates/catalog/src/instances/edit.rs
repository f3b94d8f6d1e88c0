//! What users edit of instances at any time: labels and a note. No owner is asked.

use std::collections::BTreeMap;

use engine::ids::InstanceId;
use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::audited_transaction::AuditedTransaction;
use crate::columns::map_to_json;
use crate::context::AuditContext;
use crate::entity::{instance, instance_label};
use crate::error::CatalogError;
use crate::instances::{Instances, missing_instance};
use store::Transaction;

/// A change of an instance; what is none stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstanceEdit {
    /// Take the place of all labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// The new note; an inner none takes it away.
    pub note: Option<Option<String>>,
}

impl Instances<'_> {
    /// Changes labels and note; the owner's columns, its epoch and its revision stay as they are.
    ///
    /// # Errors
    /// `NotFound`: there is none of that id.
    pub async fn edit(
        self,
        id: InstanceId,
        edit: &InstanceEdit,
        context: &AuditContext,
    ) -> Result<(), CatalogError> {
        let change = AuditedTransaction::begin(self.store, context).await?;
        instance::Entity::find_by_id(id.0)
            .lock(LockType::NoKeyUpdate)
            .one(change.on())
            .await?
            .ok_or_else(|| missing_instance(id))?;
        let mut row = instance::ActiveModel {
            id: Unchanged(id.0),
            ..instance::ActiveModel::default()
        };
        if let Some(labels) = &edit.labels {
            row.labels = Set(Some(map_to_json(labels)));
            replace_labels(change.on(), id, labels).await?;
        }
        if let Some(note) = &edit.note {
            row.note = Set(note.clone());
        }
        if edit != &InstanceEdit::default() {
            instance::Entity::update(row)
                .exec_without_returning(change.on())
                .await?;
        }
        change.commit("instance.edit", "instance", &id.to_string()).await
    }
}

/// Replaces the rows by which instances are found.
async fn replace_labels(
    on: &Transaction,
    id: InstanceId,
    labels: &BTreeMap<String, String>,
) -> Result<(), CatalogError> {
    instance_label::Entity::delete_many()
        .filter(instance_label::Column::Instance.eq(id.0))
        .exec(on)
        .await?;
    if labels.is_empty() {
        return Ok(());
    }
    let rows = labels.iter().map(|(name, value)| instance_label::ActiveModel {
        instance: Set(id.0),
        name: Set(name.clone()),
        value: Set(value.clone()),
    });
    instance_label::Entity::insert_many(rows)
        .exec_without_returning(on)
        .await?;
    Ok(())
}
