//! The types of channels that open incidents or hand alerts on.

use serde::Deserialize;

use super::channel_fields::{api_url, token};
use crate::connector::ConnectorType;
use crate::task_type::{Field, FieldKind, Presence, ValueKind};

/// PagerDuty.
pub const PAGERDUTY: ConnectorType = ConnectorType {
    name: "pagerduty",
    title: "PagerDuty",
    doc: "Triggers incidents of PagerDuty, one for each workflow; `recovered` resolves it.",
    fields: &[
        api_url("https://events.pagerduty.com"),
        token(
            "it is the integration key of the service (Events API v2)",
            "The integration key.",
        ),
    ],
};

/// Opsgenie.
pub const OPSGENIE: ConnectorType = ConnectorType {
    name: "opsgenie",
    title: "Opsgenie",
    doc: "Creates alerts of Opsgenie, one for each workflow.",
    fields: &[
        api_url("https://api.opsgenie.com"),
        token(
            "it is the key of an API integration (GenieKey)",
            "The key of the API integration.",
        ),
    ],
};

/// Prometheus Alertmanager.
pub const ALERTMANAGER: ConnectorType = ConnectorType {
    name: "alertmanager",
    title: "Alertmanager",
    doc: "Hands alerts to Prometheus Alertmanager, which routes them.",
    fields: &[Field {
        key: "url",
        kind: FieldKind::Value(ValueKind::ServiceUrl),
        presence: Presence::Required(
            "it is the address of Alertmanager, for example http://alertmanager:9093",
        ),
        doc: "The address of Alertmanager.",
    }],
};

/// The fields of a channel of a service with a token.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct IncidentFields {
    /// The address of the service.
    pub api_url: String,
    /// The key.
    pub token: String,
}

/// The fields of an `alertmanager` channel.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct AlertmanagerFields {
    /// The address of Alertmanager.
    pub url: String,
}
