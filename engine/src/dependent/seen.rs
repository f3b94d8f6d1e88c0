//! What the items of a dependent task mean, by what was found of them.

use super::items::{DependencyItem, DependencyRelation};
use super::observation::{DependencyVerdict, ItemObservation};

/// An item with what was found of it.
pub(super) struct SeenItem<'a> {
    /// The item.
    pub(super) item: &'a DependencyItem,
    /// What was found; none before the first look.
    pub(super) observation: Option<&'a ItemObservation>,
}

impl SeenItem<'_> {
    /// Returns whether the item holds: all its intervals hold, or one has failed.
    pub(super) fn verdict(&self) -> DependencyVerdict {
        match self.observation {
            None => DependencyVerdict::Waits,
            Some(ItemObservation::Refused(_)) => DependencyVerdict::Fails,
            Some(ItemObservation::NothingEarlier) => DependencyVerdict::Holds,
            Some(ItemObservation::Candidates(candidates)) => {
                let verdicts = candidates.iter().map(|candidate| match candidate {
                    Some(candidate) => candidate.verdict(&self.item.target),
                    None => DependencyVerdict::Waits,
                });
                combine_verdicts(DependencyRelation::All, verdicts)
            }
        }
    }
}

/// Combines the verdicts of members that decide together.
pub(super) fn combine_verdicts(
    relation: DependencyRelation,
    verdicts: impl Iterator<Item = DependencyVerdict>,
) -> DependencyVerdict {
    let (decisive, otherwise) = match relation {
        DependencyRelation::All => (DependencyVerdict::Fails, DependencyVerdict::Holds),
        DependencyRelation::Any => (DependencyVerdict::Holds, DependencyVerdict::Fails),
    };
    let mut combined = otherwise;
    for verdict in verdicts {
        if verdict == decisive {
            return decisive;
        }
        if verdict == DependencyVerdict::Waits {
            combined = DependencyVerdict::Waits;
        }
    }
    combined
}
