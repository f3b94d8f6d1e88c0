//! The pools of a database, opened with the settings that it needs.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::ids::Timestamp;
use sea_orm::sqlx::Connection;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement,
    TransactionOptions,
};

use crate::pool::{MonitoredConnection, Pool};
use crate::timeline::TimelineMonitor;

/// The clock of PostgreSQL in milliseconds, of this moment and not of the transaction's start.
pub(crate) const POSTGRES_NOW: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/// Settings of every session of a node: a hanging statement ends, and a lost client is noticed.
const POSTGRES_SESSION: [(&str, &str); 8] = [
    ("statement_timeout", "10s"),
    ("lock_timeout", "2s"),
    ("idle_in_transaction_session_timeout", "5s"),
    ("client_connection_check_interval", "2s"),
    ("tcp_user_timeout", "5s"),
    ("tcp_keepalives_idle", "3"),
    ("tcp_keepalives_interval", "1"),
    ("tcp_keepalives_count", "3"),
];

/// Time within which a new connection is open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What the connections are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A node with the role master or api.
    Node,
    /// A node that is only a worker: it writes its member row and its heartbeat.
    Worker,
    /// A command that reads or migrates and ends; its statements may take long.
    Tool,
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Neither of the two kinds.
    #[error("the database address must begin with sqlite:// or postgres://, not `{0}`")]
    UnknownKind(String),
    /// It did not answer, or refused.
    #[error("the database cannot be opened: {0}")]
    Unreachable(String),
}

/// The open connections.
#[derive(Debug)]
pub(crate) struct Pools {
    backend: DbBackend,
    /// Reads.
    reader: Pool,
    /// The catalog's writes; on SQLite the same connection as `engine`.
    writer: Pool,
    /// The group commit and claims.
    engine: Pool,
    /// Heartbeats, which wait behind no other statement.
    heartbeats: Pool,
    /// The name of the `engine` sessions in `pg_stat_activity`: unique to this process, then to its incarnation.
    engine_session_name: Mutex<String>,
}

/// Opens the pools that `role` needs.
pub(crate) async fn open(url: &str, role: Role, timeline: &TimelineMonitor) -> Result<Pools, OpenError> {
    if let Some(path) = url.strip_prefix("sqlite://") {
        return open_sqlite(PathBuf::from(path)).await;
    }
    let url = url.replacen("postgresql://", "postgres://", 1);
    if !url.starts_with("postgres://") {
        let kind = url.split(':').next().unwrap_or_default();
        return Err(OpenError::UnknownKind(format!("{kind}:…")));
    }
    match open_postgres(&url, role, timeline).await {
        Err(OpenError::Unreachable(why)) => Err(OpenError::Unreachable(why_unreachable(&url, why).await)),
        opened => opened,
    }
}

/// A pool only reports that its time was over. One plain connection shows the reason; the address is shown without
/// user and password.
async fn why_unreachable(url: &str, fallback: String) -> String {
    let Ok(options) = url.parse::<PgConnectOptions>() else {
        return fallback;
    };
    let address = match options.get_socket() {
        Some(folder) => folder.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let plain = tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&options)).await;
    let why = match plain {
        Ok(Ok(_)) => fallback,
        Ok(Err(error)) => {
            let answer = error.as_database_error();
            let hint = answer.and_then(|answer| what_to_correct(answer.code().as_deref(), &options));
            if let (Some(answer), Some(hint)) = (answer, hint) {
                return format!("PostgreSQL at {address} answers: {}; {hint}", answer.message());
            }
            error.to_string()
        }
        Err(_) => format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()),
    };
    format!(
        "PostgreSQL at {address}: {why}; check that it runs and can be reached from here, and database.url \
         (--database-url)"
    )
}

/// Says how to correct the address when a server answers and refuses the connection.
fn what_to_correct(code: Option<&str>, options: &PgConnectOptions) -> Option<String> {
    match code? {
        "28P01" | "28000" => Some(format!(
            "correct the user `{}` or the password in database.url (--database-url), or let the server admit it \
             (pg_hba.conf)",
            options.get_username()
        )),
        "3D000" => Some(format!(
            "create the database `{}`, or correct its name in database.url (--database-url)",
            options.get_database().unwrap_or(options.get_username())
        )),
        "53300" => Some("raise max_connections of the server, or end what uses them up".to_owned()),
        "57P03" => Some("it is starting, or recovering: start this node again when it is done".to_owned()),
        _ => None,
    }
}

async fn open_sqlite(path: PathBuf) -> Result<Pools, OpenError> {
    let writer = sqlite_pool(&path, 1).await?;
    let reader = sqlite_pool(&path, 4).await?;
    Ok(Pools {
        backend: DbBackend::Sqlite,
        reader,
        engine: writer.clone(),
        heartbeats: writer.clone(),
        writer,
        engine_session_name: Mutex::default(),
    })
}

async fn sqlite_pool(path: &std::path::Path, size: u32) -> Result<Pool, OpenError> {
    // The path is set below and not written into the address, where `%` and `?` would mean something.
    let mut options = ConnectOptions::new("sqlite://placeholder");
    pool_options(&mut options, size);
    // A failed commit, for example on a full disk, ends the transaction inside SQLite without the driver's
    // knowledge. Its count is wrong from then on, and later commits would only release a savepoint: they would
    // be answered as stored and be lost. Such a connection is closed; the next one starts from the file.
    options.map_sqlx_sqlite_pool_opts(|pool| {
        pool.before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
    });
    let path = path.to_owned();
    options.map_sqlx_sqlite_opts(move |sqlite: SqliteConnectOptions| {
        sqlite
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .pragma("cache_size", "-32768")
            .pragma("temp_store", "MEMORY")
            .statement_cache_capacity(200)
    });
    Ok(Pool::new(connect(options).await?, MonitoredConnection::default()))
}

async fn open_postgres(url: &str, role: Role, timeline: &TimelineMonitor) -> Result<Pools, OpenError> {
    let session_name = format!("porpoise-engine-{}", uuid::Uuid::new_v4().simple());
    let monitor = match role {
        Role::Node | Role::Worker => MonitoredConnection::with_deadline(),
        Role::Tool => MonitoredConnection::default(),
    };
    let open = async |size: u32, name: &str, timeline: Option<&TimelineMonitor>| {
        let sessions = Sessions {
            role,
            size,
            name,
            monitor: &monitor,
            timeline,
        };
        Ok::<_, OpenError>(Pool::new(postgres_pool(url, &sessions).await?, monitor.clone()))
    };
    // A worker decides nothing; its heartbeat is as true in a restored database.
    let timeline = (role == Role::Node).then_some(timeline);
    let pool = async |size: u32, name: &str| open(size, name, timeline).await;
    let (read, write) = if role == Role::Node { (4, 2) } else { (1, 1) };
    Ok(Pools {
        backend: DbBackend::Postgres,
        reader: pool(read, "porpoise-read").await?,
        writer: pool(write, "porpoise-write").await?,
        // One more than batches at a time, so that a claim does not wait for them.
        engine: pool(write + 1, &session_name).await?,
        // Not checked: it finds out whether this incarnation is alive in the database that it leads to.
        heartbeats: open(1, "porpoise-heartbeat", None).await?,
        engine_session_name: Mutex::new(session_name),
    })
}

impl Pools {
    pub(crate) fn backend(&self) -> DbBackend {
        self.backend
    }

    pub(crate) fn reader(&self) -> &Pool {
        &self.reader
    }

    pub(crate) fn writer(&self) -> &Pool {
        &self.writer
    }

    pub(crate) fn engine(&self) -> &Pool {
        &self.engine
    }

    pub(crate) fn heartbeats(&self) -> &Pool {
        &self.heartbeats
    }

    /// Returns the name of the `engine` sessions.
    pub(crate) fn engine_session_name(&self) -> String {
        self.engine_session_name
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Names the `engine` sessions of PostgreSQL, those that are open and those to come.
    pub(crate) async fn name_engine_sessions(&self, name: String) -> Result<(), DbErr> {
        if self.backend != DbBackend::Postgres {
            return Ok(());
        }
        let pool = self.engine.without_deadline().get_postgres_connection_pool();
        let options = pool.connect_options().as_ref().clone();
        pool.set_connect_options(options.application_name(&name));
        // All at once, so that each is a different session.
        let mut open = Vec::new();
        for _ in 0..pool.size() {
            open.push(
                self.engine
                    .begin_with_options(TransactionOptions::default())
                    .await?,
            );
        }
        for session in open {
            let set = "SELECT set_config('application_name', $1, false)";
            session
                .query_one_raw(Statement::from_sql_and_values(
                    self.backend,
                    set,
                    [name.clone().into()],
                ))
                .await?;
            session.commit().await?;
        }
        *self
            .engine_session_name
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = name;
        Ok(())
    }
}

/// Connections to PostgreSQL that have one purpose.
struct Sessions<'a> {
    role: Role,
    size: u32,
    name: &'a str,
    monitor: &'a MonitoredConnection,
    timeline: Option<&'a TimelineMonitor>,
}

async fn postgres_pool(url: &str, sessions: &Sessions<'_>) -> Result<DatabaseConnection, OpenError> {
    let mut options = ConnectOptions::new(url);
    pool_options(&mut options, sessions.size);
    options.set_application_name(sessions.name);
    if sessions.role != Role::Tool {
        options.map_sqlx_postgres_opts(|postgres| postgres.options(POSTGRES_SESSION));
        let (monitor, timeline) = (sessions.monitor.clone(), sessions.timeline.cloned());
        // One call: a second one would replace the first.
        options.map_sqlx_postgres_pool_opts(move |pool| {
            let pool = with_monitor(pool, &monitor);
            match timeline.clone() {
                Some(timeline) => with_timeline(pool, timeline),
                None => pool,
            }
        });
    }
    connect(options).await
}

/// Checks each connection before its use and after it.
fn with_monitor(pool: PgPoolOptions, monitor: &MonitoredConnection) -> PgPoolOptions {
    let (before, after) = (monitor.clone(), monitor.clone());
    pool.before_acquire(move |connection, metadata| {
        let monitor = before.clone();
        Box::pin(async move { Ok(monitor.is_usable(connection, metadata).await) })
    })
    .after_release(move |connection, _| {
        let monitor = after.clone();
        Box::pin(async move { Ok(monitor.is_reusable(connection).await) })
    })
}

/// Checks that each new connection leads to the database that the node has joined.
fn with_timeline(pool: PgPoolOptions, timeline: TimelineMonitor) -> PgPoolOptions {
    pool.after_connect(move |connection, _| {
        let timeline = timeline.clone();
        Box::pin(async move { timeline.check_connection(connection).await })
    })
}

fn pool_options(options: &mut ConnectOptions, size: u32) {
    options
        .min_connections(0)
        .max_connections(size)
        .connect_timeout(CONNECT_TIMEOUT)
        .acquire_timeout(CONNECT_TIMEOUT)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .record_stmt_in_spans(false);
}

async fn connect(options: ConnectOptions) -> Result<DatabaseConnection, OpenError> {
    Database::connect(options)
        .await
        .map_err(|e: DbErr| OpenError::Unreachable(e.to_string()))
}

/// Opens one connection that stays; for locks that end with their session.
pub(crate) async fn postgres_session(url: &str, name: &str) -> Result<DatabaseConnection, OpenError> {
    let url = url.replacen("postgresql://", "postgres://", 1);
    let sessions = Sessions {
        role: Role::Tool,
        size: 1,
        name,
        monitor: &MonitoredConnection::default(),
        timeline: None,
    };
    postgres_pool(&url, &sessions).await
}

/// Returns the time of this machine, which is the database's on SQLite.
pub(crate) fn machine_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
