//! What a queued instance waits for.

use super::cause::{Cause, CauseKind, Link};
use super::situation::Situation;
use super::surroundings::HeldPlaces;

impl Situation<'_> {
    /// Returns the places that the instance lacks. When one has just come free its admission is awaited.
    pub(super) fn place_causes(&self) -> Vec<Cause> {
        let places = &self.surroundings.places;
        let of_workflow = places.workflow.as_ref().map(|held| Cause {
            link: held.holders.first().copied().map(Link::Instance),
            ..self.entered_cause(CauseKind::Concurrency, held.describe())
        });
        let of_project = places.project.as_ref().map(|held| Cause {
            link: Some(Link::Project(held.name.clone())),
            ..self.entered_cause(CauseKind::ProjectCap, held.describe())
        });
        let mut causes: Vec<Cause> = of_workflow.into_iter().chain(of_project).collect();
        if causes.is_empty() {
            let reason = self.instance.record().reason.clone();
            let detail = reason.unwrap_or_else(|| "the instance waits for its admission".to_owned());
            causes.push(self.entered_cause(CauseKind::Concurrency, detail));
        }
        causes
    }
}

impl HeldPlaces {
    fn describe(&self) -> String {
        let holders: Vec<String> = self.holders.iter().map(ToString::to_string).collect();
        let named = u32::try_from(holders.len()).unwrap_or(u32::MAX);
        let more = match self.used.saturating_sub(named) {
            0 => String::new(),
            further => format!(" and {further} more"),
        };
        if holders.is_empty() {
            return self.reason.clone();
        }
        format!("{}; held by {}{more}", self.reason, holders.join(", "))
    }
}
