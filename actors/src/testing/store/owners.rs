//! The owners of instances in the fake, and what waits for them.

use engine::ids::{DispatchId, Generation, Incarnation, InstanceId};
use engine::states::{MemberState, OperationStatus, OwnershipReason};

use super::{OwnerEntry, State, is_open};
use ports::{HandOver, InboxCommand, InstanceOwner, Member, OwnedInstance, Ownership, RelayedResult};

impl State {
    pub(super) fn owner_of(&self, id: InstanceId) -> Option<InstanceOwner> {
        let row = self.instances.get(&id)?;
        let owner = row.owner.as_ref().and_then(|(owner, _)| self.member(*owner));
        Some(InstanceOwner {
            id,
            owner: row.owner.clone(),
            owner_state: owner.map(|member| member.state),
            epoch: row.epoch,
            generation: Generation(1),
            needs_owner: self.needs_owner(id, row),
        })
    }

    pub(super) fn hand_over(&mut self, hand_over: &HandOver) -> Vec<Ownership> {
        let is_ready = |member: &&Member| member.state == MemberState::Active && member.has_role("master");
        let Some(target) = self.member(hand_over.to).filter(is_ready) else {
            return Vec::new();
        };
        let new_owner = (target.incarnation, target.host.clone());
        let mut handed_over = Vec::new();
        for Ownership { id, epoch } in &hand_over.instances {
            let Some(row) = self.instances.get_mut(id) else {
                continue;
            };
            let owner = row.owner.as_ref().map(|(owner, _)| *owner);
            if owner != Some(hand_over.from.incarnation) || row.epoch != *epoch {
                continue;
            }
            row.owner = Some(new_owner.clone());
            row.epoch.0 += 1;
            row.revision.0 += 1;
            row.owner_log.push(OwnerEntry {
                epoch: row.epoch,
                owner: new_owner.0,
                from_host: Some(hand_over.from.host.clone()),
                reason: OwnershipReason::Handover,
            });
            handed_over.push(Ownership {
                id: *id,
                epoch: row.epoch,
            });
        }
        handed_over
    }

    pub(super) fn relay_results(&mut self, results: &[RelayedResult]) {
        for result in results {
            let is_new = self.relayed.iter().all(|known| known.uid != result.uid);
            if is_new && self.is_open_here(result.uid) {
                self.relayed.push(result.clone());
            }
        }
    }

    /// Lists what an incarnation owns.
    pub(super) fn owned_by(&self, owner: Incarnation) -> Vec<OwnedInstance> {
        let owned = self
            .instances
            .iter()
            .filter(|(_, row)| row.owner.as_ref().is_some_and(|(known, _)| *known == owner));
        owned
            .map(|(id, row)| OwnedInstance {
                id: *id,
                epoch: row.epoch,
                has_unread_inbox: self.has_unapplied(*id),
            })
            .collect()
    }

    /// Lists the unapplied results of attempts of an instance that are open.
    pub(super) fn relayed_results(&self, id: InstanceId) -> Vec<RelayedResult> {
        let relayed = self.relayed.iter().filter(|result| result.uid.instance == id);
        relayed
            .filter(|result| !self.applied.contains(&result.uid) && self.is_open_here(result.uid))
            .cloned()
            .collect()
    }

    pub(super) fn close_relayed_results(&mut self) {
        let relayed = self.relayed.iter().map(|result| result.uid);
        let closed: Vec<DispatchId> = relayed.filter(|uid| !self.is_open_here(*uid)).collect();
        self.applied.extend(closed);
    }

    pub(super) fn unapplied(&self, instance: InstanceId) -> impl Iterator<Item = &InboxCommand> {
        self.inbox
            .iter()
            .filter(move |row| row.command.instance == instance && row.outcome == OperationStatus::Pending)
            .map(|row| &row.command)
    }

    pub(super) fn has_unapplied(&self, id: InstanceId) -> bool {
        self.unapplied(id).next().is_some() || !self.relayed_results(id).is_empty()
    }

    fn is_open_here(&self, uid: DispatchId) -> bool {
        let row = self.instances.get(&uid.instance);
        row.is_some_and(|row| {
            let mut attempts = row.attempts.values();
            attempts.any(|attempt| attempt.uid == Some(uid) && is_open(attempt))
        })
    }
}
