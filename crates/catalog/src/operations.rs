//! Control operations: commands that users post and owners apply.

mod command_subject;
mod post_command;

use engine::ids::{Incarnation, InstanceId, OperationId, Run, Timestamp};
use engine::states::{Attention, Command, InstanceState, OperationStatus};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::LockType;
use sea_orm::{ConnectionTrait, EntityTrait, QuerySelect};

use crate::audit::AuditEntry;
use crate::audited_transaction::AuditedTransaction;
use crate::columns::{narrow, parse_json, parse_name};
use crate::context::AuditContext;
use crate::entity::{inbox, instance};
use crate::error::CatalogError;
use crate::projects::ProjectId;
use store::{Store, Transaction};

pub use command_subject::{ApprovalStage, CommandSubject};
pub use post_command::PostCommand;

/// A command that was stored, and the owner to notify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedCommand {
    /// The inbox row.
    pub operation: OperationId,
    /// The run that was read; the command is for this one.
    pub run: Run,
    /// The owner; none while the instance is idle.
    pub owner: Option<Incarnation>,
    /// The owner's address.
    pub host: Option<String>,
}

/// What became of a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostOutcome {
    /// The command waits for its owner.
    Accepted(PostedCommand),
    /// The command cannot apply in this state; nothing was stored.
    InvalidState {
        /// The state it is in.
        state: InstanceState,
        /// What can apply.
        possible: Vec<Command>,
        /// In words: the state and what is possible.
        detail: String,
    },
}

/// A control operation as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The inbox row.
    pub id: OperationId,
    /// On which instance.
    pub instance: InstanceId,
    /// The instance's project, for the check of permissions.
    pub project_id: ProjectId,
    /// What was requested.
    pub command: Command,
    /// The task's name, for commands about one.
    pub task: Option<String>,
    /// What became of it.
    pub outcome: OperationStatus,
    /// In words, when refused.
    pub detail: Option<String>,
    /// Who requested it.
    pub requested_by: String,
    /// When it was requested.
    pub at: Timestamp,
    /// When it was applied or refused.
    pub applied_at: Option<Timestamp>,
}

/// The control operations.
#[derive(Debug, Clone, Copy)]
pub struct Operations<'a> {
    store: &'a Store,
}

impl<'a> Operations<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Stores a command for the run that is read here, unless it cannot apply in the instance's state, or to the task in
    /// its state. What changes after that is for the owner to refuse.
    ///
    /// # Errors
    /// `NotFound`: says which of instance and task does not exist.
    pub async fn post(self, post: &PostCommand, context: &AuditContext) -> Result<PostOutcome, CatalogError> {
        if let Some(refusal) = self.task_refusal(post, context).await? {
            return Ok(refusal);
        }
        let change = AuditedTransaction::begin(self.store, context).await?;
        let posted = match self.post_on(change.on(), post, context).await? {
            PostOutcome::Accepted(posted) => posted,
            refusal @ PostOutcome::InvalidState { .. } => return Ok(refusal),
        };
        let entry = AuditEntry::done(
            &format!("instance.{}", post.command),
            "operation",
            &posted.operation.to_string(),
        )
        .with_detail(format!("instance {} run {}", post.instance, posted.run));
        change.commit_with(&entry).await?;
        Ok(PostOutcome::Accepted(posted))
    }

    /// Stores a command in a transaction of the caller, who writes the audit row.
    pub(crate) async fn post_on(
        self,
        on: &Transaction,
        post: &PostCommand,
        context: &AuditContext,
    ) -> Result<PostOutcome, CatalogError> {
        let target = lock_target(on, post.instance).await?;
        if let Some(refusal) = target.refusal(post.command) {
            return Ok(refusal);
        }
        let operation = insert_command(on, post, target.run, context).await?;
        Ok(PostOutcome::Accepted(PostedCommand {
            operation,
            run: target.run,
            owner: target.owner,
            host: target.host,
        }))
    }

    /// Reads an operation; none when there is none of that id.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn find(self, id: OperationId) -> Result<Option<Operation>, CatalogError> {
        let reader = self.store.reader();
        let Some(row) = inbox::Entity::find_by_id(id.0).one(reader).await? else {
            return Ok(None);
        };
        let project: Option<i64> = instance::Entity::find_by_id(row.instance)
            .select_only()
            .column(instance::Column::ProjectId)
            .into_tuple()
            .one(reader)
            .await?;
        // A relayed result has no command.
        let (Some(command), Some(project)) = (&row.command, project) else {
            return Ok(None);
        };
        Ok(Some(Operation {
            id: OperationId(row.id),
            instance: InstanceId(row.instance),
            project_id: ProjectId(project),
            command: parse_name("command", command)?,
            task: row.task,
            outcome: parse_name("outcome", &row.outcome)?,
            detail: row.detail,
            requested_by: row.requested_by,
            at: Timestamp(row.created_at),
            applied_at: row.applied_at.map(Timestamp),
        }))
    }

    /// Explains why a command cannot apply to its task; none when it can. An instance at rest would change its owner only
    /// to refuse it.
    async fn task_refusal(
        self,
        post: &PostCommand,
        context: &AuditContext,
    ) -> Result<Option<PostOutcome>, CatalogError> {
        if !post.command.names_task() {
            return Ok(None);
        }
        let subject = CommandSubject::read(self.store, post.instance).await?;
        let operation = subject.operation(post, &context.user)?;
        let record = subject.instance().record();
        let refused = subject.refusal(&operation);
        Ok(refused.map(|detail| PostOutcome::InvalidState {
            state: record.state,
            possible: Command::possible_in(record.state, record.attention.as_ref()),
            detail,
        }))
    }

    /// Names the tasks that a command would make pending again, and changes nothing. The inner error explains why the
    /// owner would refuse it.
    ///
    /// # Errors
    /// `NotFound`: says which of instance and task does not exist.
    pub async fn preview(
        self,
        post: &PostCommand,
        user: &str,
    ) -> Result<Result<Vec<String>, String>, CatalogError> {
        let subject = self.subject(post.instance).await?;
        Ok(subject.preview(&subject.operation(post, user)?))
    }

    /// Reads what the arguments of commands are checked against.
    ///
    /// # Errors
    /// `NotFound`: there is no such instance.
    pub async fn subject(self, id: InstanceId) -> Result<CommandSubject, CatalogError> {
        CommandSubject::read(self.store, id).await
    }
}

/// What of an instance decides whether a command can apply.
struct CommandTarget {
    state: InstanceState,
    attention: Option<Attention>,
    run: Run,
    owner: Option<Incarnation>,
    host: Option<String>,
}

impl CommandTarget {
    /// Explains why the command cannot apply; none when it can.
    fn refusal(&self, command: Command) -> Option<PostOutcome> {
        if command.applies_in(self.state, self.attention.as_ref()) {
            return None;
        }
        let possible = Command::possible_in(self.state, self.attention.as_ref());
        let names: Vec<_> = possible.iter().map(|command| command.as_str()).collect();
        let detail = format!(
            "{command} cannot apply while the instance is {}; possible: {}",
            self.state,
            names.join(", ")
        );
        Some(PostOutcome::InvalidState {
            state: self.state,
            possible,
            detail,
        })
    }
}

/// Reads the instance and keeps it from being deleted until the command is stored.
async fn lock_target<C: ConnectionTrait>(on: &C, id: InstanceId) -> Result<CommandTarget, CatalogError> {
    let row = instance::Entity::find_by_id(id.0)
        .lock(LockType::KeyShare)
        .one(on)
        .await?
        .ok_or_else(|| CatalogError::not_found(format!("instance {id}")))?;
    Ok(CommandTarget {
        state: parse_name("state", &row.state)?,
        attention: row
            .attention
            .map(|text| parse_json("attention", &text))
            .transpose()?,
        run: Run(narrow("run", row.run)?),
        owner: row.owner.map(Incarnation),
        host: row.host,
    })
}

/// Stores a command for this run of its instance.
pub(crate) async fn insert_command<C: ConnectionTrait>(
    on: &C,
    post: &PostCommand,
    run: Run,
    context: &AuditContext,
) -> Result<OperationId, CatalogError> {
    let row = inbox::ActiveModel {
        instance: Set(post.instance.0),
        dedup_key: Set(format!("command/{}", uuid::Uuid::new_v4().simple())),
        kind: Set("command".to_owned()),
        command: Set(Some(post.command.as_str().to_owned())),
        run: Set(Some(i64::from(run.0))),
        task: Set(post.task.clone()),
        reason: Set(post.reason.clone()),
        body: Set((!post.arguments.is_empty()).then(|| serde_json::json!(post.arguments).to_string())),
        requested_by: Set(context.user.clone()),
        created_at: Set(context.at.0),
        ..inbox::ActiveModel::default()
    };
    let inserted = inbox::Entity::insert(row).exec(on).await?;
    Ok(OperationId(inserted.last_insert_id))
}
