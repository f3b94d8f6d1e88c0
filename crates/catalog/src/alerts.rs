//! Alerts with their deliveries, and the rules of projects and of the server.

mod retry;
mod rules;
pub(crate) mod silences;
pub(crate) mod stored;

pub use rules::RuleOwner;
pub use silences::{NewSilence, SilenceChange, Silences, StoredSilence};
pub use stored::{AlertFilter, AlertRow, Alerts, DeliveryRow, DeliveryState};
