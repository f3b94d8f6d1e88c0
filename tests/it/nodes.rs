//! Whole nodes: the real program on its own data, driven over REST as a user does.

mod approvals;
mod backfills;
mod bulk;
mod children;
mod connections;
mod dependencies;
mod explain;
mod harness;
mod hostile;
mod live;
mod machine_clock;
mod metrics;
mod places;
mod real_input;
mod restart;
mod retention;
mod schedules;
mod secrets;
mod services;
mod single_tasks;
mod timed;
mod trouble;
