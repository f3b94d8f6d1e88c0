//! Nodes, take-overs and the database itself as readers see them.

use engine::ids::{Incarnation, Timestamp};
use engine::states::MemberState;

use sea_orm::{DbBackend, QueryResult};

use super::{Catalog, CatalogError, Page, PageRequest, sql};

/// How long a life that ended stays listed.
const LISTED_MS: i64 = 24 * 60 * 60 * 1000;

/// One life of a node as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRow {
    /// Which life.
    pub incarnation: Incarnation,
    /// The node's name.
    pub name: String,
    /// Its address.
    pub host: String,
    /// `master`, `worker`, `api`.
    pub roles: Vec<String>,
    /// Where it is in its life.
    pub state: MemberState,
    /// When it joined.
    pub joined_at: Timestamp,
    /// How many instances it owns.
    pub instances: u32,
    /// Slots of its worker.
    pub slots_total: u32,
    /// Attempts that are created or running there; what masters bound beyond its slots is refused there, and is
    /// not counted.
    pub slots_used: u32,
    /// The group of its worker.
    pub worker_group: String,
    /// The program's version.
    pub version: String,
}

/// One of the two lives of a take-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailoverSide {
    /// Which life.
    pub incarnation: Incarnation,
    /// Its address.
    pub host: String,
}

/// One death and what became of the instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailoverRow {
    /// Its row; grows.
    pub id: i64,
    /// Who was declared dead.
    pub dead: FailoverSide,
    /// Who took over.
    pub survivor: FailoverSide,
    /// Why it was declared dead, in words.
    pub reason: String,
    /// When it was first suspected.
    pub suspected_at: Option<Timestamp>,
    /// When it was declared dead.
    pub declared_at: Timestamp,
    /// When the last of its instances had a new owner.
    pub acknowledged_at: Option<Timestamp>,
    /// How many instances moved.
    pub instances: u32,
    /// How many attempts went on.
    pub attempts_reattached: u32,
    /// How many attempts were lost.
    pub attempts_lost: u32,
}

/// What is behind the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// `sqlite` or `postgres`.
    pub backend: &'static str,
    /// The name of the newest migration that was applied.
    pub schema_version: String,
}

impl Catalog {
    /// Lists the nodes that live, and those that ended within the day before `at`, newest first.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn nodes(&self, at: Timestamp) -> Result<Vec<NodeRow>, CatalogError> {
        let rows = sql::all(
            self.reader(),
            "SELECT m.incarnation, m.name, m.host, m.roles, m.state, m.joined_at, m.slots, m.worker_group, m.version, \
             (SELECT COUNT(*) FROM instance i WHERE i.owner = m.incarnation) AS instances, \
             COALESCE(a.used, 0) AS used FROM member m \
             LEFT JOIN (SELECT worker, COUNT(*) AS used FROM attempt \
             WHERE state IN ('created', 'running') AND worker IS NOT NULL GROUP BY worker) a \
             ON a.worker = m.incarnation \
             WHERE m.state NOT IN ('left', 'dead') OR m.state_at > $1 ORDER BY m.incarnation DESC",
            vec![(at.0 - LISTED_MS).into()],
        )
        .await?;
        rows.iter().map(node_row).collect()
    }

    /// Lists take-overs, newest first.
    ///
    /// # Errors
    /// `Rejected`: the cursor is none of ours.
    pub async fn failovers(&self, page: &PageRequest) -> Result<Page<FailoverRow>, CatalogError> {
        let before = page.after::<i64>("failovers")?.unwrap_or(i64::MAX);
        let rows = sql::all(
            self.reader(),
            "SELECT id, dead, dead_host, survivor, survivor_host, reason, suspected_at, declared_at, \
             acknowledged_at, instances, attempts_reattached, attempts_lost \
             FROM failover WHERE id < $1 ORDER BY id DESC LIMIT $2",
            vec![before.into(), page.rows().into()],
        )
        .await?;
        let items = rows.iter().map(failover_row).collect::<Result<_, _>>()?;
        Ok(Page::cut("failovers", page, items, |row: &FailoverRow| {
            row.id.to_string()
        }))
    }

    /// Asks the database what it is; an error means that it cannot be reached.
    ///
    /// # Errors
    /// `Unavailable`: it cannot be reached.
    pub async fn database(&self) -> Result<Database, CatalogError> {
        let row = sql::first(
            self.reader(),
            "SELECT version FROM seaql_migrations ORDER BY version DESC LIMIT 1",
            Vec::new(),
        )
        .await?;
        let version = row.map(|row| sql::get(&row, "version")).transpose()?;
        Ok(Database {
            backend: if self.store.backend() == DbBackend::Sqlite {
                "sqlite"
            } else {
                "postgres"
            },
            schema_version: version.unwrap_or_default(),
        })
    }
}

fn node_row(row: &QueryResult) -> Result<NodeRow, CatalogError> {
    let roles: String = sql::get(row, "roles")?;
    let slots_total = sql::count(row, "slots")?;
    Ok(NodeRow {
        incarnation: Incarnation(sql::get(row, "incarnation")?),
        name: sql::get(row, "name")?,
        host: sql::get(row, "host")?,
        roles: roles.split(',').map(str::to_owned).collect(),
        state: sql::named(row, "state")?,
        joined_at: Timestamp(sql::get(row, "joined_at")?),
        instances: sql::count(row, "instances")?,
        slots_total,
        slots_used: sql::count(row, "used")?.min(slots_total),
        worker_group: sql::get(row, "worker_group")?,
        version: sql::get(row, "version")?,
    })
}

fn failover_row(row: &QueryResult) -> Result<FailoverRow, CatalogError> {
    let side = |incarnation, host| {
        Ok::<_, CatalogError>(FailoverSide {
            incarnation: Incarnation(sql::get(row, incarnation)?),
            host: sql::get(row, host)?,
        })
    };
    Ok(FailoverRow {
        id: sql::get(row, "id")?,
        dead: side("dead", "dead_host")?,
        survivor: side("survivor", "survivor_host")?,
        reason: sql::get(row, "reason")?,
        suspected_at: sql::get::<Option<i64>>(row, "suspected_at")?.map(Timestamp),
        declared_at: Timestamp(sql::get(row, "declared_at")?),
        acknowledged_at: sql::get::<Option<i64>>(row, "acknowledged_at")?.map(Timestamp),
        instances: sql::count(row, "instances")?,
        attempts_reattached: sql::count(row, "attempts_reattached")?,
        attempts_lost: sql::count(row, "attempts_lost")?,
    })
}
