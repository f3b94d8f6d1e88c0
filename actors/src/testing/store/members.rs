//! How lives begin and end in the fake.

use engine::ids::{Generation, Incarnation, Millis};
use engine::states::MemberState;

use super::State;
use crate::ports::{DbHeartbeat, Declaration, DeclarationOutcome, FailoverRecord, Join, JoinResult, Member, MemberStatus, StoreError};

impl State {
    /// Ends the live lives that are rivals of a new one, and starts that.
    pub(super) fn start_life(&mut self, join: &Join, is_rival: impl Fn(&Member) -> bool) -> JoinResult {
        for member in self.members.iter_mut().filter(|member| is_rival(member)) {
            if is_live(member.state) {
                member.state = MemberState::Dead;
            }
        }
        JoinResult {
            incarnation: self.join(join, MemberState::Joining),
            generation: Generation(1),
            now: Millis(self.now),
        }
    }

    pub(super) fn join(&mut self, join: &Join, state: MemberState) -> Incarnation {
        let incarnation = Incarnation(i64::try_from(self.members.len()).unwrap_or(i64::MAX) + 1);
        self.members.push(Member {
            incarnation,
            name: join.name.clone(),
            host: join.host.clone(),
            roles: join.roles.clone(),
            state,
            joined_at: Millis(self.now),
            slots: join.slots,
            worker_group: join.worker_group.clone(),
            version: join.version.clone(),
        });
        self.beats.insert(incarnation, self.now);
        incarnation
    }

    pub(super) fn member(&self, incarnation: Incarnation) -> Option<&Member> {
        self.members
            .iter()
            .find(|member| member.incarnation == incarnation)
    }

    pub(super) fn is_active(&self, incarnation: Incarnation) -> bool {
        self.member(incarnation)
            .is_some_and(|member| member.state == MemberState::Active)
    }

    pub(super) fn move_member(&mut self, me: Incarnation, to: MemberState) -> Result<(), StoreError> {
        let member = self.members.iter_mut().find(|member| member.incarnation == me);
        match member {
            Some(member) if is_forward(member.state, to) => {
                member.state = to;
                Ok(())
            }
            _ => Err(StoreError::Rejected("a member only moves forward".to_owned())),
        }
    }

    pub(super) fn beat(&mut self, me: Incarnation) -> DbHeartbeat {
        if let Some(seen_at) = self.beats.get_mut(&me) {
            *seen_at = self.now;
        }
        DbHeartbeat {
            now: Millis(self.now),
            state: self.member(me).map_or(MemberState::Dead, |member| member.state),
        }
    }

    pub(super) fn living(&self) -> Vec<MemberStatus> {
        let live = self.members.iter().filter(|member| is_live(member.state));
        live.map(|member| MemberStatus {
            member: member.clone(),
            beat_age_ms: self.now - self.beats.get(&member.incarnation).copied().unwrap_or(self.now),
        })
        .collect()
    }

    pub(super) fn declare_dead(&mut self, declaration: &Declaration) -> DeclarationOutcome {
        if !self.is_active(declaration.me) {
            return DeclarationOutcome::NotActive;
        }
        let mut members = self.members.iter_mut();
        match members.find(|member| member.incarnation == declaration.dead && is_live(member.state)) {
            Some(member) => {
                member.state = MemberState::Dead;
                DeclarationOutcome::Dead
            }
            None => DeclarationOutcome::WasOver,
        }
    }

    pub(super) fn record_failover(&mut self, record: &FailoverRecord) -> Result<(), StoreError> {
        if self
            .member(record.dead)
            .is_none_or(|member| is_live(member.state))
        {
            return Err(StoreError::Rejected(format!(
                "the life {} has not ended",
                record.dead
            )));
        }
        let pair = |record: &FailoverRecord| (record.dead, record.survivor.incarnation);
        let before = self
            .failovers
            .iter()
            .position(|noted| pair(noted) == pair(record));
        let before = before.map(|place| self.failovers.remove(place));
        self.failovers.push(match before {
            None => record.clone(),
            Some(noted) => FailoverRecord {
                suspected_at: noted.suspected_at.or(record.suspected_at),
                acknowledged_at: noted.acknowledged_at.max(record.acknowledged_at),
                instances: noted.instances.max(record.instances),
                attempts_reattached: noted.attempts_reattached.max(record.attempts_reattached),
                attempts_lost: noted.attempts_lost.max(record.attempts_lost),
                ..record.clone()
            },
        });
        Ok(())
    }
}

fn is_live(state: MemberState) -> bool {
    matches!(
        state,
        MemberState::Joining | MemberState::Active | MemberState::Draining
    )
}

/// Whether a life may go from one state to another.
fn is_forward(from: MemberState, to: MemberState) -> bool {
    from == to || (from < to && is_live(from))
}
