//! The store on SQLite and PostgreSQL: the only code that knows SQL.
//!
//! SQLite has one writing connection, PostgreSQL small pools. The engine uses the ports of `actors`; what users read and
//! change is in the crate `catalog`. No transaction waits for anything but the database.

mod backfill_dates;
mod batch_sql;
mod batch_statement;
mod connect;
mod engine;
mod error;
mod expired_count;
mod generation;
mod lock;
mod ownership_predicates;
mod pool;
mod row_reader;
mod schedule_fires;
mod schema;
mod store;
mod timeline;
mod version_cache;

pub use backfill_dates::{summarise_backfill_dates, sweep_backfill_dates};
pub use connect::{OpenError, Role};
pub use engine::{RuledWorkflow, change_concurrency, change_max_instances};
pub use error::{DISK_FULL, is_unique_violation, store_error};
pub use expired_count::ExpiredCount;
pub use generation::GenerationBump;
pub use lock::{StandaloneLock, StandaloneLockError};
pub use ownership_predicates::{LIVE_MEMBER, RUNS_CONDITION};
pub use pool::{Pool, Transaction};
pub use schedule_fires::{SkippedRow, record_skipped_fires};
pub use schema::SchemaStatus;
pub use store::Store;
pub use timeline::DatabaseTimeline;
pub use version_cache::VersionCache;
