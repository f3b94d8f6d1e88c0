//! What sends alerts.

pub mod alert_actor;
pub mod alert_deps;

mod delivery;
