//! What a queued instance waits for.

use super::cause::{Cause, CauseKind, Link};
use super::situation::Situation;
use super::surroundings::{FullPlaces, PlaceWait};

impl Situation<'_> {
    /// Returns what a queued instance waits for.
    pub(super) fn place_causes(&self) -> Vec<Cause> {
        let Some(wait) = &self.surroundings.place else {
            let reason = self.instance.record().reason.clone();
            let detail = reason.unwrap_or_else(|| "the instance is queued".to_owned());
            return vec![self.entered_cause(CauseKind::Concurrency, detail)];
        };
        let missing = [
            (CauseKind::Concurrency, &wait.workflow),
            (CauseKind::ProjectCap, &wait.project),
        ];
        let causes: Vec<Cause> = missing
            .into_iter()
            .filter_map(|(kind, full)| Some(missing_place(wait, kind, full.as_ref()?)))
            .collect();
        if !causes.is_empty() {
            return causes;
        }
        let detail = "a place is free, and the instance is about to be admitted".to_owned();
        vec![Cause {
            until: wait.due_at,
            ..self.entered_cause(CauseKind::Concurrency, detail)
        }]
    }
}

fn missing_place(wait: &PlaceWait, kind: CauseKind, full: &FullPlaces) -> Cause {
    let names: Vec<String> = full.holders.iter().map(ToString::to_string).collect();
    let more = match usize::try_from(full.held)
        .unwrap_or(usize::MAX)
        .saturating_sub(names.len())
    {
        0 => String::new(),
        further => format!(" and {further} more"),
    };
    let holders = if names.is_empty() {
        String::new()
    } else {
        format!("; admitted: {}{more}", names.join(", "))
    };
    Cause {
        kind,
        detail: format!("{}{holders}", full.reason),
        since: wait.since,
        until: wait.due_at,
        link: full.holders.first().copied().map(Link::Instance),
    }
}
