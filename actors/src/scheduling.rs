//! The group of actors that start instances when their time comes.

mod fire_batch;
mod prepared_schedule;
mod upcoming;

pub mod schedule_actor;
pub mod schedule_deps;
