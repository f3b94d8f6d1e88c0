//! How the fake claims instances, gives up on them and refuses commands.

use engine::ids::{Epoch, InstanceId};
use engine::states::Attention;
use engine::states::{Command, InstanceState, MemberState, OperationStatus, OwnershipReason};

use super::{OwnerEntry, State, StoredInstance};
use ports::{Claim, ClaimedInstance, InboxCommand};

/// Claims without a commit in between after which an instance needs attention.
const CLAIMS_WITHOUT_PROGRESS: u32 = 5;

impl State {
    pub(super) fn claim(&mut self, claim: &Claim) -> Vec<ClaimedInstance> {
        if !self.is_active(claim.claimant.incarnation) {
            return Vec::new();
        }
        let wanted: Vec<InstanceId> = self
            .instances
            .iter()
            .filter(|(id, _)| claim.only.is_none_or(|only| only == **id))
            .filter(|(id, row)| self.needs_claim(**id, row))
            .map(|(id, _)| *id)
            .take(usize::try_from(claim.limit).unwrap_or(usize::MAX))
            .collect();
        wanted
            .into_iter()
            .filter_map(|id| self.claim_one(id, claim))
            .collect()
    }

    fn needs_claim(&self, id: InstanceId, row: &StoredInstance) -> bool {
        if let Some((owner, _)) = &row.owner {
            let state = self.member(*owner).map(|member| member.state);
            return !matches!(
                state,
                Some(MemberState::Joining | MemberState::Active | MemberState::Draining)
            );
        }
        self.needs_owner(id, row)
    }

    /// Whether an instance runs, or its inbox holds a command that applies.
    pub(super) fn needs_owner(&self, id: InstanceId, row: &StoredInstance) -> bool {
        let runs = row.record.attention.is_none() && !row.record.state.is_idle();
        runs || self.applicable_command(id, row).is_some()
    }

    fn applicable_command(&self, id: InstanceId, row: &StoredInstance) -> Option<Command> {
        self.unapplied(id)
            .find(|command| applies(command, row))
            .map(|command| command.command)
    }

    fn claim_one(&mut self, id: InstanceId, claim: &Claim) -> Option<ClaimedInstance> {
        let row = self.instances.get(&id)?;
        if row.claims >= CLAIMS_WITHOUT_PROGRESS {
            self.give_up(id);
            return None;
        }
        let owner_name = row
            .owner
            .as_ref()
            .and_then(|(owner, _)| self.member(*owner))
            .map(|member| member.name.as_str());
        let reason = match &row.owner {
            _ if row.epoch == Epoch(0) => OwnershipReason::Start,
            None => self
                .applicable_command(id, row)
                .map_or(OwnershipReason::Failover, OwnershipReason::from),
            Some(_) if owner_name == Some(claim.claimant.name.as_str()) => OwnershipReason::Restart,
            Some(_) => OwnershipReason::Failover,
        };
        let row = self.instances.get_mut(&id)?;
        let (from_owner, from_host) = row.owner.take().unzip();
        if row.epoch == Epoch(0) {
            row.record.reason = None;
        }
        row.owner = Some((claim.claimant.incarnation, claim.claimant.host.clone()));
        row.epoch.0 += 1;
        row.revision.0 += 1;
        row.claims += 1;
        row.owner_log.push(OwnerEntry {
            epoch: row.epoch,
            owner: claim.claimant.incarnation,
            from_host: from_host.clone(),
            reason,
        });
        Some(ClaimedInstance {
            id,
            epoch: row.epoch,
            reason,
            from_owner,
            from_host,
        })
    }

    fn give_up(&mut self, id: InstanceId) {
        if let Some(row) = self.instances.get_mut(&id) {
            row.owner = None;
            row.revision.0 += 1;
            row.claims = 0;
            row.record.attention = Some(Attention {
                code: "CLAIMS_WITHOUT_PROGRESS".to_owned(),
                detail: "several owners in a row stored nothing".to_owned(),
            });
        }
        self.refuse(id, |_| Some("the system gave up on the instance".to_owned()));
    }

    pub(super) fn refuse_inapplicable_commands(&mut self, id: InstanceId) {
        let Some(row) = self.instances.get(&id).filter(|row| row.owner.is_none()) else {
            return;
        };
        let row = row.clone();
        self.refuse(id, |command| {
            let state: InstanceState = row.record.state;
            let possible = Command::possible_in(state, row.record.attention.as_ref());
            let possible: Vec<&str> = possible.into_iter().map(Command::as_str).collect();
            (!applies(command, &row))
                .then(|| format!("the instance is {state}; possible now: {}", possible.join(", ")))
        });
    }

    /// Refuses the unapplied commands of an instance for which there is a reason.
    fn refuse(&mut self, id: InstanceId, reason: impl Fn(&InboxCommand) -> Option<String>) {
        let rows = self.inbox.iter_mut();
        for inbox in rows.filter(|row| row.command.instance == id && row.outcome == OperationStatus::Pending)
        {
            if let Some(detail) = reason(&inbox.command) {
                inbox.outcome = OperationStatus::Refused;
                inbox.detail = Some(detail);
            }
        }
    }
}

fn applies(command: &InboxCommand, row: &StoredInstance) -> bool {
    command.run == row.record.run
        && command
            .command
            .applies_in(row.record.state, row.record.attention.as_ref())
}
