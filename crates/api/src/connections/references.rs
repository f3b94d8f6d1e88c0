//! The connections that a document names.

use std::collections::BTreeMap;

use catalog::{Catalog, ConnectionAccess, ProjectId, UsableConnection};
use engine::spec::{Definition, names};
use engine::task_type::ConnectionUse;

use crate::http::body::escape_pointer;
use crate::http::codes::Code;
use crate::http::problem::{Detail, Problem};

/// Checks that the project may use the connections that the tasks of a document name, and that their types fit.
pub(crate) async fn check_connections(
    catalog: &Catalog,
    project: ProjectId,
    workflow: &Definition,
    position: impl Fn(&str) -> Option<(u32, u32)>,
) -> Result<(), Problem> {
    let uses: Vec<(&str, ConnectionUse<'_>)> = workflow
        .tasks
        .iter()
        .filter_map(|task| Some((task.name.as_str(), task.action.connection()?)))
        .collect();
    if uses.is_empty() {
        return Ok(());
    }
    let known = catalog.connections().names_in(project).await?;
    let mut errors = Vec::new();
    for (task, used) in uses {
        if let Some((code, message)) = find_fault(&known, &used) {
            let pointer = format!("/tasks/{}/connection", escape_pointer(task));
            let (line, column) = position(&pointer).unzip();
            errors.push(Detail {
                pointer,
                code: code.as_str().to_owned(),
                message,
                line,
                column,
            });
        }
    }
    match errors.first() {
        None => Ok(()),
        Some(first) => Err(Problem::new(Code::InvalidDocument, first.message.clone()).with_errors(errors)),
    }
}

/// Returns what is wrong with the use of a connection.
fn find_fault(
    known: &BTreeMap<String, UsableConnection>,
    used: &ConnectionUse<'_>,
) -> Option<(Code, String)> {
    let name = used.name;
    let Some(connection) = known.get(name) else {
        let hint = match names::nearest(name, known.keys().map(String::as_str)) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => String::new(),
        };
        let message = format!("the project has no connection `{name}`, and none is shared with it{hint}");
        return Some((Code::UnknownConnection, message));
    };
    if connection.access == ConnectionAccess::NotGranted {
        let message = format!(
            "the shared connection `{name}` is not granted to the project; an administrator grants it with \
             `porpoise connection grant {name} --to PROJECT`"
        );
        return Some((Code::NotGranted, message));
    }
    if !used.types.contains(&connection.connection_type.as_str()) {
        let message = format!(
            "the connection `{name}` is of type {}; one of type {} is needed here",
            connection.connection_type,
            used.types.join(" or ")
        );
        return Some((Code::InvalidDocument, message));
    }
    None
}
