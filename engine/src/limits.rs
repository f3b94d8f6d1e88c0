//! Limits of tasks: which ones a task needs, what becomes of its rows in their queues, and which waiting tasks have room.
//!
//! A task holds slots of its limits only together with a slot of a worker. It takes all of them in the commit that binds
//! its attempt, and gives them back in the commit that ends the attempt. Until then it waits in the queue of each limit
//! that lacks room for it, and holds no slot of any.

mod admission;
mod changes;
mod needs;

pub use admission::{LimitRoom, QueuePlace, QueuePosition, QueueStep, QueueWalk};
pub use changes::{HeldBefore, LimitChange, LimitPhase};
pub use needs::{PROJECT_CAP, ProjectCap, TaskLimits};
