//! Operations are the verbs that users post and owners decide.

use engine::ids::{Incarnation, InstanceId, OperationId, Run, Timestamp};
use engine::states::Attention;
use engine::states::{Command, InstanceState, OperationStatus};

use sea_orm::{ConnectionTrait, QueryResult};

use super::audit::AuditEntry;
use super::{Catalog, CatalogError, ProjectId, Request, instances, sql};

/// A verb to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostVerb {
    /// On which instance.
    pub instance: InstanceId,
    /// What is asked.
    pub verb: Command,
    /// The task's name, for force-success.
    pub task: Option<String>,
    /// Why, in the user's words.
    pub reason: Option<String>,
}

/// A verb that was stored, and whom to poke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The inbox row.
    pub operation: OperationId,
    /// The run that was read; the verb is for this one.
    pub run: Run,
    /// The owner; none at rest.
    pub owner: Option<Incarnation>,
    /// The owner's address.
    pub host: Option<String>,
}

/// What became of a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerbPosted {
    /// The verb waits for its owner.
    Accepted(Posted),
    /// The verb cannot apply in this state; nothing was stored.
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
    /// What was asked.
    pub verb: Command,
    /// The task's name, for force-success.
    pub task: Option<String>,
    /// What became of it.
    pub outcome: OperationStatus,
    /// In words, when refused.
    pub detail: Option<String>,
    /// Who asked.
    pub requested_by: String,
    /// When it was asked.
    pub at: Timestamp,
    /// When it was decided.
    pub applied_at: Option<Timestamp>,
}

impl Catalog {
    /// Stores a verb for the run that is read here, unless it cannot apply in the instance's state.
    ///
    /// # Errors
    /// `NotFound`: says which of instance and task does not exist.
    pub async fn post_verb(&self, post: &PostVerb, request: &Request) -> Result<VerbPosted, CatalogError> {
        let change = self.change(request).await?;
        let target = target(&change.tx, post.instance).await?;
        if let Some(refusal) = target.refusal(post.verb) {
            return Ok(refusal);
        }
        self.check_task(&target, post).await?;
        let operation = insert(&change.tx, post, target.run, request).await?;
        let entry = AuditEntry::done(
            &format!("instance.{}", post.verb),
            "operation",
            &operation.to_string(),
        )
        .with_detail(format!("instance {} run {}", post.instance, target.run));
        change.commit_with(&entry).await?;
        Ok(VerbPosted::Accepted(Posted {
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
    pub async fn operation(&self, id: OperationId) -> Result<Option<Operation>, CatalogError> {
        let row = sql::first(
            self.reader(),
            "SELECT b.id, b.instance, i.project_id, b.verb, b.task, b.outcome, b.detail, b.requested_by, \
             b.created_at, b.applied_at FROM inbox b JOIN instance i ON i.id = b.instance \
             WHERE b.id = $1 AND b.kind = 'verb'",
            vec![id.0.into()],
        )
        .await?;
        row.as_ref().map(operation_row).transpose()
    }
}

/// What of an instance decides whether a verb can apply.
struct Target {
    state: InstanceState,
    attention: Option<Attention>,
    run: Run,
    owner: Option<Incarnation>,
    host: Option<String>,
    workflow_id: i64,
    version: i64,
}

impl Target {
    /// Says why the verb cannot apply; none when it can.
    fn refusal(&self, verb: Command) -> Option<VerbPosted> {
        if verb.applies_in(self.state, self.attention.as_ref()) {
            return None;
        }
        let possible = Command::possible_in(self.state, self.attention.as_ref());
        let names: Vec<_> = possible.iter().map(|verb| verb.as_str()).collect();
        let detail = format!(
            "{verb} cannot apply while the instance is {}; possible: {}",
            self.state,
            names.join(", ")
        );
        Some(VerbPosted::InvalidState {
            state: self.state,
            possible,
            detail,
        })
    }
}

impl Catalog {
    /// Force-success names a task of the instance's own version.
    async fn check_task(&self, target: &Target, post: &PostVerb) -> Result<(), CatalogError> {
        let Some(task) = &post.task else {
            return Ok(());
        };
        let definition = self
            .store
            .load_definition(target.workflow_id, target.version)
            .await?;
        let known = definition.task_index_of(task).is_some();
        known.then_some(()).ok_or_else(|| CatalogError::NotFound {
            what: format!("task `{task}` in instance {}", post.instance),
        })
    }
}

/// Reads the instance and keeps it from being deleted until the verb is stored.
async fn target<C: ConnectionTrait>(on: &C, id: InstanceId) -> Result<Target, CatalogError> {
    let lock = sql::lock(on, " FOR KEY SHARE");
    let row = sql::first(
        on,
        format!("SELECT state, attention, run, owner, host, workflow_id, version FROM instance WHERE id = $1{lock}"),
        vec![id.0.into()],
    )
    .await?;
    let row = row.ok_or_else(|| instances::missing(id))?;
    Ok(Target {
        state: sql::named(&row, "state")?,
        attention: instances::attention(&row)?,
        run: Run(sql::count(&row, "run")?),
        owner: sql::get::<Option<i64>>(&row, "owner")?.map(Incarnation),
        host: sql::get(&row, "host")?,
        workflow_id: sql::get(&row, "workflow_id")?,
        version: sql::get(&row, "version")?,
    })
}

async fn insert<C: ConnectionTrait>(
    on: &C,
    post: &PostVerb,
    run: Run,
    request: &Request,
) -> Result<OperationId, CatalogError> {
    let row = sql::first(
        on,
        "INSERT INTO inbox (instance, dedup_key, kind, verb, run, task, reason, requested_by, created_at) \
         VALUES ($1, $2, 'verb', $3, $4, $5, $6, $7, $8) RETURNING id",
        vec![
            post.instance.0.into(),
            format!("verb/{}", uuid::Uuid::new_v4().simple()).into(),
            post.verb.as_str().into(),
            i64::from(run.0).into(),
            post.task.clone().into(),
            post.reason.clone().into(),
            request.user.clone().into(),
            request.at.0.into(),
        ],
    )
    .await?;
    let row = row.ok_or_else(|| CatalogError::Unavailable("the operation was not stored".into()))?;
    Ok(OperationId(sql::get(&row, "id")?))
}

fn operation_row(row: &QueryResult) -> Result<Operation, CatalogError> {
    Ok(Operation {
        id: OperationId(sql::get(row, "id")?),
        instance: InstanceId(sql::get(row, "instance")?),
        project_id: ProjectId(sql::get(row, "project_id")?),
        verb: sql::named(row, "verb")?,
        task: sql::get(row, "task")?,
        outcome: sql::named(row, "outcome")?,
        detail: sql::get(row, "detail")?,
        requested_by: sql::get(row, "requested_by")?,
        at: Timestamp(sql::get(row, "created_at")?),
        applied_at: sql::get::<Option<i64>>(row, "applied_at")?.map(Timestamp),
    })
}
