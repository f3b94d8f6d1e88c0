//! Which nodes are alive, and how this node shows that it is.

pub mod failure_detector;
pub mod heartbeat;
pub mod liveness;
pub mod registry_actor;
