//! The schema of the store: one file per change, each with a way up and a way down.
//!
//! The same migrations run on SQLite and PostgreSQL. Times are BIGINT milliseconds since 1970 UTC, states and
//! kinds are text, structured values are JSON text that no query looks into. A migration that was released is
//! never edited.

pub use sea_orm_migration::{MigrationTrait, MigratorTrait};

mod m0001_cluster;
mod m0002_definitions;
mod m0003_access;
mod m0004_instances;
mod m0005_history;
mod m0006_guards;
mod m0007_default_project_time;
mod m0008_log_removals;
mod m0009_heartbeat_count;
mod m0013_workflow_enabled;
mod m0014_project_settings;
mod m0015_schedules;
mod m0016_backfill;
mod m0017_backfill_dates;
mod m0020_retention;
mod m0021_instance_purge;
mod m0022_task_progress;
mod m0024_children;
mod m0026_project_share;
mod m0027_waits;
mod m0028_places;
mod m0030_limits;
mod m0031_limit_counts;
mod m0032_single_tasks;
mod m0034_bulk_and_lists;
mod m0035_secrets;
mod m0036_secret_use;
mod m0037_connections;
mod m0042_channels;
mod m0043_silences;
mod m0044_setup_links;
mod m0046_backfill_dependents;
mod m0050_limit_lookups;
mod m0054_retention;
mod m0055_lost_dependencies;
mod m0056_user_groups;
mod migration;
mod migrator;

pub use migrator::Migrator;
