//! The type `group`.

use serde::Deserialize;

use crate::connector::ConnectorType;
use crate::task_type::{Field, FieldKind, Presence, ValueKind};

/// Several channels under one name.
pub const GROUP: ConnectorType = ConnectorType {
    name: "group",
    title: "Group",
    doc: "Sends to several channels.",
    fields: &[Field {
        key: "members",
        kind: FieldKind::Value(ValueKind::ChannelNames),
        presence: Presence::Required("it lists names of channels, for example [oncall, bi-mail]"),
        doc: "The channels: of the same place, or shared ones; none of them is a group.",
    }],
};

/// The fields of a `group` channel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GroupFields {
    /// The names of the channels.
    pub members: Vec<String>,
}
