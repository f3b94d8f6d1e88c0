//! Tasks of type `dependent`: they wait for instances of other workflows in intervals around their own base instant.
//!
//! Pure: items and intervals come out as questions, what was found goes in, and the decision comes out.

mod dates;
mod decision;
mod intervals;
mod items;
mod observation;
mod outputs;
mod parse;
mod progress;
mod reasons;
mod seen;

pub use dates::{DependencyCycle, DependencyDate};
pub use decision::{DependencyDecision, FailedItems, decide_dependencies};
pub use intervals::{TimeInterval, cycle_interval_start, dependency_intervals};
pub use items::{
    DependencyFailurePolicy, DependencyGroup, DependencyItem, DependencyMember, DependencyRelation,
    DependencyTarget, DependencyTask, DependencyWindow,
};
pub use observation::{Candidate, CandidateTask, ItemObservation};
pub use progress::DependencyProgress;
pub(crate) use progress::WAITS_FOR_FIRST_LOOK;
pub use reasons::ReasonContext;

#[cfg(test)]
mod tests;
