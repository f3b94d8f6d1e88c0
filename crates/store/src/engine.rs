//! The engine's side of the database: what masters and workers store and read.

mod alerts;
mod backfill_commit;
mod backfills;
mod child_creation;
mod child_takeover;
mod child_workflows;
mod children;
mod claim;
mod commit;
mod commit_statements;
mod create;
mod death_declarations;
mod dependencies;
mod dependency_candidates;
mod fire_rows;
mod inbox;
mod limit_queue;
mod limit_statements;
mod load;
mod members;
mod new_rows;
mod ownership;
mod pinned_definition;
mod places;
mod relayed_results;
mod reset_statements;
mod retention;
pub(crate) mod retention_batches;
mod schedules;
mod secrets;
mod task_rows;
mod workflow_lookup;

pub use alerts::rules::{RulePlace, replace_alert_rules};
pub use places::rules::{RuledWorkflow, change_concurrency, change_max_instances};
