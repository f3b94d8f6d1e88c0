//! The migrations create what the entities declare.

use catalog::{create_index_statements, create_table_statements};
use sea_orm::{ConnectionTrait as _, DbBackend};
use store::{Role, Store};

/// One line for each column: table, column, type, nullability, place in the primary key. SQLite has one type of
/// whole numbers.
const SQLITE_COLUMNS: &str = "SELECT m.name || '.' || c.name || ' ' || replace(replace(lower(c.type), 'varchar', 'text'), 'bigint', 'integer') || \
    CASE WHEN c.\"notnull\" = 1 OR c.pk > 0 THEN ' NOT NULL' ELSE '' END || \
    CASE WHEN c.pk > 0 THEN ' KEY ' || c.pk ELSE '' END \
    FROM sqlite_master m JOIN pragma_table_info(m.name) c \
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE 'seaql_%' ORDER BY 1";

/// One line for each foreign key.
const SQLITE_KEYS: &str = "SELECT m.name || '.' || f.\"from\" || ' -> ' || f.\"table\" || '.' || f.\"to\" || ' ' || \
    f.on_delete FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f \
    WHERE m.type = 'table' ORDER BY 1";

/// One line for each index that a statement created, and for each unique constraint of a table.
const SQLITE_INDEXES: &str = "SELECT replace(sql, '\"', '') FROM sqlite_master \
    WHERE type = 'index' AND sql IS NOT NULL AND tbl_name NOT LIKE 'seaql_%' \
    UNION ALL SELECT m.name || ' UNIQUE (' || \
    (SELECT group_concat(name, ', ') FROM pragma_index_info(i.name)) || ')' \
    FROM sqlite_master m JOIN pragma_index_list(m.name) i \
    WHERE m.type = 'table' AND i.origin = 'u' ORDER BY 1";

const POSTGRES_COLUMNS: &str = "SELECT table_name || '.' || column_name || ' ' || \
    replace(data_type, 'character varying', 'text') || \
    CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END \
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'seaql_%' ORDER BY 1";

/// One line for each primary and foreign key.
const POSTGRES_KEYS: &str = "SELECT conrelid::regclass::text || ' ' || pg_get_constraintdef(oid) FROM pg_constraint \
    WHERE contype IN ('p', 'f') AND connamespace = 'public'::regnamespace \
    AND conrelid::regclass::text NOT LIKE 'seaql_%' ORDER BY 1";

/// One line for each index but those of primary keys, with its condition. A condition on `varchar` has casts, and
/// parentheses around them, that one on `text` lacks.
const POSTGRES_INDEXES: &str = "SELECT regexp_replace(pg_get_indexdef(indexrelid), \
    '::(text|character varying)(\\[\\])?|[()]', '', 'g') FROM pg_index \
    JOIN pg_class ON pg_class.oid = indexrelid \
    WHERE relnamespace = 'public'::regnamespace AND NOT indisprimary \
    AND indrelid::regclass::text NOT LIKE 'seaql_%' ORDER BY 1";

async fn lines(store: &Store, sql: &str) -> Vec<String> {
    let rows = store.reader().query_all_raw(store.statement(sql, [])).await;
    let rows = rows.expect("a description of the tables");
    rows.iter()
        .map(|row| {
            let line: String = row.try_get_by_index(0).expect("a line");
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        })
        .collect()
}

async fn describe(store: &Store) -> Vec<String> {
    let (columns, keys, indexes) = match store.backend() {
        DbBackend::Sqlite => (SQLITE_COLUMNS, SQLITE_KEYS, SQLITE_INDEXES),
        _ => (POSTGRES_COLUMNS, POSTGRES_KEYS, POSTGRES_INDEXES),
    };
    let mut described = lines(store, columns).await;
    assert!(described.len() > 100, "the search should see the columns");
    described.extend(lines(store, keys).await);
    let indexes = lines(store, indexes).await;
    assert!(indexes.len() > 20, "the search should see the indexes");
    described.extend(indexes);
    described
}

async fn compare(migrated: &Store, declared: &Store) {
    migrated.migrate().await.expect("migrations");
    let backend = declared.backend();
    let (tables, indexes) = (create_table_statements(backend), create_index_statements(backend));
    for statement in tables.into_iter().chain(indexes) {
        let created = declared.writer().execute_raw(statement).await;
        created.expect("a declared table or index");
    }
    let (migrated, declared) = (describe(migrated).await, describe(declared).await);
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        let missing = these.iter().filter(|line| !those.contains(line));
        missing.cloned().collect()
    };
    assert_eq!(
        only(&migrated, &declared),
        Vec::<String>::new(),
        "no entity declares what these migrations create"
    );
    assert_eq!(
        only(&declared, &migrated),
        Vec::<String>::new(),
        "no migration creates what these entities declare"
    );
}

#[tokio::test]
async fn the_migrations_create_what_the_entities_declare_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = async |name: &str| {
        let url = format!("sqlite://{}", folder.path().join(name).display());
        Store::open(&url, Role::Node).await.expect("a store")
    };
    compare(&open("migrated.db").await, &open("declared.db").await).await;
}

#[tokio::test]
async fn the_migrations_create_what_the_entities_declare_on_postgres() {
    let open = async || {
        let made = tokio::task::spawn_blocking(crate::postgres::empty_database);
        let url = made.await.expect("a database")?;
        Some(Store::open(&url, Role::Node).await.expect("a store"))
    };
    let (Some(migrated), Some(declared)) = (open().await, open().await) else {
        return;
    };
    compare(&migrated, &declared).await;
}
