//! How members join and end in the fake.

use engine::ids::{Generation, Incarnation, Timestamp};
use engine::states::MemberState;

use super::{State, StoredHeartbeat};
use ports::{
    DbHeartbeat, Declaration, DeclarationOutcome, FailoverRecord, HeartbeatReading, Join, JoinResult, Member,
    MemberStatus, StoreError,
};

impl State {
    /// Declares the live rivals of a new incarnation dead, and starts it.
    pub(super) fn start_incarnation(
        &mut self,
        join: &Join,
        is_rival: impl Fn(&Member) -> bool,
    ) -> JoinResult {
        for member in self.members.iter_mut().filter(|member| is_rival(member)) {
            if is_live(member.state) {
                member.state = MemberState::Dead;
            }
        }
        JoinResult {
            incarnation: self.join(join, MemberState::Joining),
            generation: Generation(1),
            now: Timestamp(self.now),
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
            joined_at: Timestamp(self.now),
            slots: join.slots,
            worker_group: join.worker_group.clone(),
            version: join.version.clone(),
        });
        let first = StoredHeartbeat {
            seen_at: self.now,
            count: 0,
        };
        self.heartbeats.insert(incarnation, first);
        incarnation
    }

    pub(super) fn agree_on_secret(&mut self, digest: &str) -> bool {
        self.secret.get_or_insert_with(|| digest.to_owned()) == digest
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

    pub(super) fn set_member_state(&mut self, me: Incarnation, to: MemberState) -> Result<(), StoreError> {
        let member = self.members.iter_mut().find(|member| member.incarnation == me);
        match member {
            Some(member) if is_forward(member.state, to) => {
                member.state = to;
                Ok(())
            }
            _ => Err(StoreError::Rejected("a member only moves forward".to_owned())),
        }
    }

    pub(super) fn record_heartbeat(&mut self, me: Incarnation) -> DbHeartbeat {
        if let Some(heartbeat) = self.heartbeats.get_mut(&me) {
            heartbeat.seen_at = self.now;
            heartbeat.count += 1;
        }
        DbHeartbeat {
            now: Timestamp(self.now),
            state: self.member(me).map_or(MemberState::Dead, |member| member.state),
        }
    }

    pub(super) fn living(&self) -> Vec<MemberStatus> {
        let live = self.members.iter().filter(|member| is_live(member.state));
        live.map(|member| MemberStatus {
            member: member.clone(),
            heartbeat_age_ms: self.heartbeat_age(member.incarnation),
        })
        .collect()
    }

    fn heartbeat_age(&self, of: Incarnation) -> i64 {
        let heartbeat = self.heartbeats.get(&of);
        heartbeat.map_or(0, |heartbeat| self.now - heartbeat.seen_at)
    }

    pub(super) fn read_heartbeat(&self, of: Incarnation) -> Option<HeartbeatReading> {
        self.member(of).filter(|member| is_live(member.state))?;
        Some(HeartbeatReading {
            count: self.heartbeats.get(&of)?.count,
            age_ms: self.heartbeat_age(of),
        })
    }

    pub(super) fn declare_dead(&mut self, declaration: &Declaration) -> DeclarationOutcome {
        if !self.is_active(declaration.declared_by) {
            return DeclarationOutcome::NotActive;
        }
        let reading = self.read_heartbeat(declaration.dead);
        if reading.is_some_and(|reading| reading.count != declaration.heartbeats) {
            return DeclarationOutcome::HeartbeatStored;
        }
        let mut members = self.members.iter_mut();
        match members.find(|member| member.incarnation == declaration.dead && is_live(member.state)) {
            Some(member) => {
                member.state = MemberState::Dead;
                DeclarationOutcome::Dead
            }
            None => DeclarationOutcome::AlreadyEnded,
        }
    }

    pub(super) fn record_failover(&mut self, record: &FailoverRecord) -> Result<(), StoreError> {
        if self
            .member(record.dead)
            .is_none_or(|member| is_live(member.state))
        {
            return Err(StoreError::Rejected(format!(
                "the incarnation {} has not ended",
                record.dead
            )));
        }
        let pair = |record: &FailoverRecord| (record.dead, record.survivor.incarnation);
        let before = self
            .failovers
            .iter()
            .position(|recorded| pair(recorded) == pair(record));
        let before = before.map(|position| self.failovers.remove(position));
        self.failovers.push(match before {
            None => record.clone(),
            Some(recorded) => FailoverRecord {
                suspected_at: recorded.suspected_at.or(record.suspected_at),
                acknowledged_at: recorded.acknowledged_at.max(record.acknowledged_at),
                instances: recorded.instances.max(record.instances),
                attempts_reattached: recorded.attempts_reattached.max(record.attempts_reattached),
                attempts_lost: recorded.attempts_lost.max(record.attempts_lost),
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

/// Whether an incarnation may move from one state to another.
fn is_forward(from: MemberState, to: MemberState) -> bool {
    from == to || (from < to && is_live(from))
}
