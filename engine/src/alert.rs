//! Alerts: which events there are, the rules that name them, which of them an event matches, and when a delivery is tried
//! again.

pub(crate) mod event;
pub(crate) mod rule;
pub(crate) mod rule_document;
pub(crate) mod rule_fields;

mod late;
mod matching;
mod retry;
mod rule_scope;
mod subject;

pub use event::{AlertEvent, EventSet};
pub use late::{LateLimit, late_at};
pub use matching::{PlacedRule, RuleMatch, match_rules};
pub use retry::next_try;
pub use rule::{AlertRule, RuleLabel, RuleSource};
pub use rule_document::{rule_list_schema, serialize_rules};
pub use rule_fields::parse_rule_list;
pub use subject::{AlertedInstance, EventSubject};
