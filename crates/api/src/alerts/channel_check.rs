//! Checks that the channels exist that rules name.

use catalog::{Catalog, ProjectId};
use engine::alert::AlertRule;
use engine::spec::Definition;
use engine::spec::names::nearest;

use crate::http::body::escape_pointer;
use crate::http::codes::Code;
use crate::http::problem::{Detail, Problem};

/// Rules with the place in the request where they stand.
pub(crate) struct PlacedRules<'a> {
    /// The pointer to the list.
    pub(crate) pointer: String,
    /// The list.
    pub(crate) rules: &'a [AlertRule],
}

/// Checks the channels of rules of a project, or of the server. A channel that is deleted later fails its deliveries.
pub(crate) async fn check_channels(
    catalog: &Catalog,
    project: Option<ProjectId>,
    lists: &[PlacedRules<'_>],
    position: impl Fn(&str) -> Option<(u32, u32)>,
) -> Result<(), Problem> {
    if lists.iter().all(|list| list.rules.is_empty()) {
        return Ok(());
    }
    let known = catalog.alerts().channel_names(project).await?;
    let mut errors = Vec::new();
    for list in lists {
        for (place, rule) in list.rules.iter().enumerate() {
            for (number, name) in rule
                .channels
                .iter()
                .enumerate()
                .filter(|(_, name)| !known.contains(name))
            {
                let pointer = format!("{}/{place}/channels/{number}", list.pointer);
                let (line, column) = position(&pointer).unzip();
                errors.push(Detail {
                    message: missing_channel(name, &known, project),
                    code: Code::UnknownChannel.as_str().to_owned(),
                    pointer,
                    line,
                    column,
                });
            }
        }
    }
    match errors.first() {
        None => Ok(()),
        Some(first) => Err(Problem::new(Code::UnknownChannel, first.message.clone()).with_errors(errors)),
    }
}

/// Lists the rules of a document and of its schedules with their places.
pub(crate) fn rules_of_document(workflow: &Definition) -> Vec<PlacedRules<'_>> {
    let own = PlacedRules {
        pointer: "/notify".to_owned(),
        rules: &workflow.notify,
    };
    let schedules = workflow.schedules.iter().map(|(name, schedule)| PlacedRules {
        pointer: format!("/schedules/{}/notify", escape_pointer(name)),
        rules: &schedule.notify,
    });
    std::iter::once(own).chain(schedules).collect()
}

fn missing_channel(name: &str, known: &[String], project: Option<ProjectId>) -> String {
    let hint = match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => "; make it with `porpoise channel set`".to_owned(),
    };
    match project {
        Some(_) => format!("there is no channel `{name}` in the project, nor a shared one{hint}"),
        None => format!("there is no shared channel `{name}`{hint}"),
    }
}
