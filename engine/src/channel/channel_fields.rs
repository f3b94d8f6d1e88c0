//! Fields that several types of channels have.

use crate::task_type::{Field, FieldKind, Presence, ValueKind};

/// The fields of every type.
pub(super) const COMMON: &[Field] = &[Field {
    key: "description",
    kind: FieldKind::Value(ValueKind::Text),
    presence: Presence::Default(""),
    doc: "For people.",
}];

/// The address that a service gives to a channel; who knows it can write there.
pub(super) const SECRET_URL: Field = Field {
    key: "url",
    kind: FieldKind::Value(ValueKind::Secret),
    presence: Presence::Required("it is the address that the service shows for incoming webhooks"),
    doc: "The address of the incoming webhook.",
};

/// The key by which messages are signed.
pub(super) const SIGNING_SECRET: Field = Field {
    key: "secret",
    kind: FieldKind::Value(ValueKind::Secret),
    presence: Presence::Optional,
    doc: "The key by which messages are signed, where the service asks for signatures.",
};

/// Returns the secret by which a service knows the sender.
pub(super) const fn token(hint: &'static str, doc: &'static str) -> Field {
    Field {
        key: "token",
        kind: FieldKind::Value(ValueKind::Secret),
        presence: Presence::Required(hint),
        doc,
    }
}

/// Returns the address of the service itself, which another one may stand for.
pub(super) const fn api_url(default: &'static str) -> Field {
    Field {
        key: "api_url",
        kind: FieldKind::Value(ValueKind::ServiceUrl),
        presence: Presence::Default(default),
        doc: "The address of the service.",
    }
}

/// Returns a text of one line that must be given.
pub(super) const fn required_line(key: &'static str, hint: &'static str, doc: &'static str) -> Field {
    Field {
        key,
        kind: FieldKind::Value(ValueKind::Line),
        presence: Presence::Required(hint),
        doc,
    }
}
