//! What the maker of a backfill chose, as it is stored and shown.

use engine::alert::AlertRule;
use engine::backfill::{DateOrder, DependentsMode};
use engine::ids::Timestamp;
use engine::start::Start;
use engine::timezone::Tz;
use serde::{Deserialize, Serialize};

/// What the maker of a backfill chose and no decision needs. Stored as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackfillChoices {
    /// The beginning of the range; none where dates were listed.
    pub from: Option<Timestamp>,
    /// The end of the range; none where dates were listed.
    pub to: Option<Timestamp>,
    /// The zone of dates that no schedule gave.
    pub timezone: Tz,
    /// The schedule whose times are the dates; none where all enabled ones are.
    pub schedule: Option<String>,
    /// The order of running.
    pub order: DateOrder,
    /// Which workflows run besides.
    pub dependents: DependentsMode,
    /// For people.
    pub description: String,
    /// Which events of it and of its instances send alerts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<AlertRule>,
    /// The start of its instances, as it was understood for the version.
    pub start: Start,
}
