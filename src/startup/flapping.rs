//! Lives of one address that keep dying: how long the next one waits, so that the cluster stays calm.
//!
//! What counts is a death that another node declared: each of them moved instances and lost attempts. A life that
//! its own successor superseded, one that ended because the generation was raised, and one that left in order do
//! not count. Nobody waits while no other master is active, since then nobody else does the work.

use std::time::Duration;

use actors::ports::{Join, Member, MemberStatus, MembershipStore, StoreError};
use engine::ids::Timestamp;
use engine::states::MemberState;

use store::Store;

/// Deaths longer ago than this are forgotten.
const REMEMBERED: Duration = Duration::from_secs(5 * 60);

/// The wait at the first death that is one too many; each further one doubles it.
const FIRST: Duration = Duration::from_secs(15);

/// No wait is longer.
const LONGEST: Duration = Duration::from_secs(120);

/// A life that waited stays joining, and so can take nothing, for so long.
const PROBATION: Duration = Duration::from_secs(10);

/// A master that has not beaten for so long keeps nobody waiting.
const SILENT_MS: i64 = 5_000;

/// How often is looked whether the wait is over.
const LOOK: Duration = Duration::from_millis(500);

/// What the deaths of an address mean for its next life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Flapping {
    deaths: usize,
    until: Timestamp,
}

/// Judges the declared deaths of an address; a limit of 0 lets everybody join at once.
fn judge(deaths: &[Timestamp], now: Timestamp, limit: usize) -> Option<Flapping> {
    let remembered = |at: &&Timestamp| now.since(**at) < ms(REMEMBERED);
    let recent: Vec<Timestamp> = deaths.iter().filter(remembered).copied().collect();
    let last = recent.iter().max()?;
    let beyond = recent.len().checked_sub(limit).filter(|_| limit > 0)?;
    let doubled = FIRST.saturating_mul(1 << beyond.min(8));
    Some(Flapping {
        deaths: recent.len(),
        until: last.plus(ms(doubled.min(LONGEST))),
    })
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Whether another node does a master's work.
fn has_master(living: &[MemberStatus], host: &str, name: &str) -> bool {
    living.iter().any(|seen| {
        let member = &seen.member;
        member.state == MemberState::Active
            && member.has_role("master")
            && member.host != host
            && member.name != name
            && seen.heartbeat_age_ms < SILENT_MS
    })
}

/// Waits as long as the deaths of this address demand; answers whether the life that joins now is on probation.
pub(super) async fn wait_out(store: &Store, join: &Join, limit: usize) -> Result<bool, StoreError> {
    let mut told = false;
    loop {
        let now = store.now().await?;
        let since = now.plus(-ms(REMEMBERED));
        let deaths = store.declared_deaths(&join.host, since).await?;
        let Some(Flapping { deaths, until }) = judge(&deaths, now, limit) else {
            return Ok(false);
        };
        if !has_master(&store.list_live_members().await?, &join.host, &join.name) {
            return Ok(false);
        }
        if now >= until {
            return Ok(true);
        }
        if !told {
            told = true;
            tracing::warn!(
                deaths,
                wait_ms = until.since(now),
                "{deaths} lives of {} were declared dead within 5 minutes: this node waits before it joins, and \
                 takes nothing for 10 s after that; look for what ends them (`porpoise failover list`). Without \
                 another active master it joins at once; cluster.flapping_deaths sets the limit",
                join.host
            );
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Lets a life on probation show that it stays: until it is active it owns nothing, and moves nothing by its end.
pub(super) async fn stand_by(store: &dyn MembershipStore, me: &Member) -> Result<(), StoreError> {
    tracing::info!("on probation: this node stays joining for 10 s");
    let until = tokio::time::Instant::now() + PROBATION;
    while tokio::time::Instant::now() < until
        && has_master(&store.list_live_members().await?, &me.host, &me.name)
    {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::ids::Incarnation;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    /// Deaths so many seconds ago.
    fn ago(seconds: &[i64]) -> Vec<Timestamp> {
        seconds.iter().map(|s| NOW.plus(-s * 1000)).collect()
    }

    fn waits(seconds: &[i64], limit: usize) -> Option<i64> {
        judge(&ago(seconds), NOW, limit).map(|flapping| flapping.until.since(NOW) / 1000)
    }

    #[test]
    fn the_third_death_within_five_minutes_waits_and_each_further_one_twice_as_long() {
        assert_eq!(waits(&[], 3), None);
        assert_eq!(waits(&[0, 1], 3), None, "two are bad luck");
        assert_eq!(waits(&[100, 50, 0], 3), Some(15));
        assert_eq!(waits(&[150, 100, 50, 0], 3), Some(30));
        assert_eq!(waits(&[200, 150, 100, 50, 0], 3), Some(60));
        assert_eq!(waits(&[250, 200, 150, 100, 50, 0], 3), Some(120));
        assert_eq!(waits(&[0; 60], 3), Some(120), "no wait is longer");
    }

    #[test]
    fn the_wait_runs_from_the_last_death_and_old_deaths_are_forgotten() {
        assert_eq!(waits(&[50, 4, 40], 3), Some(11), "the order does not matter");
        assert_eq!(waits(&[50, 40, 20], 3), Some(-5), "over, but on probation");
        assert_eq!(waits(&[301, 40, 20], 3), None);
        assert_eq!(waits(&[300, 300, 300], 3), None, "five calm minutes");
        assert_eq!(waits(&[0; 9], 0), None, "no limit");
        assert_eq!(waits(&[0], 1), Some(15));
    }

    fn seen(name: &str, roles: &str, state: MemberState, heartbeat_age_ms: i64) -> MemberStatus {
        let member = Member {
            incarnation: Incarnation(1),
            name: name.to_owned(),
            host: format!("{name}:1"),
            roles: vec![roles.to_owned()],
            state,
            joined_at: NOW,
            slots: 0,
            worker_group: String::new(),
            version: String::new(),
        };
        MemberStatus {
            member,
            heartbeat_age_ms,
        }
    }

    #[test]
    fn only_another_active_master_that_beats_keeps_a_node_waiting() {
        let has =
            |name: &str, roles: &str, state, age| has_master(&[seen(name, roles, state, age)], "me:1", "me");
        assert!(has("m2", "master", MemberState::Active, 100));
        assert!(!has("m2", "master", MemberState::Active, 5_000));
        assert!(!has("m2", "master", MemberState::Joining, 100));
        assert!(!has("m2", "master", MemberState::Draining, 100));
        assert!(!has("w1", "worker", MemberState::Active, 100));
        assert!(
            !has("me", "master", MemberState::Active, 100),
            "an old life of mine"
        );
    }
}
