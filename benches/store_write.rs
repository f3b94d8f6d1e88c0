//! How many no-op tasks per second the group commit stores: `cargo bench --bench store_write [-- URL]`.
//!
//! A no-op task is two rounds: it starts (task, attempt, transition) and ends (the same again). Without an
//! address it measures a fresh SQLite file in the temporary folder.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use catalog::{AuditContext, Catalog, NewVersion, ProjectId, SourceFormat, VersionOrigin};
use engine::ids::{AttemptNumber, Epoch, InstanceId, Revision, TaskIndex, Timestamp};
use engine::instance::{Changes, Transition};
use engine::spec::ProjectDefaults;
use engine::start::Start;
use engine::states::{AttemptState, FailureStrategy, MemberState, Priority, Scope, TaskState};
use engine::task::{Attempt, Task};
use engine::timezone::Tz;
use engine::trigger::Trigger;
use ports::{
    InstanceCommit, InstanceWriter as _, Join, MembershipStore as _, NewInstance, NodeIdentity, Write,
    WriteOutcome,
};
use store::{Role, Store};

const TASKS: u32 = 20;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("porpoise-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let sqlite = format!("sqlite://{}", folder.join("porpoise.db").display());
    let url = std::env::args().skip(1).find(|argument| argument.contains("://"));
    let measured = measure(&url.unwrap_or(sqlite)).await;
    std::fs::remove_dir_all(&folder)?;
    measured
}

async fn measure(url: &str) -> Result<(), Box<dyn Error>> {
    let store = Store::open(url, Role::Node).await?;
    store.migrate().await?;
    put_workflow(&store).await?;
    let me = join(&store).await?;
    for size in [1, 10, 100, 500] {
        let ids = create(&store, &me, size).await?;
        let begun = Instant::now();
        for step in 0..TASKS * 2 {
            let batch: Vec<Write> = ids.iter().map(|id| round(&me, *id, step)).collect();
            let answers = store.write_batch(&batch).await?;
            assert!(
                answers.iter().all(|answer| *answer == WriteOutcome::Stored),
                "{answers:?}"
            );
        }
        let seconds = begun.elapsed().as_secs_f64();
        let tasks = f64::from(TASKS) * f64::from(u32::try_from(ids.len())?);
        let commit = seconds * 1000.0 / f64::from(TASKS * 2);
        println!(
            "{size:>4} instances a batch: {:>8.0} tasks/s, {commit:.2} ms a commit",
            tasks / seconds
        );
    }
    Ok(())
}

/// Stores the first workflow of the project that exists from the start; both have the id 1.
async fn put_workflow(store: &Store) -> Result<(), Box<dyn Error>> {
    let model = serde_json::json!({ "version": 1, "name": "flow", "tasks": { "one": { "type": "noop" } } });
    let definition = engine::spec::parse(&model).map_err(|issues| format!("{issues:?}"))?;
    let new = NewVersion {
        name: definition.name.clone(),
        definition: Arc::new(definition),
        source: model.to_string(),
        model,
        format: SourceFormat::Json,
        hash: "bench".to_owned(),
        origin: VersionOrigin::Document,
        default_timezone: Tz::UTC,
    };
    let request = AuditContext {
        user: "bench".to_owned(),
        source: "bench".to_owned(),
        request_id: "bench".to_owned(),
        at: Timestamp(1),
        key: None,
    };
    let catalog = Catalog::new(store);
    catalog
        .workflows()
        .save_version(ProjectId(1), &new, None, &request)
        .await
        .map_err(|error| format!("{error:?}"))?;
    Ok(())
}

async fn join(store: &Store) -> Result<NodeIdentity, Box<dyn Error>> {
    let join = Join {
        name: "bench".to_owned(),
        host: "bench:1".to_owned(),
        roles: vec!["master".to_owned()],
        slots: 0,
        worker_group: "default".to_owned(),
        version: "bench".to_owned(),
    };
    let joined = store.join_standalone(&join).await?;
    store
        .set_member_state(joined.incarnation, MemberState::Active)
        .await?;
    Ok(NodeIdentity {
        incarnation: joined.incarnation,
        host: join.host,
        name: join.name,
        generation: joined.generation,
    })
}

async fn create(store: &Store, me: &NodeIdentity, count: usize) -> Result<Vec<InstanceId>, Box<dyn Error>> {
    let new = NewInstance {
        project_id: 1,
        workflow_id: 1,
        project: "default".to_owned(),
        workflow: "flow".to_owned(),
        project_params: BTreeMap::new(),
        version: 1,
        tasks: TASKS,
        excluded: 0,
        start: Start {
            params: BTreeMap::new(),
            tasks: Vec::new(),
            start_within_ms: None,
            scope: Scope::All,
            failure_strategy: FailureStrategy::Continue,
            priority: Priority::Medium,
            worker_group: None,
            dry_run: false,
            scheduled_at: None,
            defaults: ProjectDefaults::default(),
            timezone: Tz::UTC,
            labels: BTreeMap::new(),
            body: None,
        },
        trigger: Trigger::Api,
        requested_by: Some("bench".to_owned()),
        owner: Some(me.clone()),
        continued_from: None,
        request_key: None,
        at: Timestamp(1),
    };
    let batch = vec![Write::Create(new); count];
    let answers = store.write_batch(&batch).await?;
    Ok(answers
        .into_iter()
        .filter_map(|answer| match answer {
            WriteOutcome::Created { id, .. } => Some(id),
            _ => None,
        })
        .collect())
}

/// Even steps start a task, odd ones end it.
fn round(me: &NodeIdentity, id: InstanceId, step: u32) -> Write {
    let ordinal = TaskIndex(step / 2);
    let ends = step % 2 == 1;
    let (state, of_attempt, from) = if ends {
        (TaskState::Succeeded, AttemptState::Succeeded, "running")
    } else {
        (TaskState::Running, AttemptState::Running, "pending")
    };
    let ended_at = ends.then_some(Timestamp(3));
    let attempt = Attempt {
        number: AttemptNumber(1),
        dispatch_number: 0,
        uid: None,
        worker: None,
        epoch: Epoch(1),
        state: of_attempt,
        kill_cause: None,
        pid: None,
        exit_code: None,
        error: None,
        log_bytes: None,
        created_at: Timestamp(2),
        started_at: Some(Timestamp(2)),
        ended_at,
    };
    let task = Task {
        state,
        reason: None,
        attempts: 1,
        attempts_before_run: 0,
        lost_in_run: 0,
        expired_waits: 0,
        due_at: None,
        started_at: Some(Timestamp(2)),
        ended_at,
        outputs: BTreeMap::new(),
        overrides: None,
        reused: None,
        attempt: Some(attempt),
        progress: None,
    };
    let transition = Transition {
        task_index: Some(ordinal),
        attempt: Some(AttemptNumber(1)),
        from: Some(from),
        to: state.as_str(),
        why: "every predecessor succeeded".to_owned(),
    };
    Write::Commit(InstanceCommit {
        id,
        owner: me.incarnation,
        host: me.host.clone(),
        epoch: Epoch(1),
        revision: Revision(i64::from(step)),
        at: Timestamp(2),
        changes: Changes {
            tasks: BTreeMap::from([(ordinal, task)]),
            transitions: vec![transition],
            ..Changes::default()
        },
    })
}
