//! Instances that a task of another instance starts: one for a `sub_workflow` task, one for each combination of a
//! `dynamic` task.
//!
//! A `sub_workflow` is the fan-out with one combination. What is started follows from the stored [`FanOut`] of the
//! attempt and the children that exist, so that every owner comes to the same.

mod combinations;
mod fan_out;
mod plan;
mod results;

#[cfg(test)]
mod tests;

pub use combinations::Combinations;
pub use fan_out::{FanOut, open_fan_out};
pub use plan::{ChildRefusal, ChildSummary, FanOutStep, plan_fan_out};
pub use results::{ChildResult, collect_outputs};
