//! How long a node waits before it joins after several deaths of its address, so that the cluster stays stable.
//!
//! A death counts when another node declared it: each of those moved instances and lost attempts. An incarnation that
//! was replaced by its successor, that ended because the generation was raised, or that left in order does not count.
//! No node waits while no other master is active, since then the work would rest.

use std::time::Duration;

use engine::ids::Timestamp;
use engine::states::MemberState;
use ports::{Join, Member, MemberStatus, MembershipStore, StoreError};

use super::incarnation::JoinDelay;
use store::Store;

/// Age from which a death no longer counts.
const REMEMBERED: Duration = Duration::from_secs(5 * 60);

/// Wait after the first death beyond the limit; each further death doubles it.
const FIRST: Duration = Duration::from_secs(15);

/// Longest wait.
const LONGEST: Duration = Duration::from_secs(120);

/// Time that an incarnation which had to wait stays joining, in which it owns nothing.
const PROBATION: Duration = Duration::from_secs(10);

/// Age of a heartbeat from which a master no longer counts as working.
const SILENT_MS: i64 = 5_000;

/// Pause between two polls for the end of the wait.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// What the deaths of an address mean for its next incarnation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Flapping {
    deaths: usize,
    until: Timestamp,
}

/// Evaluates the declared deaths of an address; a limit of 0 lets every node join at once.
fn evaluate_deaths(deaths: &[Timestamp], now: Timestamp, limit: usize) -> Option<Flapping> {
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

/// Waits as long as the deaths of this address demand; returns whether the incarnation that joins is on probation.
pub(super) async fn wait_before_join(
    store: &Store,
    join: &Join,
    limit: usize,
) -> Result<JoinDelay, StoreError> {
    let mut reported = false;
    loop {
        let now = store.now().await?;
        let since = now.plus(-ms(REMEMBERED));
        let deaths = store.declared_deaths(&join.host, since).await?;
        let Some(Flapping { deaths, until }) = evaluate_deaths(&deaths, now, limit) else {
            return Ok(JoinDelay::None);
        };
        if !has_master(&store.list_live_members().await?, &join.host, &join.name) {
            return Ok(JoinDelay::None);
        }
        if now >= until {
            return Ok(JoinDelay::Probation);
        }
        if !reported {
            reported = true;
            tracing::warn!(
                deaths,
                wait_ms = until.since(now),
                "{deaths} incarnations of {} were declared dead within {} minutes: this node waits before it joins, \
                 and owns nothing for {} s after that; find what ends them (`porpoise failover list`). Without \
                 another active master it joins at once; cluster.flapping_deaths sets the limit",
                join.host,
                REMEMBERED.as_secs() / 60,
                PROBATION.as_secs()
            );
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Keeps an incarnation on probation joining: until it is active it owns nothing, and its end moves nothing.
pub(super) async fn stay_joining(store: &dyn MembershipStore, me: &Member) -> Result<(), StoreError> {
    tracing::info!(
        "on probation: this node stays joining for {} s",
        PROBATION.as_secs()
    );
    let until = tokio::time::Instant::now() + PROBATION;
    while tokio::time::Instant::now() < until
        && has_master(&store.list_live_members().await?, &me.host, &me.name)
    {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::ids::Incarnation;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    /// Deaths some seconds ago.
    fn ago(seconds: &[i64]) -> Vec<Timestamp> {
        seconds.iter().map(|s| NOW.plus(-s * 1000)).collect()
    }

    fn waits(seconds: &[i64], limit: usize) -> Option<i64> {
        evaluate_deaths(&ago(seconds), NOW, limit).map(|flapping| flapping.until.since(NOW) / 1000)
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
    fn only_another_active_master_with_fresh_heartbeats_keeps_a_node_waiting() {
        let has =
            |name: &str, roles: &str, state, age| has_master(&[seen(name, roles, state, age)], "me:1", "me");
        assert!(has("m2", "master", MemberState::Active, 100));
        assert!(!has("m2", "master", MemberState::Active, 5_000));
        assert!(!has("m2", "master", MemberState::Joining, 100));
        assert!(!has("m2", "master", MemberState::Draining, 100));
        assert!(!has("w1", "worker", MemberState::Active, 100));
        assert!(
            !has("me", "master", MemberState::Active, 100),
            "an old incarnation of this node"
        );
    }
}
