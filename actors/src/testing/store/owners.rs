//! Who owns what in the fake, and what waits for the owner.

use engine::ids::{Epoch, Generation, InstanceId, Uid};
use engine::instance::Ended;
use engine::states::{MemberState, Outcome, OwnerWhy};

use super::{OwnerEntry, State, is_open};
use crate::ports::{HandOver, InboxCommand, InstanceOwner, Member};

impl State {
    pub(super) fn owned_by(&self, id: InstanceId) -> Option<InstanceOwner> {
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

    pub(super) fn hand_over(&mut self, hand_over: &HandOver) -> Vec<(InstanceId, Epoch)> {
        let is_ready = |member: &&Member| member.state == MemberState::Active && member.has_role("master");
        let Some(target) = self.member(hand_over.target).filter(is_ready) else {
            return Vec::new();
        };
        let taker = (target.incarnation, target.host.clone());
        let mut given = Vec::new();
        for (id, epoch) in &hand_over.instances {
            let Some(row) = self.instances.get_mut(id) else {
                continue;
            };
            let giver = row.owner.as_ref().map(|(owner, _)| *owner);
            if giver != Some(hand_over.me.incarnation) || row.epoch != *epoch {
                continue;
            }
            row.owner = Some(taker.clone());
            row.epoch.0 += 1;
            row.rev.0 += 1;
            row.owner_log.push(OwnerEntry {
                epoch: row.epoch,
                owner: taker.0,
                from_host: Some(hand_over.me.host.clone()),
                why: OwnerWhy::Handover,
            });
            given.push((*id, row.epoch));
        }
        given
    }

    pub(super) fn keep_results(&mut self, results: &[(Uid, Ended)]) {
        for (uid, ended) in results {
            let is_new = self.kept.iter().all(|(known, _)| known != uid);
            if is_new && self.is_open_here(*uid) {
                self.kept.push((*uid, ended.clone()));
            }
        }
    }

    /// Lists the unapplied results of attempts of an instance that are open.
    pub(super) fn kept(&self, id: InstanceId) -> Vec<(Uid, Ended)> {
        let kept = self.kept.iter().filter(|(uid, _)| uid.instance == id);
        kept.filter(|(uid, _)| !self.applied.contains(uid) && self.is_open_here(*uid))
            .cloned()
            .collect()
    }

    pub(super) fn close_results(&mut self) {
        let kept = self.kept.iter().map(|(uid, _)| *uid);
        let closed: Vec<Uid> = kept.filter(|uid| !self.is_open_here(*uid)).collect();
        self.applied.extend(closed);
    }

    pub(super) fn unapplied(&self, instance: InstanceId) -> impl Iterator<Item = &InboxCommand> {
        self.inbox
            .iter()
            .filter(move |row| row.instance == instance && row.outcome == Outcome::Pending)
            .map(|row| &row.verb)
    }

    pub(super) fn has_unapplied(&self, id: InstanceId) -> bool {
        self.unapplied(id).next().is_some() || !self.kept(id).is_empty()
    }

    fn is_open_here(&self, uid: Uid) -> bool {
        let row = self.instances.get(&uid.instance);
        row.is_some_and(|row| {
            let mut attempts = row.attempts.values();
            attempts.any(|attempt| attempt.uid == Some(uid) && is_open(attempt))
        })
    }
}
