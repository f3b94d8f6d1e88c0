//! The act on one instance of an operation, in the name of the user who requested it.

use std::collections::BTreeMap;

use engine::ids::{InstanceId, OperationId, Timestamp};
use engine::instance::CommandArguments;
use sea_orm::{EntityTrait, QuerySelect};

use crate::bulk::BulkVerb;
use crate::columns::parse_name;
use crate::context::AuditContext;
use crate::entity::{bulk_operation, instance, project_grant, user_account};
use crate::error::CatalogError;
use crate::instances::deletion::{DeleteOutcome, delete_at_rest};
use crate::instances::missing_instance;
use crate::operations::{Operations, PostCommand, PostOutcome};

use crate::permission::Permission;
use store::{Store, Transaction};

/// What became of one instance.
pub(super) enum ItemOutcome {
    /// It is done.
    Applied,
    /// It cannot be done, for this readable reason.
    Refused(String),
    /// The owner is to decide this command.
    Posted(OperationId),
}

/// The user in whose name a batch acts.
pub(super) struct BatchAuthor<'a> {
    store: &'a Store,
    on: &'a Transaction,
    user: Option<user_account::Model>,
    /// By project, of those that were looked up.
    permissions: BTreeMap<i64, Option<Permission>>,
    reason: Option<String>,
    context: AuditContext,
}

impl<'a> BatchAuthor<'a> {
    /// Looks the user of an operation up.
    pub(super) async fn find(
        store: &'a Store,
        on: &'a Transaction,
        operation: &bulk_operation::Model,
        at: Timestamp,
    ) -> Result<Self, CatalogError> {
        let user = user_account::Entity::find_by_id(operation.user_id)
            .one(on)
            .await?;
        Ok(Self {
            store,
            on,
            user: user.filter(|user| user.disabled_at.is_none()),
            permissions: BTreeMap::new(),
            reason: operation.reason.clone(),
            context: AuditContext {
                user: operation.requested_by.clone(),
                ..AuditContext::system(at)
            },
        })
    }

    /// Does it with one instance, as the request for that instance alone would.
    pub(super) async fn act_on(
        &mut self,
        verb: BulkVerb,
        id: InstanceId,
    ) -> Result<ItemOutcome, CatalogError> {
        if let Some(refusal) = self.check_permission(verb, id).await? {
            return Ok(ItemOutcome::Refused(refusal));
        }
        let outcome = match verb {
            BulkVerb::Post(command) => {
                let post = PostCommand {
                    instance: id,
                    command,
                    task: None,
                    reason: self.reason.clone(),
                    arguments: CommandArguments::default(),
                };
                let posted = Operations::new(self.store).post_on(self.on, &post, &self.context);
                posted.await.map(|outcome| match outcome {
                    PostOutcome::Accepted(posted) => ItemOutcome::Posted(posted.operation),
                    PostOutcome::InvalidState { detail, .. } => ItemOutcome::Refused(detail),
                })
            }
            BulkVerb::Delete => delete_at_rest(self.on, id).await.map(|outcome| match outcome {
                DeleteOutcome::Gone => ItemOutcome::Applied,
                DeleteOutcome::InvalidState { detail, .. } => ItemOutcome::Refused(detail),
            }),
        };
        match outcome {
            Err(error @ (CatalogError::NotFound { .. } | CatalogError::Conflict { .. })) => {
                Ok(ItemOutcome::Refused(error.to_string()))
            }
            other => other,
        }
    }

    /// Returns why the user may not do it; none when it may.
    async fn check_permission(
        &mut self,
        verb: BulkVerb,
        id: InstanceId,
    ) -> Result<Option<String>, CatalogError> {
        let project: Option<i64> = instance::Entity::find_by_id(id.0)
            .select_only()
            .column(instance::Column::ProjectId)
            .into_tuple()
            .one(self.on)
            .await?;
        let Some(project) = project else {
            return Ok(Some(missing_instance(id).to_string()));
        };
        let Some(user) = &self.user else {
            return Ok(Some(format!(
                "user `{}` may do nothing any more",
                self.context.user
            )));
        };
        if user.admin {
            return Ok(None);
        }
        let needed = match verb {
            BulkVerb::Post(_) => Permission::Execute,
            BulkVerb::Delete => Permission::Write,
        };
        let granted = self.permission_on(project, user.id).await?;
        let is_allowed = granted.is_some_and(|granted| granted >= needed);
        Ok((!is_allowed).then(|| format!("this needs the permission `{needed}` on the project")))
    }

    async fn permission_on(&mut self, project: i64, user: i64) -> Result<Option<Permission>, CatalogError> {
        if let Some(known) = self.permissions.get(&project) {
            return Ok(*known);
        }
        let grant = project_grant::Entity::find_by_id((project, user))
            .one(self.on)
            .await?;
        let permission = grant
            .map(|grant| parse_name("permission", &grant.permission))
            .transpose()?;
        self.permissions.insert(project, permission);
        Ok(permission)
    }
}
