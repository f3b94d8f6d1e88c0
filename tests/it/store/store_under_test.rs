//! What a conformance case is given: a store, and ways to arrange and to look that the port does not have.

use std::collections::BTreeMap;

use actors::testing::store::FakeStore;
use async_trait::async_trait;
use engine::ids::{Epoch, Incarnation, InstanceId, OperationId, Run, Timestamp};
use engine::spec::ProjectDefaults;
use engine::start::Start;
use engine::states::{Command, FailureStrategy, MemberState, OperationStatus, Priority, Scope};
use engine::timezone::Tz;
use engine::trigger::Trigger;
use ports::{
    FailoverRecord, Join, LoadedInstance, NewInstance, NodeIdentity, Ownership, RequestKey, Store as Port,
};
use sea_orm::ConnectionTrait;
use store::{Role, Store};

/// The ownership of an instance as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) owner: Option<Incarnation>,
    pub(crate) host: Option<String>,
    pub(crate) epoch: i64,
    pub(crate) attention: bool,
}

/// One entry of the owner log: epoch, owner, host before, why.
pub(crate) type LogEntry = (i64, i64, Option<String>, String);

/// Reads one instance as its owner.
pub(crate) async fn load(
    store: &dyn Port,
    id: InstanceId,
    me: Incarnation,
    epoch: Epoch,
) -> Option<LoadedInstance> {
    let mut loaded = store
        .load_instances(me, &[Ownership { id, epoch }])
        .await
        .unwrap();
    assert!(loaded.len() <= 1, "{loaded:?}");
    loaded.pop()
}

/// A store under test.
#[async_trait]
pub(crate) trait StoreUnderTest: Send + Sync {
    fn store(&self) -> &dyn Port;

    /// A second active member beside those that live; `join_standalone` would end them.
    async fn add_member(&self, name: &str, host: &str) -> NodeIdentity;

    /// Stores a verb for `run` 1 of an instance.
    async fn ask(&self, id: InstanceId, verb: Command, run: u32) -> OperationId;

    /// The outcome and its detail.
    async fn outcome(&self, operation: OperationId) -> (OperationStatus, Option<String>);

    /// The stored ownership.
    async fn owned(&self, id: InstanceId) -> Owned;

    /// The owner log, oldest first.
    async fn owner_log(&self, id: InstanceId) -> Vec<LogEntry>;

    /// `(task, to)` of the history, oldest first.
    async fn history(&self, id: InstanceId) -> Vec<(Option<u32>, String)>;

    /// The number of relayed results that are neither applied nor closed.
    async fn unapplied_results(&self) -> usize;

    /// Makes the last heartbeat of an incarnation older by this many milliseconds.
    async fn age_heartbeat(&self, of: Incarnation, ms: i64);

    /// The take-overs that were noted, when their reason and time are those of the dead's own row.
    async fn failovers(&self) -> Vec<FailoverRecord>;
}

/// Joins a standalone node and makes it active.
pub(crate) async fn join(subject: &dyn StoreUnderTest, name: &str, host: &str) -> NodeIdentity {
    let joined = subject
        .store()
        .join_standalone(&Join {
            name: name.to_owned(),
            host: host.to_owned(),
            roles: vec!["master".to_owned(), "worker".to_owned()],
            slots: 4,
            worker_group: "default".to_owned(),
            version: "test".to_owned(),
        })
        .await
        .expect("a new life");
    let me = NodeIdentity {
        incarnation: joined.incarnation,
        host: host.to_owned(),
        name: name.to_owned(),
        generation: joined.generation,
    };
    let active = subject
        .store()
        .set_member_state(me.incarnation, MemberState::Active);
    active.await.expect("an active member");
    me
}

/// An instance of the workflow that every subject knows.
pub(crate) fn new_instance(owner: Option<&NodeIdentity>) -> NewInstance {
    NewInstance {
        project_id: 1,
        workflow_id: 1,
        project: "default".to_owned(),
        workflow: "flow".to_owned(),
        project_params: BTreeMap::from([("region".to_owned(), "eu".to_owned())]),
        version: 1,
        tasks: 3,
        excluded: 1,
        start: Start {
            params: BTreeMap::from([("day".to_owned(), "1".to_owned())]),
            tasks: Vec::new(),
            start_within_ms: None,
            scope: Scope::All,
            failure_strategy: FailureStrategy::Continue,
            priority: Priority::High,
            worker_group: None,
            dry_run: false,
            scheduled_at: None,
            defaults: ProjectDefaults::default(),
            timezone: Tz::UTC,
            labels: BTreeMap::new(),
            notify: None,
            body: None,
        },
        trigger: Trigger::Api,
        requested_by: Some("admin".to_owned()),
        owner: owner.cloned(),
        continued_from: None,
        request_key: None,
        at: Timestamp(1_000),
    }
}

/// The same with a request key.
pub(crate) fn keyed(owner: Option<&NodeIdentity>, key: &str, body: &str) -> NewInstance {
    NewInstance {
        request_key: Some(RequestKey {
            key: key.to_owned(),
            body_hash: body.to_owned(),
        }),
        ..new_instance(owner)
    }
}

/// The real store on a fresh database.
pub(crate) struct Database {
    pub(crate) store: Store,
    url: String,
    // Holds the file of SQLite.
    _folder: Option<tempfile::TempDir>,
}

const SEED: &str = "INSERT INTO workflow (id, project_id, name, version, created_at, updated_at) \
                    VALUES (1, 1, 'flow', 1, 0, 0)";

impl Database {
    pub(crate) async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("porpoise.db").display());
        let store = Store::open(&url, Role::Node).await.expect("a store");
        store.migrate().await.expect("migrations");
        Self::seeded(store, url, Some(folder)).await
    }

    pub(crate) async fn on_postgres() -> Option<Self> {
        let url = tokio::task::spawn_blocking(crate::postgres::database)
            .await
            .expect("a database")?;
        let store = Store::open(&url, Role::Node).await.expect("a store");
        Some(Self::seeded(store, url, None).await)
    }

    async fn seeded(store: Store, url: String, folder: Option<tempfile::TempDir>) -> Self {
        let database = Self {
            store,
            url,
            _folder: folder,
        };
        database.sql(SEED).await;
        database
    }

    /// Where another process would find it.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    pub(crate) async fn sql(&self, sql: &str) -> u64 {
        self.try_sql(sql).await.expect("a statement that is accepted")
    }

    pub(crate) async fn try_sql(&self, sql: &str) -> Result<u64, sea_orm::DbErr> {
        let done = self.store.writer().execute_unprepared(sql).await?;
        Ok(done.rows_affected())
    }

    pub(crate) async fn rows(&self, sql: &str) -> Vec<sea_orm::QueryResult> {
        let statement = self.store.statement(sql, []);
        self.store
            .writer()
            .query_all_raw(statement)
            .await
            .expect("a query that is accepted")
    }
}

fn cell<T: sea_orm::TryGetable>(row: &sea_orm::QueryResult, index: usize) -> T {
    row.try_get_by_index(index).expect("a cell of that type")
}

#[async_trait]
impl StoreUnderTest for Database {
    fn store(&self) -> &dyn Port {
        &self.store
    }

    async fn add_member(&self, name: &str, host: &str) -> NodeIdentity {
        let rows = self
            .rows(&format!(
                "INSERT INTO member (name, host, roles, state, version, joined_at, state_at) \
                 VALUES ('{name}', '{host}', 'master', 'active', 'test', 0, 0) RETURNING incarnation"
            ))
            .await;
        NodeIdentity {
            incarnation: Incarnation(cell(&rows[0], 0)),
            host: host.to_owned(),
            name: name.to_owned(),
            generation: engine::ids::Generation(1),
        }
    }

    async fn ask(&self, id: InstanceId, verb: Command, run: u32) -> OperationId {
        let count = self.rows("SELECT count(*) FROM inbox").await;
        let count: i64 = cell(&count[0], 0);
        let rows = self
            .rows(&format!(
                "INSERT INTO inbox (instance, dedup_key, kind, command, run, requested_by, created_at) \
                 VALUES ({id}, 'command/{count}', 'command', '{verb}', {run}, 'admin', 0) RETURNING id"
            ))
            .await;
        OperationId(cell(&rows[0], 0))
    }

    async fn outcome(&self, operation: OperationId) -> (OperationStatus, Option<String>) {
        let rows = self
            .rows(&format!(
                "SELECT outcome, detail FROM inbox WHERE id = {operation}"
            ))
            .await;
        let outcome: String = cell(&rows[0], 0);
        (outcome.parse().expect("an outcome"), cell(&rows[0], 1))
    }

    async fn owned(&self, id: InstanceId) -> Owned {
        let rows = self
            .rows(&format!(
                "SELECT owner, host, epoch, attention FROM instance WHERE id = {id}"
            ))
            .await;
        Owned {
            owner: cell::<Option<i64>>(&rows[0], 0).map(Incarnation),
            host: cell(&rows[0], 1),
            epoch: cell(&rows[0], 2),
            attention: cell::<Option<String>>(&rows[0], 3).is_some(),
        }
    }

    async fn owner_log(&self, id: InstanceId) -> Vec<LogEntry> {
        let sql = format!(
            "SELECT epoch, owner, from_host, why FROM owner_log WHERE instance = {id} ORDER BY epoch"
        );
        let rows = self.rows(&sql).await;
        rows.iter()
            .map(|row| (cell(row, 0), cell(row, 1), cell(row, 2), cell(row, 3)))
            .collect()
    }

    async fn history(&self, id: InstanceId) -> Vec<(Option<u32>, String)> {
        let sql = format!("SELECT task_index, to_state FROM transition WHERE instance = {id} ORDER BY id");
        let rows = self.rows(&sql).await;
        rows.iter()
            .map(|row| {
                let ordinal: Option<i64> = cell(row, 0);
                (
                    ordinal.map(|o| u32::try_from(o).expect("an ordinal")),
                    cell(row, 1),
                )
            })
            .collect()
    }

    async fn unapplied_results(&self) -> usize {
        let sql = "SELECT id FROM inbox WHERE kind = 'result' AND applied_at IS NULL";
        self.rows(sql).await.len()
    }

    async fn age_heartbeat(&self, of: Incarnation, ms: i64) {
        self.sql(&format!(
            "UPDATE member_heartbeat SET seen_at = seen_at - {ms} WHERE incarnation = {of}"
        ))
        .await;
    }

    async fn failovers(&self) -> Vec<FailoverRecord> {
        let sql = "SELECT f.dead, f.survivor, f.survivor_host, m.name, f.suspected_at, f.acknowledged_at, \
                   f.instances, f.attempts_reattached, f.attempts_lost \
                   FROM failover f JOIN member m ON m.incarnation = f.survivor \
                   JOIN member d ON d.incarnation = f.dead AND d.host = f.dead_host \
                   AND d.reason = f.reason AND d.state_at = f.declared_at ORDER BY f.id";
        let count =
            |row: &sea_orm::QueryResult, index| u32::try_from(cell::<i64>(row, index)).expect("a count");
        let rows = self.rows(sql).await;
        rows.iter()
            .map(|row| FailoverRecord {
                dead: Incarnation(cell(row, 0)),
                survivor: NodeIdentity {
                    incarnation: Incarnation(cell(row, 1)),
                    host: cell(row, 2),
                    name: cell(row, 3),
                    generation: engine::ids::Generation(1),
                },
                suspected_at: cell::<Option<i64>>(row, 4).map(Timestamp),
                acknowledged_at: cell::<Option<i64>>(row, 5).map(Timestamp),
                instances: count(row, 6),
                attempts_reattached: count(row, 7),
                attempts_lost: count(row, 8),
            })
            .collect()
    }
}

/// The fake that the actors' tests use.
pub(crate) struct Fake {
    store: FakeStore,
}

impl Fake {
    pub(crate) fn new() -> Self {
        Self {
            store: FakeStore::default(),
        }
    }
}

#[async_trait]
impl StoreUnderTest for Fake {
    fn store(&self) -> &dyn Port {
        &self.store
    }

    async fn add_member(&self, name: &str, host: &str) -> NodeIdentity {
        self.store.add_member(name, host)
    }

    async fn ask(&self, id: InstanceId, verb: Command, run: u32) -> OperationId {
        self.store.add_command(id, verb, Run(run))
    }

    async fn outcome(&self, operation: OperationId) -> (OperationStatus, Option<String>) {
        self.store.outcome(operation)
    }

    async fn owned(&self, id: InstanceId) -> Owned {
        let instance = self.store.instance(id);
        Owned {
            owner: instance.owner.as_ref().map(|(owner, _)| *owner),
            host: instance.owner.map(|(_, host)| host),
            epoch: instance.epoch.0,
            attention: instance.record.attention.is_some(),
        }
    }

    async fn owner_log(&self, id: InstanceId) -> Vec<LogEntry> {
        self.store
            .instance(id)
            .owner_log
            .into_iter()
            .map(|entry| {
                (
                    entry.epoch.0,
                    entry.owner.0,
                    entry.from_host,
                    entry.reason.to_string(),
                )
            })
            .collect()
    }

    async fn history(&self, id: InstanceId) -> Vec<(Option<u32>, String)> {
        self.store
            .instance(id)
            .history
            .into_iter()
            .map(|(_, step)| (step.task_index.map(|o| o.0), step.to.to_owned()))
            .collect()
    }

    async fn unapplied_results(&self) -> usize {
        self.store.unapplied_results()
    }

    async fn age_heartbeat(&self, of: Incarnation, ms: i64) {
        self.store.age_heartbeat(of, ms);
    }

    async fn failovers(&self) -> Vec<FailoverRecord> {
        self.store.failovers()
    }
}
