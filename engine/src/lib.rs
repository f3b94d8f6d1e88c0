//! The rules of workflow instances: the next state of each, with the reason.
//!
//! This crate is pure: no I/O, no clock, no randomness, no threads. Time comes in events, order comes from
//! ordered collections, and everything that must be done outside is returned as data.

mod date_names;
mod expression;

pub mod alert;
pub mod approval;
pub mod attempt;
pub mod backfill;
pub mod channel;
pub mod children;
pub mod connection;
pub mod connector;
pub mod dependent;
pub mod ids;
pub mod overrides;
pub mod states;
pub mod template;

pub mod params;
pub mod place;
pub mod plan;
pub mod spec;
pub mod start;
pub mod task_type;
pub mod timezone;
pub mod trigger;

pub mod explain;
pub mod instance;
pub mod limits;
pub mod schedule;
pub mod task;
pub mod view;
