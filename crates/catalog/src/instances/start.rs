//! The choices of the start of an instance, from its columns.

use engine::start::{Start, StartChanges};

use crate::columns::{parse_json, parse_name};
use crate::entity::instance;
use crate::error::CatalogError;

/// Returns the choices of the start of an instance, with what changed of them.
pub(crate) fn read_start(row: &instance::Model) -> Result<Start, CatalogError> {
    let start: Start = parse_json("start", &row.start)?;
    let optional = |name: &str, column: &Option<String>| {
        let text = column.as_deref();
        text.map(|text| parse_json(name, text)).transpose()
    };
    Ok(start.amend(StartChanges {
        params: optional("params", &row.params)?,
        labels: optional("labels", &row.labels)?,
        priority: parse_name("priority", &row.priority)?,
    }))
}
