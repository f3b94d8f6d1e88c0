//! The type `http`: one HTTP request.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::definition::{Preparation, TaskType};
use super::field::{Field, FieldKind, Presence};
use super::site::ExecutionSite;
use super::value_kind::ValueKind;
use crate::params::text::TextInterpolator;
use crate::params::time::TimeBase;

/// Sends a request from a worker.
pub const HTTP: TaskType = TaskType {
    name: "http",
    doc: "Sends one HTTP request.",
    site: ExecutionSite::Worker,
    fields: &[
        Field {
            key: "request",
            kind: FieldKind::Object(REQUEST),
            presence: Presence::Required(
                "it says what to send, for example { url: \"https://example.org\" }",
            ),
            doc: "What is sent.",
        },
        Field {
            key: "expect",
            kind: FieldKind::Object(EXPECT),
            presence: Presence::Optional,
            doc: "What counts as a success; 200 to 299 when it is left out.",
        },
    ],
    prepare,
};

const REQUEST: &[Field] = &[
    Field {
        key: "method",
        kind: FieldKind::Value(ValueKind::Choice(&[
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
        ])),
        presence: Presence::Default("GET"),
        doc: "The HTTP method.",
    },
    Field {
        key: "url",
        kind: FieldKind::Value(ValueKind::Url),
        presence: Presence::Required("it begins with http:// or https://"),
        doc: "The address.",
    },
    Field {
        key: "headers",
        kind: FieldKind::Value(ValueKind::Headers),
        presence: Presence::Optional,
        doc: "The headers.",
    },
    Field {
        key: "body",
        kind: FieldKind::Value(ValueKind::Text),
        presence: Presence::Optional,
        doc: "The body.",
    },
];

const EXPECT: &[Field] = &[Field {
    key: "status",
    kind: FieldKind::Value(ValueKind::StatusCodes),
    presence: Presence::Required("it lists the status codes that are a success"),
    doc: "The status codes that are a success.",
}];

/// The fields of a prepared action.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HttpFields {
    /// What is sent.
    pub request: HttpRequest,
    /// What counts as a success; `None` means 200 to 299.
    pub expect: Option<HttpExpectation>,
}

/// What an http task sends.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HttpRequest {
    /// An HTTP method, upper case.
    pub method: String,
    /// The address.
    pub url: String,
    /// Names and texts, in document order.
    #[serde(default)]
    pub headers: Map<String, Value>,
    /// The body.
    pub body: Option<String>,
}

/// What an http task counts as a success.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HttpExpectation {
    /// The status codes.
    pub status: Vec<u16>,
}

fn prepare(
    fields: &mut Map<String, Value>,
    values: &BTreeMap<String, String>,
    base: TimeBase,
) -> Preparation {
    let mut interpolator = TextInterpolator::new(values, base);
    if let Some(Value::Object(request)) = fields.get_mut("request") {
        for (key, value) in request {
            match (key.as_str(), value) {
                ("url" | "body", Value::String(text)) => *text = interpolator.interpolate(text),
                ("headers", Value::Object(headers)) => interpolate_all(&mut interpolator, headers),
                _ => {}
            }
        }
    }
    Preparation {
        env: BTreeMap::new(),
        warnings: interpolator.into_warnings(),
    }
}

fn interpolate_all(interpolator: &mut TextInterpolator<'_>, texts: &mut Map<String, Value>) {
    for text in texts.values_mut() {
        if let Value::String(text) = text {
            *text = interpolator.interpolate(text);
        }
    }
}
