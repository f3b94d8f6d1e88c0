//! The outputs that a dependent task takes over.

use std::collections::BTreeMap;

use super::observation::{DependencyVerdict, ItemObservation};
use super::seen::SeenItem;
use crate::spec::model::Output;

/// Returns the declared outputs: each from the first item in document order that passes it on, in that item from the
/// latest interval. Only items that hold pass anything on.
pub(super) fn passed_outputs(
    seen: &[SeenItem<'_>],
    verdicts: &[DependencyVerdict],
    declared: &[Output],
) -> BTreeMap<String, String> {
    let holding = seen.iter().zip(verdicts);
    let sources: Vec<&BTreeMap<String, String>> = holding
        .filter(|(seen, verdict)| seen.item.pass_outputs && **verdict == DependencyVerdict::Holds)
        .flat_map(|(seen, _)| outputs_latest_first(seen))
        .collect();
    let value_of = |name: &str| sources.iter().find_map(|outputs| outputs.get(name));
    declared
        .iter()
        .filter_map(|output| Some((output.name.clone(), value_of(&output.name)?.clone())))
        .collect()
}

fn outputs_latest_first<'a>(
    seen: &SeenItem<'a>,
) -> impl Iterator<Item = &'a BTreeMap<String, String>> + use<'a> {
    let candidates = match seen.observation {
        Some(ItemObservation::Candidates(candidates)) => candidates.as_slice(),
        Some(ItemObservation::Refused(_) | ItemObservation::NothingEarlier) | None => &[],
    };
    candidates
        .iter()
        .rev()
        .flatten()
        .map(|candidate| &candidate.outputs)
}
