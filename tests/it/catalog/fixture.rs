//! A catalog on a fresh database, with ways to arrange what only owners write.

use std::sync::Arc;

use catalog::{
    AuditContext, Catalog, NewProject, NewUser, NewVersion, Project, ProjectId, RequestKey, SourceFormat,
    User, UserRole, VersionOrigin,
};
use engine::ids::{InstanceId, Timestamp};
use engine::timezone::Tz;
use sea_orm::ConnectionTrait;
use secrets::{KeyRing, SharedKeyRing};
use serde_json::{Value, json};
use store::{Role as StoreRole, Store};

/// A key of secrets: 32 bytes.
const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fn keys() -> SharedKeyRing {
    SharedKeyRing::new(KeyRing::from_lines(KEY).expect("a key"))
}

pub(crate) struct CatalogFixture {
    pub(crate) store: Store,
    pub(crate) catalog: Catalog,
    // Holds the file of SQLite.
    _folder: Option<tempfile::TempDir>,
}

impl CatalogFixture {
    pub(crate) async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("porpoise.db").display());
        let store = Store::open(&url, StoreRole::Node).await.expect("a store");
        store.migrate().await.expect("migrations");
        Self::new(store, Some(folder))
    }

    pub(crate) async fn on_postgres() -> Option<Self> {
        let made = tokio::task::spawn_blocking(crate::postgres::database).await;
        let url = made.expect("a database")?;
        Some(Self::new(
            Store::open(&url, StoreRole::Node).await.expect("a store"),
            None,
        ))
    }

    fn new(store: Store, folder: Option<tempfile::TempDir>) -> Self {
        Self {
            catalog: Catalog::new(&store).with_keys(keys()),
            store,
            _folder: folder,
        }
    }

    /// Runs statements that arrange rows.
    pub(crate) async fn sql(&self, statements: &str) {
        self.store
            .writer()
            .execute_unprepared(statements)
            .await
            .expect(statements);
    }

    /// Counts the rows of a table under a condition.
    pub(crate) async fn count(&self, table_where: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) AS n FROM {table_where}");
        let row = self
            .store
            .reader()
            .query_one_raw(self.store.statement(&sql, []))
            .await;
        row.expect("a count")
            .expect("a row")
            .try_get("", "n")
            .expect("a number")
    }

    pub(crate) async fn project(&self, name: &str) -> Project {
        let new = NewProject {
            name: name.to_owned(),
            ..NewProject::default()
        };
        self.catalog
            .projects()
            .create(&new, &asked())
            .await
            .expect("a new project")
    }

    pub(crate) async fn member(&self, name: &str) -> User {
        self.user(name, UserRole::Member).await
    }

    pub(crate) async fn user(&self, name: &str, role: UserRole) -> User {
        let new = NewUser {
            name: name.to_owned(),
            password_hash: Some("hash".to_owned()),
            role,
        };
        self.catalog
            .users()
            .create(&new, &asked())
            .await
            .expect("a new user")
    }

    /// Stores the first version of a workflow of three tasks in a chain: `a`, `b`, `c`.
    pub(crate) async fn flow(&self, project: ProjectId, name: &str) -> i64 {
        let put = self
            .catalog
            .workflows()
            .save_version(project, &version(name, 1), None, &asked())
            .await;
        assert_eq!(put.expect("a version").version, 1);
        let stored = self
            .catalog
            .workflows()
            .find(project, name, None)
            .await
            .expect("an answer");
        stored.expect("the workflow").id.0
    }

    /// Stores an instance of version 1 of a workflow, in this state and without an owner.
    pub(crate) async fn instance(&self, project: ProjectId, workflow: i64, state: &str) -> InstanceId {
        let start = json!({
            "params": {"day": "2"}, "tasks": [], "scope": "all", "failure_strategy": "continue",
            "priority": "high", "worker_group": null, "dry_run": false, "scheduled_at": null,
            "timezone": "UTC", "labels": {}
        });
        self.sql(&format!(
            "INSERT INTO instance (project_id, workflow_id, version, state, start, tasks_total, priority, \
             trigger_type, requested_by, created_at) \
             VALUES ({}, {workflow}, 1, '{state}', '{start}', 3, 'high', 'api', 'admin', 1000)",
            project.0
        ))
        .await;
        InstanceId(self.count("instance").await)
    }
}

/// A request of the user `admin` at 1000.
pub(crate) fn asked() -> AuditContext {
    asked_at(1_000)
}

pub(crate) fn asked_at(at: i64) -> AuditContext {
    AuditContext {
        user: "admin".to_owned(),
        source: "127.0.0.1".to_owned(),
        request_id: "r-1".to_owned(),
        at: Timestamp(at),
        key: None,
    }
}

/// The same with a request key.
pub(crate) fn keyed(key: &str) -> AuditContext {
    AuditContext {
        key: Some(RequestKey {
            key: key.to_owned(),
            body_hash: "body".to_owned(),
        }),
        ..asked()
    }
}

/// A document that differs by `mark`.
pub(crate) fn version(name: &str, mark: u32) -> NewVersion {
    let source: Value = json!({
        "version": 1,
        "name": name,
        "description": format!("mark {mark}"),
        "labels": {"team": "bi"},
        "params": {"day": "1", "top": {"type": "integer", "value": 10}, "total": {"direction": "out"}},
        "tasks": {
            "a": {"type": "noop"},
            "b": {"type": "noop", "needs": ["a"]},
            "c": {"type": "shell", "run": "true", "needs": ["b"]}
        }
    });
    let definition = engine::spec::parse(&source).expect("a valid document");
    NewVersion {
        name: name.to_owned(),
        model: engine::spec::serialize(&definition),
        definition: Arc::new(definition),
        source: source.to_string(),
        format: SourceFormat::Json,
        hash: format!("hash-{mark}"),
        origin: VersionOrigin::Document,
        default_timezone: Tz::UTC,
    }
}
