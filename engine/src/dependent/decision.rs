//! The decision of a dependent task.

use std::collections::BTreeMap;

use super::items::{DependencyGroup, DependencyMember, DependencyTask};
use super::observation::{DependencyVerdict, ItemObservation};
use super::outputs::passed_outputs;
use super::reasons::{ReasonContext, awaited_instance, failure_text, waiting_text};
use super::seen::{SeenItem, combine_verdicts};
use crate::ids::InstanceId;
use crate::spec::model::Output;

/// What failed items mean now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailedItems {
    /// They have failed.
    Fail,
    /// They count as waiting.
    Wait,
}

/// What has become of a dependent task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DependencyDecision {
    /// It succeeds with these outputs.
    Succeeds(BTreeMap<String, String>),
    /// It fails, for this reason.
    Fails(String),
    /// It fails, for this reason, and a later attempt would too: an item can never hold.
    FailsForGood(String),
    /// It waits.
    Waits {
        /// What for, item by item.
        reason: String,
        /// The first instance that stands in the way, if one does.
        awaited: Option<InstanceId>,
    },
}

/// Decides, as early as the logic of the groups allows. `observed` has one entry for each item in document order; an entry
/// that is missing waits.
pub fn decide_dependencies(
    task: &DependencyTask,
    observed: &[ItemObservation],
    failed: FailedItems,
    outputs: &[Output],
    context: ReasonContext,
) -> DependencyDecision {
    let items = task.items();
    let seen: Vec<SeenItem<'_>> = items
        .iter()
        .enumerate()
        .map(|(place, item)| SeenItem {
            item,
            observation: observed.get(place),
        })
        .collect();
    let refused = seen.iter().find_map(|seen| match seen.observation {
        Some(ItemObservation::Refused(why)) => Some(why.clone()),
        _ => None,
    });
    if let Some(why) = refused {
        return DependencyDecision::FailsForGood(why);
    }
    let verdicts: Vec<DependencyVerdict> = seen.iter().map(SeenItem::verdict).collect();
    let mut counted = verdicts.iter().map(|verdict| match (verdict, failed) {
        (DependencyVerdict::Fails, FailedItems::Wait) => DependencyVerdict::Waits,
        _ => *verdict,
    });
    match group_verdict(&task.group, &mut counted) {
        DependencyVerdict::Holds => DependencyDecision::Succeeds(passed_outputs(&seen, &verdicts, outputs)),
        DependencyVerdict::Fails => DependencyDecision::Fails(failure_text(&seen, &verdicts, context)),
        DependencyVerdict::Waits => DependencyDecision::Waits {
            reason: waiting_text(&seen, &verdicts, context),
            awaited: awaited_instance(&seen, &verdicts),
        },
    }
}

/// Decides about a group; takes the verdicts of its items in document order.
fn group_verdict(
    group: &DependencyGroup,
    verdicts: &mut dyn Iterator<Item = DependencyVerdict>,
) -> DependencyVerdict {
    let members: Vec<DependencyVerdict> = group
        .members
        .iter()
        .map(|member| match member {
            DependencyMember::Item(_) => verdicts.next().unwrap_or(DependencyVerdict::Waits),
            DependencyMember::Group(group) => group_verdict(group, verdicts),
        })
        .collect();
    combine_verdicts(group.relation, members.into_iter())
}
