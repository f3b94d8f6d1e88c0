//! What becomes of the processes that an attempt leaves behind.

use serde::Deserialize;

use super::field::{Field, FieldKind, Presence};
use super::value_kind::ValueKind;

/// What becomes of the processes that an attempt leaves behind at its normal end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackgroundPolicy {
    /// They are ended like by a kill.
    #[default]
    End,
    /// They stay.
    Keep,
}

/// The field of every type that has processes.
pub(super) const BACKGROUND: Field = Field {
    key: "background",
    kind: FieldKind::Value(ValueKind::Choice(&["end", "keep"])),
    presence: Presence::Default("end"),
    doc: "What becomes of the processes that the task leaves behind at its normal end.",
};
