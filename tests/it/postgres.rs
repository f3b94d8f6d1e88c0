//! A temporary PostgreSQL server per test process, and a fresh migrated database per test.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use store::{Role, Store};
pub use test_support::postgres::psql;
use test_support::postgres::{Durability, PostgresServer};

static SERVER: OnceLock<Option<PostgresServer>> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// Makes a fresh migrated database and returns its address; none where PostgreSQL is not installed.
pub fn database() -> Option<String> {
    let server = SERVER.get_or_init(start).as_ref()?;
    let name = format!("t{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    create(server, &name, "porpoise_template");
    Some(server.url(&name))
}

/// Makes an empty database without a schema.
pub fn empty_database() -> Option<String> {
    let server = SERVER.get_or_init(start).as_ref()?;
    let name = format!("e{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    create(server, &name, "template1");
    Some(server.url(&name))
}

fn start() -> Option<PostgresServer> {
    let Some(server) = PostgresServer::start(Durability::None).expect("PostgreSQL starts") else {
        eprintln!("SKIPPED: PostgreSQL is not installed (no initdb in PATH or /usr/lib/postgresql/*/bin)");
        return None;
    };
    create(&server, "porpoise_template", "template1");
    migrate(&server.url("porpoise_template"));
    Some(server)
}

/// In a thread of its own: the caller may already be inside a runtime.
fn migrate(url: &str) {
    let url = url.to_owned();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let store = Store::open(&url, Role::Tool).await.expect("a store");
            store.migrate().await.expect("migrations");
        });
    })
    .join()
    .expect("migrations");
}

/// Tries again while the template is still in use, for example by another test that copies it.
fn create(server: &PostgresServer, name: &str, template: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let statement = format!("CREATE DATABASE {name} TEMPLATE {template}");
    while let Err(error) = server.run("psql", &["-q", "-c", &statement, "postgres"]) {
        assert!(Instant::now() < deadline, "{error}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
