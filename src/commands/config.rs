//! `porpoise config`: prints the configuration of this machine's node.

use cli::{Exit, Failure, Printer, TableLayout};
use primitives::environment::Environment;
use serde_json::{Value, json};

use crate::config::{Flags, list_keys};

/// The columns of `config show`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfigColumns {
    /// Keys and values.
    Values,
    /// Also where each value came from, and what the key means.
    Origins,
}

const KEYS: TableLayout = TableLayout {
    name: "key",
    columns: &[("KEY", "/key"), ("VALUE", "/value")],
};

const KEYS_WITH_ORIGIN: TableLayout = TableLayout {
    name: "key",
    columns: &[
        ("KEY", "/key"),
        ("VALUE", "/value"),
        ("ORIGIN", "/origin"),
        ("ABOUT", "/about"),
    ],
};

/// Prints every key of the configuration.
pub(crate) fn show_config(
    flags: &Flags,
    environment: &Environment,
    columns: ConfigColumns,
    printer: Printer,
) -> Result<(), Failure> {
    let lines =
        list_keys(flags, environment).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    let items: Vec<Value> = lines
        .into_iter()
        .map(|line| match columns {
            ConfigColumns::Values => json!({ "key": line.key, "value": line.value }),
            ConfigColumns::Origins => json!({
                "key": line.key, "value": line.value, "origin": line.origin.to_string(), "about": line.about,
            }),
        })
        .collect();
    let layout = if columns == ConfigColumns::Origins {
        KEYS_WITH_ORIGIN
    } else {
        KEYS
    };
    printer.list(items, layout)
}
