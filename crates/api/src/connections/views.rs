//! Connections in requests and answers.

use std::collections::BTreeMap;

use catalog as stored;
use engine::connection::CONNECTIONS;
use engine::connector::ConnectorType;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::timestamp::format_time;

/// A type of connections.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectionType)]
pub(crate) struct ConnectionTypeView {
    /// The value of `type`.
    pub(super) name: &'static str,
    /// Its name for people.
    title: &'static str,
    /// The JSON Schema of a connection of this type; secret fields are `writeOnly`.
    schema: Value,
}

impl ConnectionTypeView {
    pub(super) fn of(connection_type: &ConnectorType) -> Self {
        Self {
            name: connection_type.name,
            title: connection_type.title,
            schema: CONNECTIONS.schema(connection_type),
        }
    }
}

/// A connection to be stored or tested; its other members are the fields of its type, see `GET /connection-types`.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = PutConnection)]
#[expect(
    dead_code,
    reason = "it describes the body, which is parsed by the table of the type"
)]
pub(crate) struct ConnectionBody {
    /// The type.
    r#type: String,
    /// For people.
    description: Option<String>,
    /// The group whose workers test it; `default` unless given.
    worker_group: Option<String>,
    #[serde(flatten)]
    fields: BTreeMap<String, Value>,
}

/// A connection; its other members are the fields of its type.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Connection)]
pub(crate) struct ConnectionView {
    name: String,
    r#type: &'static str,
    /// A secret field is `{"set": true}`, or its text when that only names a secret of the project.
    #[serde(flatten)]
    fields: BTreeMap<String, Value>,
    /// Whether it is shared.
    shared: bool,
    /// The key of the host that was accepted at the first contact, as a line of known_hosts.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted_keys: Option<String>,
    created_at: String,
    updated_at: String,
    updated_by: String,
}

impl From<stored::StoredConnection> for ConnectionView {
    fn from(row: stored::StoredConnection) -> Self {
        Self {
            fields: row.shown_fields().into_iter().collect(),
            r#type: row.connector.connector_type.name,
            name: row.name,
            shared: row.owner == stored::ConnectionOwner::Shared,
            accepted_keys: row.host_keys,
            created_at: format_time(row.created_at),
            updated_at: format_time(row.updated_at),
            updated_by: row.updated_by,
        }
    }
}

/// A connection that a project may use; of a shared one only name and type.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = ListedConnection)]
pub(crate) enum ListedConnectionView {
    /// One of the project.
    Own(Box<ConnectionView>),
    /// A shared one.
    Shared(SharedConnectionView),
}

/// A shared connection, as the projects see it that may use it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharedConnection)]
pub(crate) struct SharedConnectionView {
    name: String,
    r#type: String,
    /// True.
    shared: bool,
}

impl From<stored::ListedConnection> for ListedConnectionView {
    fn from(listed: stored::ListedConnection) -> Self {
        match listed {
            stored::ListedConnection::Own(connection) => Self::Own(Box::new(connection.into())),
            stored::ListedConnection::Shared {
                name,
                connection_type,
            } => Self::Shared(SharedConnectionView {
                name,
                r#type: connection_type,
                shared: true,
            }),
        }
    }
}

/// A project that may use a shared connection.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectionGrant)]
pub(crate) struct ConnectionGrantView {
    /// Its name, or `*` for all projects.
    project: String,
}

impl From<stored::ConnectionGrant> for ConnectionGrantView {
    fn from(grant: stored::ConnectionGrant) -> Self {
        Self {
            project: grant.project,
        }
    }
}

/// What a test of a connection found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectionTest)]
pub(crate) struct ConnectionTestView {
    /// Whether it connects and logs in.
    ok: bool,
    /// What answered, or what failed, in words.
    detail: String,
    /// How long it took, in milliseconds.
    latency_ms: u64,
}

impl From<ports::connections::ConnectionTest> for ConnectionTestView {
    fn from(test: ports::connections::ConnectionTest) -> Self {
        Self {
            ok: test.ok,
            detail: test.detail,
            latency_ms: test.latency_ms,
        }
    }
}
