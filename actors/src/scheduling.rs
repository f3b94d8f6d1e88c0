//! What starts instances by itself.

pub mod admission_actor;
pub mod admission_deps;
pub mod backfill_actor;
pub mod backfill_deps;
pub mod schedule_actor;
pub mod schedule_deps;

mod backfill_plan;
mod fire_batch;
mod prepared_schedule;
mod upcoming;
