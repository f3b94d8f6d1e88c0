//! The order of the migrations.

use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// Brings a database to the schema of this program, step by step.
#[derive(Debug, Clone, Copy)]
pub struct Migrator;

#[async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(crate::m0001_cluster::Migration),
            Box::new(crate::m0002_definitions::Migration),
            Box::new(crate::m0003_access::Migration),
            Box::new(crate::m0004_instances::Migration),
            Box::new(crate::m0005_history::Migration),
            Box::new(crate::m0006_guards::Migration),
            Box::new(crate::m0007_default_project_time::Migration),
            Box::new(crate::m0008_log_removals::Migration),
            Box::new(crate::m0009_heartbeat_count::Migration),
            Box::new(crate::m0013_workflow_enabled::Migration),
            Box::new(crate::m0014_project_settings::Migration),
            Box::new(crate::m0015_schedules::Migration),
            Box::new(crate::m0016_backfill::Migration),
            Box::new(crate::m0017_backfill_dates::Migration),
            Box::new(crate::m0020_retention::Migration),
            Box::new(crate::m0021_instance_purge::Migration),
            Box::new(crate::m0022_task_progress::Migration),
            Box::new(crate::m0024_children::Migration),
            Box::new(crate::m0026_project_share::Migration),
            Box::new(crate::m0027_waits::Migration),
            Box::new(crate::m0028_places::Migration),
            Box::new(crate::m0030_limits::Migration),
            Box::new(crate::m0031_limit_counts::Migration),
            Box::new(crate::m0032_single_tasks::Migration),
            Box::new(crate::m0034_bulk_and_lists::Migration),
            Box::new(crate::m0035_secrets::Migration),
            Box::new(crate::m0036_secret_use::Migration),
            Box::new(crate::m0037_connections::Migration),
            Box::new(crate::m0042_channels::Migration),
            Box::new(crate::m0043_silences::Migration),
            Box::new(crate::m0044_setup_links::Migration),
            Box::new(crate::m0046_backfill_dependents::Migration),
            Box::new(crate::m0050_limit_lookups::Migration),
            Box::new(crate::m0054_retention::Migration),
            Box::new(crate::m0055_lost_dependencies::Migration),
            Box::new(crate::m0056_user_groups::Migration),
        ]
    }
}
