//! The type `dependent`: a wait for instances of other workflows.

use super::definition::{Preparation, TaskType};
use super::field::{Field, FieldKind, Presence};
use super::site::{ExecutionSite, WatchKind};
use super::value_kind::ValueKind;

/// Waits for instances of other workflows.
pub const DEPENDENT: TaskType = TaskType {
    name: "dependent",
    doc: "Waits until instances of other workflows have succeeded.",
    site: ExecutionSite::Owner(WatchKind::Dependencies),
    fields: &[
        Field {
            key: "all",
            kind: FieldKind::Value(ValueKind::Dependencies),
            presence: Presence::Optional,
            doc: "Everything that has to hold; `all` or `any` is given.",
        },
        Field {
            key: "any",
            kind: FieldKind::Value(ValueKind::Dependencies),
            presence: Presence::Optional,
            doc: "That of which one has to hold; `all` or `any` is given.",
        },
        Field {
            key: "on_failure",
            kind: FieldKind::Value(ValueKind::Choice(&["fail", "wait"])),
            presence: Presence::Default("fail"),
            doc: "Whether a failed item decides at once, or counts as waiting for `failure_wait`.",
        },
        Field {
            key: "failure_wait",
            kind: FieldKind::Value(ValueKind::Duration),
            presence: Presence::Optional,
            doc: "For how long failed items count as waiting, from the start of the attempt.",
        },
        Field {
            key: "check_interval",
            kind: FieldKind::Value(ValueKind::Duration),
            presence: Presence::Default("10s"),
            doc: "How often it looks even when nothing was reported, 1s to 1h.",
        },
    ],
    secret_fields: &[],
    prepare: |_, _, _| Preparation::default(),
};
