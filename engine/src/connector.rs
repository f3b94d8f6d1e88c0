//! Connectors: what reaches a service, with a type that is a table of fields. Connections and alert channels are some.
//!
//! A body becomes a [`ConnectorDraft`]; merged with what is stored it becomes a [`ConnectorUpdate`], in which the
//! secret fields are apart. A [`StoredConnector`] shows itself without them.

mod draft;
mod family;
mod secret_fields;
mod secret_text;
mod stored;

#[cfg(test)]
mod tests;

pub use draft::{ConnectorDraft, ConnectorUpdate};
pub use family::{ConnectorFamily, ConnectorType};
pub use secret_text::{MissingSecret, fill_secrets, secret_names};
pub use stored::StoredConnector;
