//! Migrations up, down and up again; databases of other programs; the standalone lock.

use migrations::{Migrator, MigratorTrait as _};
use sea_orm::ConnectionTrait as _;
use store::{Role, SchemaStatus, Store};

async fn empty_sqlite(folder: &tempfile::TempDir) -> Store {
    let url = format!("sqlite://{}", folder.path().join("porpoise.db").display());
    Store::open(&url, Role::Node).await.expect("a store")
}

async fn empty_postgres() -> Option<Store> {
    let url = tokio::task::spawn_blocking(crate::postgres::empty_database)
        .await
        .expect("a database")?;
    Some(Store::open(&url, Role::Node).await.expect("a store"))
}

async fn goes_up_down_and_up(store: &Store) {
    let all = Migrator::migrations().len();
    let SchemaStatus::Older { pending } = store.schema_status().await.unwrap() else {
        panic!("an empty database is older");
    };
    assert_eq!(pending.len(), all);
    for step in 0..all {
        Migrator::up(store.writer().without_deadline(), Some(1))
            .await
            .expect("one up");
        Migrator::down(store.writer().without_deadline(), Some(1))
            .await
            .expect("one down");
        Migrator::up(store.writer().without_deadline(), Some(1))
            .await
            .expect("one up again");
        let status = store.schema_status().await.unwrap();
        assert_eq!(status == SchemaStatus::UpToDate, step + 1 == all);
    }
    Migrator::down(store.writer().without_deadline(), None)
        .await
        .expect("all down");
    store.migrate().await.expect("all up");
    store.migrate().await.expect("again changes nothing");
    assert_eq!(store.schema_status().await.unwrap(), SchemaStatus::UpToDate);
}

#[tokio::test]
async fn migrations_go_up_down_and_up_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    goes_up_down_and_up(&empty_sqlite(&folder).await).await;
}

#[tokio::test]
async fn migrations_go_up_down_and_up_on_postgres() {
    if let Some(store) = empty_postgres().await {
        goes_up_down_and_up(&store).await;
    }
}

/// Returns when the project `default` was created and changed.
async fn times_of_default(store: &Store) -> (i64, i64) {
    let sql = "SELECT created_at, updated_at FROM project WHERE name = 'default'";
    let row = store.reader().query_one_raw(store.statement(sql, [])).await;
    let row = row.expect("an answer").expect("the project");
    let column = |index| row.try_get_by_index(index).expect("a time");
    (column(0), column(1))
}

async fn default_is_as_old_as_its_database(store: &Store) {
    let before = store.now().await.expect("a time").0;
    store.migrate().await.expect("migrations");
    let after = store.now().await.expect("a time").0;
    let (created, updated) = times_of_default(store).await;
    assert!((before..=after).contains(&created), "{before} {created} {after}");
    assert_eq!(updated, created);
    // As earlier programs left it.
    let migrations = Migrator::migrations();
    let its_own = |name: &str| name == "m0007_default_project_time";
    let before_it = migrations
        .iter()
        .position(|migration| its_own(migration.name()))
        .expect("the migration of the time");
    let steps = u32::try_from(migrations.len() - before_it).expect("few");
    Migrator::down(store.writer().without_deadline(), Some(steps))
        .await
        .expect("a way down");
    let earlier = "UPDATE project SET created_at = 0, updated_at = 0 WHERE name = 'default'";
    store.writer().execute_unprepared(earlier).await.expect("a row");
    store.migrate().await.expect("migrations");
    let (created, updated) = times_of_default(store).await;
    // Migrations are recorded in whole seconds.
    assert!(
        (before - 1_000..=after).contains(&created),
        "{before} {created} {after}"
    );
    assert_eq!(updated, created);
}

#[tokio::test]
async fn the_project_default_is_as_old_as_its_database_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    default_is_as_old_as_its_database(&empty_sqlite(&folder).await).await;
}

#[tokio::test]
async fn the_project_default_is_as_old_as_its_database_on_postgres() {
    if let Some(store) = empty_postgres().await {
        default_is_as_old_as_its_database(&store).await;
    }
}

/// The rotation of keys and the check at a node's start see only the columns of the list.
#[tokio::test]
async fn every_sealed_column_is_in_the_list() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = empty_sqlite(&folder).await;
    store.migrate().await.expect("migrations");
    let sql = "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c \
               WHERE t.type = 'table' AND c.name LIKE '%sealed%' ORDER BY 1, 2";
    let rows = store.reader().query_all_raw(store.statement(sql, [])).await;
    let found: Vec<(String, String)> = rows
        .expect("columns")
        .iter()
        .map(|row| {
            (
                row.try_get_by_index(0).expect("a table"),
                row.try_get_by_index(1).expect("a column"),
            )
        })
        .collect();
    let mut listed: Vec<(String, String)> = secrets::SEALED_COLUMNS
        .iter()
        .map(|sealed| (sealed.table.to_owned(), sealed.column.to_owned()))
        .collect();
    listed.sort();
    assert_eq!(found, listed);
}

#[tokio::test]
async fn nodes_that_start_together_migrate_once() {
    let Some(store) = empty_postgres().await else {
        return;
    };
    let (one, other, third) = tokio::join!(store.migrate(), store.migrate(), store.migrate());
    assert_eq!((one, other, third), (Ok(()), Ok(()), Ok(())));
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = empty_sqlite(&folder).await;
    store.migrate().await.expect("migrations");
    let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_future', 0)";
    store.writer().execute_unprepared(newer).await.expect("a row");
    assert_eq!(
        store.schema_status().await.unwrap(),
        SchemaStatus::Newer {
            found: vec!["m9999_future".to_owned()]
        }
    );
    let refused = store.migrate().await.unwrap_err().to_string();
    assert!(
        refused.contains("newer program") && refused.contains("m9999_future"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_second_process_on_the_same_data_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = empty_sqlite(&folder).await;
    let alone = store
        .acquire_standalone_lock(folder.path())
        .await
        .expect("the first");
    let second = store
        .acquire_standalone_lock(folder.path())
        .await
        .unwrap_err()
        .to_string();
    assert!(second.contains("already uses the data folder"), "{second}");
    drop(alone);
    store
        .acquire_standalone_lock(folder.path())
        .await
        .expect("free again");
}

#[tokio::test]
async fn a_second_process_on_the_same_postgres_database_is_refused() {
    let Some(store) = empty_postgres().await else {
        return;
    };
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _alone = store
        .acquire_standalone_lock(one.path())
        .await
        .expect("the first");
    let second = store
        .acquire_standalone_lock(other.path())
        .await
        .unwrap_err()
        .to_string();
    assert!(second.contains("already uses this database"), "{second}");
}

#[tokio::test]
async fn another_kind_of_database_is_named_without_its_secrets() {
    let Err(error) = Store::open("mysql://user:secret@host/db", Role::Node).await else {
        panic!("MySQL is not supported");
    };
    let error = error.to_string();
    assert!(error.contains("mysql") && !error.contains("secret"), "{error}");
}
