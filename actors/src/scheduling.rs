//! What starts instances by itself.

pub mod backfill_actor;
pub mod backfill_deps;

mod backfill_plan;
